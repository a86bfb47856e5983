//! Which parts of a body a rule reads.

use crate::contract::diff::overlaps;
use std::collections::BTreeSet;

/// The parts of a body that expressions read, as JSON Pointers; the empty one is the whole body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reads(BTreeSet<String>);

impl Reads {
    /// Those among the dotted names of an expression.
    pub(super) fn of(names: &[Vec<String>]) -> Self {
        let steps = names.iter().filter_map(|path| path.split_first().filter(|(root, _)| *root == "body"));
        let pointer = |steps: &[String]| {
            steps.iter().map(|step| format!("/{}", step.replace('~', "~0").replace('/', "~1"))).collect()
        };
        Self(steps.map(|(_, steps)| pointer(steps)).collect())
    }

    /// Reads what `other` reads, too.
    pub(super) fn extend(&mut self, other: &Self) {
        self.0.extend(other.0.iter().cloned());
    }

    /// Whether any of it is, holds or is in the field at `pointer`.
    pub fn touch(&self, pointer: &str) -> bool {
        self.0.iter().any(|read| overlaps(read, pointer))
    }

    /// The fields of the body that are read; none where that is nothing, or whatever a request decides on.
    pub(super) fn fields(&self) -> Option<BTreeSet<&str>> {
        let fields = self.0.iter().map(|pointer| pointer.split('/').nth(1));
        fields.collect::<Option<BTreeSet<_>>>().filter(|fields| !fields.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::Reads;

    fn reads(names: &[&[&str]]) -> Reads {
        Reads::of(&names.iter().map(|path| path.iter().map(|step| (*step).to_owned()).collect()).collect::<Vec<_>>())
    }

    #[test]
    fn what_is_read_touches_what_is_around_and_in_it() {
        let reads = reads(&[&["body", "public_metadata", "role"], &["body", "username"], &["request", "path"]]);
        for (pointer, expected) in [
            ("/public_metadata", true),
            ("/public_metadata/role", true),
            ("/public_metadata/role/name", true),
            ("/public_metadata/other", false),
            ("/public", false),
            ("/path", false),
            ("", true),
        ] {
            assert_eq!(reads.touch(pointer), expected, "{pointer}");
        }
        assert_eq!(
            reads.fields().map(|fields| fields.into_iter().collect::<Vec<_>>()),
            Some(vec!["public_metadata", "username"])
        );
    }

    #[test]
    fn whoever_reads_the_whole_body_reads_every_field() {
        let reads = reads(&[&["body"]]);
        assert!(reads.touch("/anything"));
        assert_eq!(reads.fields(), None);
        assert_eq!(Reads::default().fields(), None);
    }
}
