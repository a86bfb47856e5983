//! Which parts of a body a rule reads.

use crate::contract::diff::overlaps;
use std::collections::BTreeSet;

/// The parts of a body that expressions read, as JSON Pointers; the empty one is the whole body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reads(BTreeSet<String>);

impl Reads {
    /// Reads the field of the body called `name`, or what is in it.
    pub(crate) fn field(&mut self, name: &str) {
        self.0.insert(pointer(name));
    }

    /// Reads a field that only a request decides on.
    pub(crate) fn any_field(&mut self) {
        self.0.insert(String::new());
    }

    /// Reads what `other` reads, too.
    pub(crate) fn extend(&mut self, other: &Self) {
        self.0.extend(other.0.iter().cloned());
    }

    /// Whether any of it is, holds or is in the field at `pointer`.
    pub fn touch(&self, pointer: &str) -> bool {
        self.0.iter().any(|read| overlaps(read, pointer))
    }

    /// Whether any of it is or is in the field of the body called `name`.
    pub(crate) fn touch_field(&self, name: &str) -> bool {
        self.touch(&pointer(name))
    }

    /// Whether it reads nothing.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The fields of the body that are read by their names.
    pub(super) fn by_name(&self) -> BTreeSet<&str> {
        self.0.iter().filter_map(|pointer| pointer.split('/').nth(1)).collect()
    }

    /// Whether it reads a field by its name: what is so in a body that is no object is absent, whatever that holds.
    pub(super) fn any_named(&self) -> bool {
        self.0.iter().any(|pointer| !pointer.is_empty())
    }

    /// Whether it reads fields that only a request decides on, or the body as a whole.
    pub(super) fn any_unnamed(&self) -> bool {
        self.0.contains("")
    }

    /// The fields of the body that are read; `None` if there are none, or if only a request decides which.
    pub(crate) fn fields(&self) -> Option<BTreeSet<&str>> {
        let fields = self.0.iter().map(|pointer| pointer.split('/').nth(1));
        fields.collect::<Option<BTreeSet<_>>>().filter(|fields| !fields.is_empty())
    }
}

/// The JSON Pointer to the field of the body called `name`.
fn pointer(name: &str) -> String {
    format!("/{}", name.replace('~', "~0").replace('/', "~1"))
}

#[cfg(test)]
mod tests {
    use super::Reads;

    #[test]
    fn what_is_read_touches_what_is_around_and_in_it() {
        let mut reads = Reads::default();
        reads.field("public_metadata");
        reads.field("username");
        for (pointer, expected) in [
            ("/public_metadata", true),
            ("/public_metadata/role", true),
            ("/public_metadata/role/name", true),
            ("/public", false),
            ("/path", false),
            ("", true),
        ] {
            assert_eq!(reads.touch(pointer), expected, "{pointer}");
        }
        let fields = reads.fields().map(|fields| fields.into_iter().collect::<Vec<_>>());
        assert_eq!(fields, Some(vec!["public_metadata", "username"]));
    }

    #[test]
    fn reading_any_field_reads_every_field() {
        let mut reads = Reads::default();
        assert_eq!(reads.fields(), None);
        reads.any_field();
        assert!(reads.touch("/anything"));
        assert_eq!(reads.fields(), None);
    }
}
