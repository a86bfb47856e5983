//! A set of JSON Pointers as a tree, for a walk through a body that tracks all of them at once.

use std::borrow::Cow;
use std::collections::BTreeMap;

/// JSON Pointers (RFC 6901). A step `*` matches every name and every position.
#[derive(Clone, Debug, Default)]
pub struct PointerSet {
    root: PointerNode,
}

#[derive(Clone, Debug, Default)]
struct PointerNode {
    /// A pointer ends here.
    is_end: bool,
    members: BTreeMap<String, Self>,
    any: Option<Box<Self>>,
}

/// The nodes of all pointers that match the location of a walk.
// several nodes: a step can match by its name and by `*`
#[derive(Clone, Debug, Default)]
pub struct PointerCursor<'p>(Vec<&'p PointerNode>);

impl PointerSet {
    /// Adds a pointer. Without a leading `/`, it is the name of a member of the root.
    pub fn insert(&mut self, pointer: &str) {
        let mut node = &mut self.root;
        for step in steps(pointer) {
            node = match step.as_ref() {
                "*" => node.any.get_or_insert_default(),
                _ => node.members.entry(step.into_owned()).or_default(),
            };
        }
        node.is_end = true;
    }

    /// A cursor at the root of a body.
    pub fn cursor(&self) -> PointerCursor<'_> {
        let is_empty = !self.root.is_end && self.root.members.is_empty() && self.root.any.is_none();
        PointerCursor(if is_empty { Vec::new() } else { vec![&self.root] })
    }
}

impl PointerCursor<'_> {
    /// Moves to the member `name`, or to the element at that position.
    #[must_use]
    pub fn step(&self, name: &str) -> Self {
        let nexts = self.0.iter().flat_map(|node| [node.members.get(name), node.any.as_deref()]);
        Self(nexts.flatten().collect())
    }

    /// Whether no pointer matches this location or one below it.
    pub const fn is_exhausted(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a pointer matches exactly this location.
    pub fn is_end(&self) -> bool {
        self.0.iter().any(|node| node.is_end)
    }

    /// Whether a pointer has `name` as its next step, not only `*`.
    pub fn has_step(&self, name: &str) -> bool {
        self.0.iter().any(|node| node.members.contains_key(name))
    }
}

/// The steps of a pointer, unescaped; a text without a leading `/` is one name.
pub fn steps(pointer: &str) -> impl Iterator<Item = Cow<'_, str>> {
    let (rest, is_empty) = (pointer.strip_prefix('/').unwrap_or(pointer), pointer.is_empty());
    let parts = rest.split('/').filter(move |_| !is_empty);
    // `~1` before `~0` (RFC 6901, section 4): `~01` is `~1`, not `/`
    parts.map(|step| {
        if step.contains('~') { Cow::Owned(step.replace("~1", "/").replace("~0", "~")) } else { Cow::Borrowed(step) }
    })
}

#[cfg(test)]
mod tests {
    use super::{PointerSet, steps};

    fn pointers(all: &[&str]) -> PointerSet {
        let mut pointers = PointerSet::default();
        for pointer in all {
            pointers.insert(pointer);
        }
        pointers
    }

    #[test]
    fn a_pointer_is_followed_to_its_end() {
        let pointers = pointers(&["/a/b", "/a/*/c", "/x~1y"]);
        let a = pointers.cursor().step("a");
        assert!(!a.is_end() && a.step("b").is_end() && a.has_step("b") && !a.has_step("z"));
        assert!(a.step("0").step("c").is_end() && a.step("b").step("c").is_end());
        assert!(a.step("z").step("b").is_exhausted());
        assert!(pointers.cursor().step("x/y").is_end());
    }

    #[test]
    fn no_pointers_lead_nowhere_and_the_empty_one_is_the_whole() {
        assert!(PointerSet::default().cursor().is_exhausted());
        assert!(pointers(&[""]).cursor().is_end());
        assert_eq!(steps("").count(), 0);
        assert_eq!(steps("name").collect::<Vec<_>>(), ["name"]);
        assert_eq!(steps("/a/~01").collect::<Vec<_>>(), ["a", "~1"]);
    }
}
