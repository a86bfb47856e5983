//! Which of its own names a policy uses, for the lint of unused ones.

use super::syntax::words;
use std::collections::BTreeSet;

/// The names that expressions use of `params` or `variables`.
#[derive(Debug, Default)]
pub(crate) struct References<'s> {
    names: BTreeSet<&'s str>,
    /// Whether one uses all of them at once, or by a computed name.
    all: bool,
}

impl<'s> References<'s> {
    /// The names after `root.` in `sources`.
    pub(crate) fn of(root: &str, sources: impl Iterator<Item = &'s str>) -> Self {
        let mut references = Self::default();
        for source in sources {
            // tokens, not the tree: a policy with a syntax error is linted as well
            let words = words(source);
            for (position, _) in words.iter().enumerate().filter(|(_, word)| **word == root) {
                // `body.params` is a field, and not the root `params`
                if position.checked_sub(1).and_then(|before| words.get(before)) == Some(&".") {
                    continue;
                }
                // `params.exists(...)` visits all of them
                let is_called = words.get(position + 3) == Some(&"(");
                match (words.get(position + 1).copied(), words.get(position + 2).copied()) {
                    (Some("."), Some(name)) if !is_called && name != "?" => {
                        references.names.insert(name.trim_matches('`'));
                    }
                    (Some("["), Some(text)) if text.starts_with(['"', '\'']) => {
                        references.names.insert(text.trim_matches(['"', '\'']));
                    }
                    // a computed name may be any of them
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

#[cfg(test)]
mod tests {
    use super::References;

    #[test]
    fn a_name_is_used_however_it_is_written() {
        let references = References::of("params", ["params.a + params.`b-c`", "params[\"d\"]"].into_iter());
        assert!(["a", "b-c", "d"].iter().all(|name| references.has(name)) && !references.has("e"));
        assert!(References::of("params", ["params.?e"].into_iter()).has("e"));
    }
}
