//! Which decisions are missing between those that were read, by their numbers, in whatever order the files are given.

use crate::decision_log::LogEntry;
use crate::decision_log::marker::EntryMarks;
use std::collections::BTreeMap;

/// Most runs whose numbers are compared; a log has one for each start of the gateway.
const MOST_RUNS: usize = 10_000;

/// The numbers that were read, for each run of the gateway.
#[derive(Debug, Default)]
pub(in crate::cli) struct SeenNumbers {
    runs: BTreeMap<String, NumberSpan>,
    /// Decisions that the gateway reported as lost, and why.
    queue_full: u64,
    write_failed: u64,
}

/// The numbers of one run.
#[derive(Clone, Copy, Debug)]
struct NumberSpan {
    /// The lowest number that is known to exist, and the highest.
    first: u64,
    last: u64,
    /// The number of decisions that were read.
    count: u64,
}

impl NumberSpan {
    fn merge(&mut self, other: Self) {
        self.first = self.first.min(other.first);
        self.last = self.last.max(other.last);
        self.count += other.count;
    }

    const fn missing(self) -> u64 {
        // a file that is given twice is no reason to fail: it is counted as nothing missing
        self.last.saturating_add(1).saturating_sub(self.first).saturating_sub(self.count)
    }
}

impl SeenNumbers {
    pub(super) fn add_decision(&mut self, entry: &LogEntry<'_>) {
        if let (Some(run), Some(number)) = (&entry.run, entry.number) {
            self.merge_span(run, NumberSpan { first: number, last: number, count: 1 });
        }
    }

    pub(super) fn add_marker(&mut self, marks: &EntryMarks<'_>) {
        let lost = marks.lost.as_ref();
        self.queue_full = self.queue_full.saturating_add(lost.map_or(0, |lost| lost.queue_full));
        self.write_failed = self.write_failed.saturating_add(lost.map_or(0, |lost| lost.write_failed));
        if let (Some(run), Some(number)) = (&marks.run, marks.number) {
            // the files may begin with the marker: then only what it reports is known to be missing before it
            let first = number.saturating_sub(lost.map_or(0, |lost| lost.count)).saturating_add(1);
            self.merge_span(run, NumberSpan { first, last: number, count: 0 });
        }
    }

    fn merge_span(&mut self, run: &str, span: NumberSpan) {
        if let Some(known) = self.runs.get_mut(run) {
            known.merge(span);
        } else if self.runs.len() < MOST_RUNS {
            self.runs.insert(run.to_owned(), span);
        }
    }

    /// Adds the numbers of other lines.
    pub(super) fn merge(&mut self, later: &Self) {
        later.runs.iter().for_each(|(run, span)| self.merge_span(run, *span));
        self.queue_full = self.queue_full.saturating_add(later.queue_full);
        self.write_failed = self.write_failed.saturating_add(later.write_failed);
    }

    /// The number of decisions that were made and are not in the files.
    pub(in crate::cli) fn missing(&self) -> u64 {
        self.runs.values().fold(0, |sum, span| sum.saturating_add(span.missing()))
    }

    /// A line for people if decisions are missing.
    pub(super) fn summary(&self) -> Option<String> {
        let missing = Some(self.missing()).filter(|missing| *missing > 0)?;
        let decisions = if missing == 1 { "decision is" } else { "decisions are" };
        let why = match (self.queue_full, self.write_failed) {
            (0, 0) => "the log has no reason for it".to_owned(),
            (full, failed) => format!("the queue was full for {full}, and the file could not be written for {failed}"),
        };
        Some(format!("{missing} {decisions} missing from the log, by the numbers: {why}"))
    }
}
