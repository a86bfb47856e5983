//! The last refusals of this process, for the admin listener: what explains one by its id without a log file.

use crate::judge::violation::Violation;
use crate::telemetry::record::{RequestRecord, SHOWN_VIOLATIONS};
use bytes::Bytes;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Most refusals that are kept.
const MOST: usize = 256;
/// Most bytes of all of them together.
// constant, and small beside any budget: it is in none
const MOST_BYTES: usize = 1024 * 1024;
/// Most bytes of the entry of one.
// one request must not push out the refusals of all others
const MOST_ENTRY_BYTES: usize = 32 * 1024;

/// Refusals, the oldest first. Bounded by number and by bytes.
#[derive(Debug, Default)]
pub(super) struct RecentRefusals(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    refusals: VecDeque<Arc<KeptRefusal>>,
    bytes: usize,
}

/// A refusal as it was recorded.
// formatted when it is asked for: hardly any is, and formatting takes a quarter of the time of a refused request
#[derive(Debug)]
pub(super) struct KeptRefusal {
    pub(super) record: RequestRecord,
    /// Its entry in the decision log without the end, if there is such a log.
    pub(super) entry: Option<Bytes>,
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

impl KeptRefusal {
    /// About the memory that it takes, in bytes.
    fn bytes(&self) -> usize {
        let (record, entry) = (&self.record, self.entry.as_ref().map_or(0, Bytes::len));
        let unknown = record.unknown_fields.iter().chain(&record.unknown_path).map(String::len).sum::<usize>();
        size_of::<Self>() + entry + unknown + record.violations.len() * 2 * size_of::<Violation>()
    }
}

impl RecentRefusals {
    /// Keeps a refusal, in place of the oldest ones if there is no room. `entry` is left out if it is too large: it has the shape of
    /// a large body, and the rules and their texts explain more.
    pub(super) fn add(&self, record: &RequestRecord, entry: Option<Bytes>) {
        let mut record = record.clone();
        record.violations.truncate(SHOWN_VIOLATIONS);
        let entry = entry.filter(|entry| entry.len() <= MOST_ENTRY_BYTES);
        let refusal = Arc::new(KeptRefusal { record, entry });
        let mut kept = self.lock();
        kept.bytes += refusal.bytes();
        kept.refusals.push_back(refusal);
        while kept.refusals.len() > MOST || kept.bytes > MOST_BYTES {
            let Some(oldest) = kept.refusals.pop_front() else { break };
            kept.bytes -= oldest.bytes();
        }
    }

    /// The refusal of this id, as the response shows it, formatted by `format`.
    pub(super) fn find(&self, id: &str, format: impl FnOnce(&KeptRefusal) -> Vec<u8>) -> RecentRefusal {
        // digits only: a number may begin with a sign, which no id does
        let is_id = id.len() == 16 && id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let number = u64::from_str_radix(id, 16).ok().filter(|_| is_id);
        let kept = self.lock();
        // from the newest on: an operator asks for what just happened
        let found = kept.refusals.iter().rev().find(|refusal| Some(refusal.record.decision_id.0) == number).cloned();
        let count = kept.refusals.len();
        drop(kept);
        match found {
            Some(refusal) => RecentRefusal::Line(format(&refusal).into()),
            None => RecentRefusal::Unknown { kept: count, most: MOST, most_bytes: MOST_BYTES },
        }
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        // a thread that panicked while it held the lock left a queue that is still worth showing
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::{MOST, MOST_BYTES, MOST_ENTRY_BYTES, RecentRefusal, RecentRefusals};
    use crate::telemetry::record::{DecisionId, RequestRecord, samples};
    use bytes::Bytes;

    fn refusal(id: u64) -> RequestRecord {
        RequestRecord { decision_id: DecisionId(id), ..samples::denied_request() }
    }

    fn entry_of(refusals: &RecentRefusals, id: &str) -> Option<Vec<u8>> {
        let entry = |kept: &super::KeptRefusal| kept.entry.clone().unwrap_or_default().to_vec();
        match refusals.find(id, entry) {
            RecentRefusal::Line(line) => Some(line.to_vec()),
            RecentRefusal::Unknown { .. } => None,
        }
    }

    fn is_kept(refusals: &RecentRefusals, id: u64) -> bool {
        entry_of(refusals, &format!("{id:016x}")).is_some()
    }

    #[test]
    fn the_oldest_refusals_make_room_by_number() {
        let refusals = RecentRefusals::default();
        (0..MOST as u64 + 2).for_each(|id| refusals.add(&refusal(id), None));
        assert_eq!(refusals.lock().refusals.len(), MOST);
        assert!(!is_kept(&refusals, 1) && is_kept(&refusals, 2) && is_kept(&refusals, MOST as u64 + 1));
    }

    #[test]
    fn the_oldest_refusals_make_room_by_bytes() {
        let refusals = RecentRefusals::default();
        let entry = Bytes::from(vec![b'x'; MOST_ENTRY_BYTES]);
        for id in 0..40 {
            refusals.add(&refusal(id), Some(entry.clone()));
            let kept = refusals.lock();
            let bytes = kept.refusals.iter().map(|refusal| refusal.bytes()).sum::<usize>();
            assert!(kept.bytes <= MOST_BYTES && kept.bytes == bytes, "{} {bytes}", kept.bytes);
        }
        assert!(!is_kept(&refusals, 3) && is_kept(&refusals, 39));
    }

    #[test]
    fn a_large_entry_is_left_out() {
        let refusals = RecentRefusals::default();
        refusals.add(&refusal(1), Some(vec![b'x'; MOST_ENTRY_BYTES + 1].into()));
        assert_eq!(entry_of(&refusals, "0000000000000001"), Some(Vec::new()));
    }

    #[test]
    fn only_the_id_of_a_response_finds_a_refusal() {
        let refusals = RecentRefusals::default();
        refusals.add(&refusal(0xabc), Some(b"{\"a\":1"[..].into()));
        assert_eq!(entry_of(&refusals, "0000000000000abc").as_deref(), Some(&b"{\"a\":1"[..]));
        for other in ["abc", "", "0000000000000abd", "+000000000000abc", "0000000000000abcd", "\u{e9}"] {
            assert_eq!(entry_of(&refusals, other), None, "{other}");
        }
    }
}
