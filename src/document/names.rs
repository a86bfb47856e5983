//! The names of an object's members: none may stand twice.

use super::node::Member;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use std::hash::{BuildHasher, Hasher, RandomState};

/// Objects with more members than this are indexed by name. In smaller ones a linear search is faster.
pub(super) const LINEAR_MEMBERS: usize = 16;

/// The positions of members by their names.
// keyed at random: names with equal hashes would be compared pair by pair
pub(super) struct NameIndex {
    keys: RandomState,
    positions: HashTable<u32>,
}

/// Whether one of `members` is called `name`. Texts are compared, so that an escape makes no difference.
pub(super) fn repeats_name(members: &[Member], name: &str, text: &str, unescaped: &str) -> bool {
    members.iter().any(|member| member.name.len() == name.len() && member.name.read(text, unescaped) == name)
}

impl NameIndex {
    /// The index of `members`. `None` if a name stands twice.
    pub(super) fn of(members: &[Member], text: &str, unescaped: &str) -> Option<Self> {
        let keys = RandomState::new();
        let mut positions = HashTable::with_capacity(members.len());
        let name_at = |position: &u32| members.get(*position as usize).map(|member| member.name.read(text, unescaped));
        for (position, member) in (0..).zip(members) {
            let name = member.name.read(text, unescaped);
            let is_same = |known: &u32| name_at(known) == Some(name);
            let hash_at = |known: &u32| hash(&keys, name_at(known).unwrap_or_default());
            match positions.entry(hash(&keys, name), is_same, hash_at) {
                Entry::Occupied(_) => return None,
                Entry::Vacant(entry) => drop(entry.insert(position)),
            }
        }
        Some(Self { keys, positions })
    }

    /// The member of `members` that is called `name`.
    pub(super) fn find<'m>(
        &self,
        members: &'m [Member],
        name: &str,
        text: &str,
        unescaped: &str,
    ) -> Option<&'m Member> {
        let member_at = |position: &u32| members.get(*position as usize);
        let is_named = |position: &u32| member_at(position).is_some_and(|it| it.name.read(text, unescaped) == name);
        member_at(self.positions.find(hash(&self.keys, name), is_named)?)
    }
}

/// Of the bytes alone: `hash_one` adds one that keeps apart what is hashed together, and nothing else is.
fn hash(keys: &RandomState, name: &str) -> u64 {
    let mut hasher = keys.build_hasher();
    hasher.write(name.as_bytes());
    hasher.finish()
}
