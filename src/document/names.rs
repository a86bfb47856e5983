//! The names of an object's members: none may stand twice.

use super::node::Member;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use std::cell::Cell;
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};

/// Objects with more members than this are indexed by name. In smaller ones a linear search is faster.
pub(super) const LINEAR_MEMBERS: usize = 16;

/// The positions of members by their names.
pub(super) struct NameIndex {
    keys: HashKeys,
    positions: HashTable<u32>,
}

/// The function that hashes names, with its random keys.
enum HashKeys {
    Fast(foldhash::quality::RandomState),
    Flooded(RandomState),
}

/// Why names have no index.
#[derive(Debug, PartialEq, Eq)]
enum NoIndex {
    /// A name stands twice.
    Repeated,
    /// More names have the same hash than chance explains.
    Flooded,
}

/// Whether one of `members` is called `name`. Texts are compared, so that an escape makes no difference.
pub(super) fn repeats_name(members: &[Member], name: &str, text: &str, unescaped: &str) -> bool {
    let is_same = |member: &Member| member.name.bytes(text, unescaped) == name.as_bytes();
    members.iter().any(|member| member.name.len() == name.len() && is_same(member))
}

impl NameIndex {
    /// The index of `members`. `None` if a name stands twice.
    // SipHash takes four times as long as this fast function, which is not made for names that were chosen to have the same hash.
    // They show, and then it is the one: in all, this takes no longer than twice the time for ordinary names.
    pub(super) fn of(members: &[Member], text: &str, unescaped: &str) -> Option<Self> {
        let fast = foldhash::quality::RandomState::default();
        match index(&fast, members, text, unescaped, members.len()) {
            Ok(positions) => Some(Self { keys: HashKeys::Fast(fast), positions }),
            Err(NoIndex::Repeated) => None,
            Err(NoIndex::Flooded) => {
                let keys = RandomState::new();
                let positions = index(&keys, members, text, unescaped, usize::MAX).ok()?;
                Some(Self { keys: HashKeys::Flooded(keys), positions })
            }
        }
    }

    /// The member of `members` that is called `name`.
    pub(super) fn find<'m>(
        &self,
        members: &'m [Member],
        name: &str,
        text: &str,
        unescaped: &str,
    ) -> Option<&'m Member> {
        let hash = match &self.keys {
            HashKeys::Fast(keys) => hash(keys, name.as_bytes()),
            HashKeys::Flooded(keys) => hash(keys, name.as_bytes()),
        };
        let member_at = |position: &u32| members.get(*position as usize);
        let is_named =
            |position: &u32| member_at(position).is_some_and(|it| it.name.bytes(text, unescaped) == name.as_bytes());
        member_at(self.positions.find(hash, is_named)?)
    }
}

/// The positions of `members` by the hashes of their names, of which at most `most_unlike` may be compared with one another in
/// vain.
fn index(
    keys: &impl BuildHasher,
    members: &[Member],
    text: &str,
    unescaped: &str,
    most_unlike: usize,
) -> Result<HashTable<u32>, NoIndex> {
    let mut positions = HashTable::with_capacity(members.len());
    let unlike = Cell::new(0);
    let name_at = |position: &u32| members.get(*position as usize).map(|member| member.name.bytes(text, unescaped));
    for (position, member) in (0..).zip(members) {
        let name = member.name.bytes(text, unescaped);
        let is_same = |known: &u32| {
            let is_same = name_at(known) == Some(name);
            unlike.set(unlike.get() + usize::from(!is_same));
            is_same
        };
        let hash_at = |known: &u32| hash(keys, name_at(known).unwrap_or_default());
        match positions.entry(hash(keys, name), is_same, hash_at) {
            Entry::Occupied(_) => return Err(NoIndex::Repeated),
            Entry::Vacant(entry) => drop(entry.insert(position)),
        }
        // seven bits of two hashes are the same by chance in one of 128 comparisons, of which each name has few
        if unlike.get() > most_unlike {
            return Err(NoIndex::Flooded);
        }
    }
    Ok(positions)
}

/// Of the bytes alone: `hash_one` adds one that keeps apart what is hashed together, and nothing else is.
fn hash(keys: &impl BuildHasher, name: &[u8]) -> u64 {
    let mut hasher = keys.build_hasher();
    hasher.write(name);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::super::node::DocumentSpan;
    use super::super::packed::{PackedNode, PackedText};
    use super::{HashKeys, Member, NameIndex, NoIndex, hash, index};
    use std::hash::{BuildHasherDefault, DefaultHasher, Hasher};

    /// Gives every name the same hash.
    #[derive(Default)]
    struct Constant;

    impl Hasher for Constant {
        fn write(&mut self, _: &[u8]) {}

        fn finish(&self) -> u64 {
            7
        }
    }

    /// A text of `count` names of four digits each, and the members with these names.
    fn members(count: usize) -> (String, Vec<Member>) {
        let text: String = (0..count).map(|number| format!("{number:04}")).collect();
        let name = |start| PackedText::of_text(DocumentSpan::new(start, start + 4).expect("a short text"));
        let members = (0..count).map(|number| Member { name: name(number * 4), value: PackedNode::NULL });
        let members = members.collect();
        (text, members)
    }

    #[test]
    fn names_with_one_hash_are_not_compared_pair_by_pair() {
        let (text, members) = members(5_000);
        let keys = BuildHasherDefault::<Constant>::default();
        assert_eq!(index(&keys, &members, &text, "", members.len()).err(), Some(NoIndex::Flooded));
        // nor is a name that stands twice overlooked because of them
        let twice: Vec<Member> = members.iter().take(20).chain(members.first()).copied().collect();
        assert_eq!(index(&keys, &twice, &text, "", usize::MAX).err(), Some(NoIndex::Repeated));
        assert!(NameIndex::of(&twice, &text, "").is_none());
    }

    #[test]
    fn ordinary_names_are_indexed_by_the_fast_function() {
        for count in [17, 100, 5_000] {
            let (text, members) = members(count);
            for _ in 0..20 {
                let index = NameIndex::of(&members, &text, "").expect("no name stands twice");
                assert!(matches!(index.keys, HashKeys::Fast(_)), "{count}");
                for (number, member) in members.iter().enumerate() {
                    let found = index.find(&members, &format!("{number:04}"), &text, "").expect("a member");
                    assert!(std::ptr::eq(found, member));
                }
                assert!(index.find(&members, "none", &text, "").is_none());
            }
        }
    }

    #[test]
    fn what_is_indexed_after_a_flood_is_found() {
        let (text, members) = members(100);
        let keys = std::hash::RandomState::new();
        let positions = index(&keys, &members, &text, "", usize::MAX).expect("no name stands twice");
        let index = NameIndex { keys: HashKeys::Flooded(keys), positions };
        assert!(index.find(&members, "0042", &text, "").is_some() && index.find(&members, "0100", &text, "").is_none());
        let other = BuildHasherDefault::<DefaultHasher>::default();
        assert_ne!(hash(&other, b"0042"), hash(&other, b"0043"));
    }
}
