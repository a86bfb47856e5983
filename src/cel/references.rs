//! Which of a policy's own names its expressions use.

use super::syntax::words;
use std::collections::BTreeSet;

/// The names that expressions use of `params` or `variables`.
#[derive(Debug, Default)]
pub(crate) struct References<'s> {
    names: BTreeSet<&'s str>,
    /// Whether one uses all of them at once, or by a name that it makes up.
    all: bool,
}

impl<'s> References<'s> {
    /// The names behind `root` in `sources`.
    pub(crate) fn of(root: &str, sources: impl Iterator<Item = &'s str>) -> Self {
        let mut references = Self::default();
        for source in sources {
            let words = words(source);
            for (position, _) in words.iter().enumerate().filter(|(_, word)| **word == root) {
                // `body.params` is another thing
                if position.checked_sub(1).and_then(|before| words.get(before)) == Some(&".") {
                    continue;
                }
                let is_called = words.get(position + 3) == Some(&"(");
                match (words.get(position + 1).copied(), words.get(position + 2).copied()) {
                    (Some("."), Some(name)) if !is_called => _ = references.names.insert(name),
                    (Some("["), Some(text)) if text.starts_with(['"', '\'']) => {
                        references.names.insert(text.trim_matches(['"', '\'']));
                    }
                    _ => references.all = true,
                }
            }
        }
        references
    }

    /// Whether an expression uses `name`.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.all || self.names.contains(name)
    }
}
