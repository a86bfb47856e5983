//! The last refusals of this process, for the admin listener: what explains one by its id without a log file.

use bytes::Bytes;
use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Most refusals that are kept.
const MOST: usize = 256;
/// Most bytes of all of them together.
// constant, and small beside any budget: it is in none
const MOST_BYTES: usize = 512 * 1024;

/// Refusals as lines of JSON, the oldest first. Bounded by number and by bytes.
#[derive(Debug, Default)]
pub(super) struct RecentRefusals(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    refusals: VecDeque<(u64, Bytes)>,
    bytes: usize,
}

/// What was found of a refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RecentRefusal {
    /// The line of the decision, in JSON.
    Line(Bytes),
    /// None of this id; so many are kept.
    Unknown {
        /// The number of refusals that are kept now.
        kept: usize,
        /// Most that are kept.
        most: usize,
        /// Most bytes of all of them.
        most_bytes: usize,
    },
}

impl RecentRefusals {
    /// Whether a line of this length can be kept beside others.
    // one request must not push out the refusals of all others
    pub(super) const fn has_room_for(length: usize) -> bool {
        length <= MOST_BYTES / 16
    }

    /// Keeps the line of a refusal, in place of the oldest ones if there is no room.
    pub(super) fn add(&self, id: u64, line: &[u8]) {
        if !Self::has_room_for(line.len()) {
            return;
        }
        let line = Bytes::copy_from_slice(line);
        let mut kept = self.lock();
        kept.bytes += line.len();
        kept.refusals.push_back((id, line));
        while kept.refusals.len() > MOST || kept.bytes > MOST_BYTES {
            let Some((_, oldest)) = kept.refusals.pop_front() else { break };
            kept.bytes -= oldest.len();
        }
    }

    /// The refusal of this id, as the response shows it.
    pub(super) fn find(&self, id: &str) -> RecentRefusal {
        let kept = self.lock();
        // digits only: a number may begin with a sign, which no id does
        let is_id = id.len() == 16 && id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let number = u64::from_str_radix(id, 16).ok().filter(|_| is_id);
        // from the newest on: an operator asks for what just happened
        let found = kept.refusals.iter().rev().find(|(id, _)| Some(*id) == number);
        match found {
            Some((_, line)) => RecentRefusal::Line(line.clone()),
            None => RecentRefusal::Unknown { kept: kept.refusals.len(), most: MOST, most_bytes: MOST_BYTES },
        }
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        // a thread that panicked while it held the lock left a queue that is still worth showing
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::{MOST, MOST_BYTES, RecentRefusal, RecentRefusals};

    fn is_kept(refusals: &RecentRefusals, id: u64) -> bool {
        matches!(refusals.find(&format!("{id:016x}")), RecentRefusal::Line(_))
    }

    fn count(refusals: &RecentRefusals) -> usize {
        match refusals.find("none") {
            RecentRefusal::Unknown { kept, .. } => kept,
            RecentRefusal::Line(line) => panic!("{line:?}"),
        }
    }

    #[test]
    fn the_oldest_refusals_make_room_by_number() {
        let refusals = RecentRefusals::default();
        (0..MOST as u64 + 2).for_each(|id| refusals.add(id, b"{}"));
        assert_eq!(count(&refusals), MOST);
        assert!(!is_kept(&refusals, 1) && is_kept(&refusals, 2) && is_kept(&refusals, MOST as u64 + 1));
    }

    #[test]
    fn the_oldest_refusals_make_room_by_bytes() {
        let refusals = RecentRefusals::default();
        let line = vec![b'x'; MOST_BYTES / 16];
        (0..20).for_each(|id| refusals.add(id, &line));
        assert_eq!((count(&refusals), refusals.lock().bytes), (16, MOST_BYTES));
        assert!(!is_kept(&refusals, 3) && is_kept(&refusals, 4));
        refusals.add(99, &[line, vec![b'x']].concat());
        assert!(!is_kept(&refusals, 99) && count(&refusals) == 16, "one refusal may not push out all others");
    }

    #[test]
    fn only_the_id_of_a_response_finds_a_refusal() {
        let refusals = RecentRefusals::default();
        refusals.add(0xabc, b"{\"a\":1}");
        assert_eq!(refusals.find("0000000000000abc"), RecentRefusal::Line(b"{\"a\":1}"[..].into()));
        for other in ["abc", "", "0000000000000abd", "+000000000000abc", "0000000000000abcd", "\u{e9}"] {
            assert!(matches!(refusals.find(other), RecentRefusal::Unknown { .. }), "{other}");
        }
    }
}
