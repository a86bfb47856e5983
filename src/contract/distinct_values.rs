//! The different values of a list, by JSON equality: numbers are equal if they are so mathematically.

use crate::decimal::DecimalText;
use crate::document::{JsonKind, NodeRef, View};
use std::collections::HashMap;
use std::collections::hash_map::{Entry, RandomState};
use std::hash::{BuildHasher, Hash, Hasher};

/// The values seen so far.
// keyed at random: a list of values with equal hashes would be compared pair by pair
#[derive(Default)]
pub(super) struct DistinctValues<'a> {
    keys: RandomState,
    seen: HashMap<u64, NodeRef<'a>>,
}

/// Spends steps of a budget. Returns whether there were as many left.
type Spend<'s> = &'s mut dyn FnMut(usize) -> bool;

impl<'a> DistinctValues<'a> {
    /// Adds `value`. Returns whether it is new. `spend` pays for reading it, at most once for each value in it.
    pub(super) fn insert(&mut self, value: NodeRef<'a>, spend: Spend<'_>) -> bool {
        let mut hasher = self.keys.build_hasher();
        hash(value, &mut hasher, &self.keys, spend);
        match self.seen.entry(hasher.finish()) {
            Entry::Vacant(entry) => {
                entry.insert(value);
                true
            }
            // two different values with one hash of 64 bits do not occur; if they did, the list would be refused
            Entry::Occupied(_) => false,
        }
    }
}

fn hash<H: Hasher>(value: NodeRef<'_>, hasher: &mut H, keys: &RandomState, spend: Spend<'_>) {
    if !spend(1) {
        return;
    }
    match value.kind() {
        JsonKind::Null => 0_u8.hash(hasher),
        JsonKind::Bool(value) => (1_u8, value).hash(hasher),
        JsonKind::Number(text) => (2_u8, DecimalText::of(text).normal_form()).hash(hasher),
        JsonKind::String(text) => {
            spend(text.len() / 8);
            (3_u8, text).hash(hasher);
        }
        JsonKind::Array => {
            (4_u8, value.len()).hash(hasher);
            (0..value.len()).filter_map(|at| value.child(at)).for_each(|it| hash(it, hasher, keys, spend));
        }
        JsonKind::Object => {
            // a sum: members have no order
            let sum = value.members().fold(0_u64, |sum, (name, member)| {
                let mut own = keys.build_hasher();
                name.hash(&mut own);
                hash(member, &mut own, keys, spend);
                sum.wrapping_add(own.finish())
            });
            (5_u8, value.len(), sum).hash(hasher);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::DistinctValues;
    use crate::document::{Document, View};

    fn is_unique(list: &str) -> bool {
        let document = Document::parse(bytes::Bytes::copy_from_slice(list.as_bytes())).expect(list);
        let mut all = DistinctValues::default();
        let root = document.root();
        (0..root.len()).filter_map(|at| root.child(at)).all(|value| all.insert(value, &mut |_| true))
    }

    #[test]
    fn values_are_equal_as_json() {
        for list in
            ["[1,1.0]", "[100,1e2]", "[0,-0.0]", "[0.10,1e-1]", "[12.5,1.25e1]", "[1e999,10e998]", "[1200,12e2]"]
        {
            assert!(!is_unique(list), "{list}");
        }
        for list in [r#"["a","\u0061"]"#, r#"[{"a":1,"b":[2]},{"b":[2.0],"a":1}]"#, "[[],[]]", "[null,null]"] {
            assert!(!is_unique(list), "{list}");
        }
        for list in ["[1,-1]", "[1,10,100]", "[1.01,1.1,10.1,101]", "[0.1,0.01]", r#"[1,"1",true,null,[],{}]"#] {
            assert!(is_unique(list), "{list}");
        }
        for list in [r#"[{"a":1},{"a":2}]"#, r#"[["a"],["a",null]]"#, r#"[{"a":{"b":1}},{"b":{"a":1}}]"#] {
            assert!(is_unique(list), "{list}");
        }
    }
}
