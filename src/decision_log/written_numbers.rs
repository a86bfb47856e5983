//! How far the decisions of this process are written, from which follows what never reached the file.

use super::marker::{EntryMarks, LostDecisions, MarkerEvent, is_marker, time_of};
use std::fmt::Write as _;

/// The numbers of the decisions of one run that are in the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WrittenNumbers {
    /// The number of the last decision in the file.
    last: u64,
    /// When the request of that decision was read; empty before the first.
    time: String,
    /// Decisions since then that the file did not take.
    failed: u64,
}

impl WrittenNumbers {
    /// Advances to `line`, which is to be written next. Returns the entry to write before it if decisions are missing there.
    pub fn advance(&mut self, line: &str) -> Option<String> {
        let (run, number) = numbers(line)?;
        let is_decision = !is_marker(line);
        let before = if is_decision { number.saturating_sub(1) } else { number };
        let missing = before.saturating_sub(self.last);
        let lost = (missing > 0).then(|| self.lost_entry(run, before, missing, time_of(line)));
        if is_decision {
            self.time.clear();
            self.time.push_str(time_of(line));
        }
        self.last = self.last.max(number);
        self.failed = 0;
        lost
    }

    fn lost_entry(&self, run: &str, before: u64, count: u64, to: &str) -> String {
        let from = if self.time.is_empty() { to } else { &self.time };
        let write_failed = self.failed.min(count);
        let lost = LostDecisions {
            count,
            from: from.into(),
            // the next decision may have begun before the last one that was written
            to: to.max(from).into(),
            queue_full: count - write_failed,
            write_failed,
        };
        let mut entry = MarkerEvent::Lost.head(to);
        // writing to a `String` cannot fail, and the value has no keys but strings
        let _ = write!(entry, r#","lost":{},"run":"{run}","number":{before}}}"#, serde_json::json!(lost));
        entry
    }

    /// Counts decisions that the file did not take.
    pub const fn fail(&mut self, decisions: u64) {
        self.failed = self.failed.saturating_add(decisions);
    }

    /// Continues after `line`, which is in the file although writing it failed.
    pub fn continue_after(&mut self, line: &str, run: &str) {
        let marks = EntryMarks::read(line).unwrap_or_default();
        if let (Some(of), Some(number)) = (marks.run, marks.number)
            && of == *run
        {
            self.last = self.last.max(number);
        }
    }
}

/// Run and number at the end of a line that is not chained yet.
pub fn numbers(line: &str) -> Option<(&str, u64)> {
    let (before, number) = line.strip_suffix('}')?.rsplit_once(r#","number":"#)?;
    let (_, run) = before.strip_suffix('"')?.rsplit_once(r#","run":""#)?;
    Some((run, number.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::WrittenNumbers;
    use crate::decision_log::marker::{EntryMarks, MarkerEvent, is_marker};

    fn decision(number: u64) -> String {
        format!(r#"{{"time":"2026-05-12T08:30:{number:02}.125Z","decision_id":"a","run":"abc","number":{number}}}"#)
    }

    fn heartbeat(number: u64) -> String {
        MarkerEvent::Heartbeat.head("2026-05-12T08:31:00.000Z") + &format!(r#","run":"abc","number":{number}}}"#)
    }

    #[test]
    fn what_never_came_is_reported_before_the_next_line() {
        let mut numbers = WrittenNumbers::default();
        assert_eq!(numbers.advance(&decision(1)), None);
        numbers.fail(1);
        let lost = numbers.advance(&decision(5)).unwrap();
        assert!(is_marker(&lost) && !is_marker(&decision(5)));
        let marks = EntryMarks::read(&lost).unwrap();
        assert_eq!((marks.event, marks.run.as_deref(), marks.number), (Some(MarkerEvent::Lost), Some("abc"), Some(4)));
        let lost = marks.lost.unwrap();
        assert_eq!((lost.count, lost.write_failed, lost.queue_full), (3, 1, 2));
        assert_eq!((&*lost.from, &*lost.to), ("2026-05-12T08:30:01.125Z", "2026-05-12T08:30:05.125Z"));
        assert_eq!(numbers.advance(&heartbeat(5)), None);
        assert!(numbers.advance(&heartbeat(6)).is_some_and(|lost| lost.contains(r#""count":1"#)));
        assert_eq!(numbers.advance(&decision(7)), None);
    }

    #[test]
    fn a_line_that_was_written_after_all_is_not_lost() {
        let mut numbers = WrittenNumbers::default();
        numbers.advance(&decision(1));
        numbers.fail(1);
        numbers.continue_after(&decision(2), "abd");
        assert!(numbers.clone().advance(&decision(3)).is_some(), "the line is of another process");
        numbers.continue_after(&decision(2), "abc");
        assert_eq!(numbers.advance(&decision(3)), None);
    }
}
