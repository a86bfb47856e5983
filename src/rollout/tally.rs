//! Counts by name, in bounded memory.

use std::cmp::Reverse;
use std::collections::HashMap;

/// Maximum length of a name in bytes; longer names are cut.
const MAX_NAME: usize = 256;

/// The number of times each name was added. The first `room` distinct names have a count each, all others share one.
#[derive(Clone, Debug)]
pub struct Tally {
    counts: HashMap<Box<str>, u64>,
    room: usize,
    others: u64,
}

impl Tally {
    /// An empty tally with counts for up to `room` names.
    pub fn new(room: usize) -> Self {
        Self { counts: HashMap::new(), room, others: 0 }
    }

    /// Counts `name` once.
    pub fn add(&mut self, name: &str) {
        // names are read from a file that may not be ours: neither their number nor their length may fill the memory
        let name = truncate(name);
        if let Some(count) = self.counts.get_mut(name) {
            *count += 1;
        } else if self.counts.len() < self.room {
            self.counts.insert(name.into(), 1);
        } else {
            self.others += 1;
        }
    }

    /// Adds the counts of `later`, a tally of later entries.
    pub fn merge(&mut self, later: &Self) {
        self.others += later.others;
        // the most frequent first, so that they get the room that is left
        for (name, count) in later.by_count() {
            if let Some(known) = self.counts.get_mut(name) {
                *known += count;
            } else if self.counts.len() < self.room {
                self.counts.insert(name.into(), count);
            } else {
                self.others += count;
            }
        }
    }

    /// Names and counts, the highest count first.
    pub fn by_count(&self) -> Vec<(&str, u64)> {
        let mut all: Vec<_> = self.counts.iter().map(|(name, count)| (name.as_ref(), *count)).collect();
        all.sort_unstable_by_key(|(name, count)| (Reverse(*count), *name));
        all
    }

    /// Names and counts, sorted by name.
    pub fn by_name(&self) -> Vec<(&str, u64)> {
        let mut all: Vec<_> = self.counts.iter().map(|(name, count)| (name.as_ref(), *count)).collect();
        all.sort_unstable();
        all
    }

    /// The shared count of names for which there was no room.
    pub const fn others(&self) -> u64 {
        self.others
    }
}

/// The first [`MAX_NAME`] bytes of `name`, cut between characters.
fn truncate(name: &str) -> &str {
    let mut end = name.len().min(MAX_NAME);
    // at most three steps back: a character in UTF-8 has four bytes at most
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    name.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{MAX_NAME, Tally};

    #[test]
    fn what_there_is_no_room_for_is_counted_together() {
        let mut tally = Tally::new(2);
        for name in ["b", "a", "b", "c", "d", "c"] {
            tally.add(name);
        }
        assert_eq!(tally.by_count(), [("b", 2), ("a", 1)]);
        assert_eq!(tally.by_name(), [("a", 1), ("b", 2)]);
        assert_eq!(tally.others(), 3);
    }

    #[test]
    fn tallies_add_up_and_neither_more_room_nor_a_sighting_comes_of_it() {
        let of = |names: &[&str]| {
            let mut tally = Tally::new(2);
            for name in names {
                tally.add(name);
            }
            tally
        };
        let mut tally = of(&["a", "a"]);
        tally.merge(&of(&["c", "b", "b", "d"]));
        tally.merge(&of(&["a", "d"]));
        assert_eq!((tally.by_count(), tally.others()), (vec![("a", 3), ("b", 2)], 3));
    }

    #[test]
    fn long_names_are_cut_between_letters() {
        let mut tally = Tally::new(1);
        tally.add(&"\u{20ac}".repeat(1_000));
        assert_eq!(tally.by_count()[0].0.len(), MAX_NAME - MAX_NAME % 3);
    }
}
