//! Counts by name, bounded.

use std::cmp::Reverse;
use std::collections::HashMap;

/// Longest name that is kept, in bytes; what is longer is cut.
const LONGEST: usize = 256;

/// How often each thing was seen: the first ones by name, those that came when there was no more room only together.
#[derive(Clone, Debug)]
pub struct Tally {
    counts: HashMap<Box<str>, u64>,
    room: usize,
    others: u64,
}

impl Tally {
    /// Counts up to `room` things by name.
    pub fn new(room: usize) -> Self {
        Self { counts: HashMap::new(), room, others: 0 }
    }

    /// Counts one more of `name`.
    pub fn add(&mut self, name: &str) {
        let name = cut(name);
        if let Some(count) = self.counts.get_mut(name) {
            *count += 1;
        } else if self.counts.len() < self.room {
            self.counts.insert(name.into(), 1);
        } else {
            self.others += 1;
        }
    }

    /// Adds what was counted of what comes after.
    pub fn merge(&mut self, later: &Self) {
        self.others += later.others;
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

    /// Each by name, most often seen first.
    pub fn by_count(&self) -> Vec<(&str, u64)> {
        let mut all: Vec<_> = self.counts.iter().map(|(name, count)| (name.as_ref(), *count)).collect();
        all.sort_unstable_by_key(|(name, count)| (Reverse(*count), *name));
        all
    }

    /// Each by name, in the order of names.
    pub fn by_name(&self) -> Vec<(&str, u64)> {
        let mut all: Vec<_> = self.counts.iter().map(|(name, count)| (name.as_ref(), *count)).collect();
        all.sort_unstable();
        all
    }

    /// How many sightings are counted without a name.
    pub const fn others(&self) -> u64 {
        self.others
    }
}

/// The start of `name`, where it is longer than what is kept.
fn cut(name: &str) -> &str {
    let mut end = name.len().min(LONGEST);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    name.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{LONGEST, Tally};

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
        assert_eq!(tally.by_count()[0].0.len(), LONGEST - LONGEST % 3);
    }
}
