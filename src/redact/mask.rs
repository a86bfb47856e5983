//! Masks: values that the configuration removes in addition to secrets. A mask can only remove more.

use super::pointers::{PointerCursor, PointerSet, steps};
use std::collections::BTreeSet;

/// The masks of a configuration. Names are compared without case, so that a case variant of a name is hidden, too.
#[derive(Clone, Debug, Default)]
pub struct Masks {
    pointers: PointerSet,
    names: BTreeSet<String>,
    headers: BTreeSet<String>,
    query: BTreeSet<String>,
}

/// The masks at one location of a body.
#[derive(Clone, Debug)]
pub struct MaskCursor<'m> {
    masks: &'m Masks,
    followed: PointerCursor<'m>,
    is_hidden: bool,
}

impl Masks {
    /// Hides what is at `pointers` of bodies and below, members and parameters of these `names` wherever they are, and
    /// `headers` and parameters of the `query` by name.
    pub fn new(pointers: &[String], names: &[String], headers: &[String], query: &[String]) -> Self {
        let folded = |names: &[String]| names.iter().map(|name| fold(name)).collect();
        let mut masks =
            Self { names: folded(names), headers: folded(headers), query: folded(query), ..Self::default() };
        for pointer in pointers {
            masks.pointers.insert(&fold(pointer));
        }
        masks
    }

    /// A cursor at the root of a body.
    pub fn cursor(&self) -> MaskCursor<'_> {
        let followed = self.pointers.cursor();
        MaskCursor { masks: self, is_hidden: followed.is_end(), followed }
    }

    /// Whether the parameter of a path is hidden.
    pub fn hide_parameter(&self, name: &str) -> bool {
        self.hide_name(name)
    }

    /// Whether the header is hidden.
    pub fn hide_header(&self, name: &str) -> bool {
        self.hide_name(name) || is_in(&self.headers, name)
    }

    /// Whether the parameter of a query is hidden.
    pub fn hide_query(&self, name: &str) -> bool {
        self.hide_name(name) || is_in(&self.query, name)
    }

    /// The number of steps of `pointer` that may be shown, if a later step is hidden; `None` if all may be shown.
    pub fn visible_steps(&self, pointer: &str) -> Option<usize> {
        let mut masking = self.cursor();
        steps(pointer).position(|step| {
            masking = masking.step(&step);
            masking.is_hidden
        })
    }

    fn hide_name(&self, name: &str) -> bool {
        is_in(&self.names, name)
    }
}

impl MaskCursor<'_> {
    /// Moves to the member `name`, or to the element at that position.
    #[must_use]
    pub fn step(&self, name: &str) -> Self {
        if self.followed.is_exhausted() {
            // no pointer leads here: names alone decide, without folding the name for a lookup in the tree
            return Self { is_hidden: self.is_hidden || self.masks.hide_name(name), ..self.clone() };
        }
        let followed = self.followed.step(&fold(name));
        // once hidden, everything below is hidden
        let is_hidden = self.is_hidden || followed.is_end() || self.masks.hide_name(name);
        Self { masks: self.masks, followed, is_hidden }
    }

    /// Whether no pointer leads further from here, so that only names decide what is hidden below.
    pub const fn is_name_only(&self) -> bool {
        self.followed.is_exhausted()
    }

    /// Whether this location and everything below it is hidden.
    pub const fn is_hidden(&self) -> bool {
        self.is_hidden
    }
}

fn is_in(names: &BTreeSet<String>, name: &str) -> bool {
    !names.is_empty() && names.contains(&fold(name))
}

fn fold(name: &str) -> String {
    name.to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::Masks;

    fn masks() -> Masks {
        let list = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        Masks::new(&list(&["/public_metadata/tax", "/list/*/id"]), &list(&["ssn"]), &list(&["X-Team"]), &list(&["q"]))
    }

    #[test]
    fn a_body_is_hidden_at_a_pointer_and_below_and_at_a_name_anywhere() {
        let masks = masks();
        let hidden = |steps: &[&str]| steps.iter().fold(masks.cursor(), |here, step| here.step(step)).is_hidden();
        assert!(hidden(&["public_metadata", "tax"]) && hidden(&["public_metadata", "TAX", "deep", "er"]));
        assert!(hidden(&["list", "7", "id"]) && hidden(&["a", "SSN"]) && hidden(&["public_metadata", "ssn", "b"]));
        assert!(!hidden(&["public_metadata"]) && !hidden(&["tax"]) && !hidden(&["list", "7"]) && !hidden(&[]));
    }

    #[test]
    fn headers_and_parameters_are_hidden_by_name() {
        let masks = masks();
        assert!(masks.hide_header("x-team") && masks.hide_header("ssn") && !masks.hide_header("q"));
        assert!(masks.hide_query("q") && masks.hide_query("ssn") && !masks.hide_query("x-team"));
        assert!(masks.hide_parameter("ssn") && !masks.hide_parameter("q"));
    }

    #[test]
    fn a_pointer_is_shown_up_to_what_is_hidden() {
        let masks = masks();
        assert_eq!(masks.visible_steps("/public_metadata/tax/deep"), Some(1));
        assert_eq!(masks.visible_steps("ssn"), Some(0));
        assert_eq!(masks.visible_steps("/public_metadata/role"), None);
        assert_eq!(Masks::default().visible_steps("/a"), None);
    }
}
