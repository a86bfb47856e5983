//! What the numbers and times of a log show: decisions that are not in it, processes that did not end in order, clocks set back.

use super::chain::ChainedLine;
use super::marker::{LostDecisions, MarkerEvent};
use super::verify::ChainBreak;
use jiff::Timestamp;
use std::fmt;
use std::time::Duration;

/// Most places that are listed; the rest is counted.
const MOST_LISTED: usize = 100;
/// How much earlier than an entry before it a decision may have begun: it is written when its response has ended.
const LONGEST_REQUEST: Duration = Duration::from_secs(60);
/// The same for markers, which are written at once.
const CLOCK_STEP: Duration = Duration::from_secs(1);

/// Decisions that are not in the log.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct NumberGap {
    /// The sequence number of the entry after them.
    pub before: u64,
    /// The time of that entry.
    pub time: String,
    /// The number of decisions.
    pub count: u64,
    /// Why, as the gateway recorded it; `None` if it did not.
    pub lost: Option<LostDecisions<'static>>,
}

/// How far a process came.
#[derive(Clone, Debug)]
struct RunProgress {
    id: String,
    /// The number of its last decision.
    last: u64,
    is_shut_down: bool,
}

/// What the entries so far show.
#[derive(Clone, Debug, Default)]
pub struct Numbering {
    run: Option<RunProgress>,
    /// Whether an entry was read after which a run can only begin with its first decision.
    has_begun: bool,
    latest: Option<Timestamp>,
    gaps: Vec<NumberGap>,
    missing: u64,
    /// The runs that did not end in order and that others follow, each with the first entry after it.
    cut_runs: Vec<(String, u64)>,
    more_cut_runs: u64,
    backwards: Occurrences,
    unnumbered: Occurrences,
}

/// How often something occurs, and the entry where it first does.
#[derive(Clone, Copy, Debug, Default)]
struct Occurrences {
    count: u64,
    first: u64,
}

impl Numbering {
    /// Adds the next entry of the log.
    ///
    /// # Errors
    ///
    /// When its number is not higher than that of an entry before it.
    pub(super) fn add(&mut self, line: &ChainedLine<'_>) -> Result<(), ChainBreak> {
        self.check_time(line);
        let marks = &line.marks;
        let is_decision = marks.event.is_none();
        let (Some(run), Some(number)) = (&marks.run, marks.number) else {
            if is_decision {
                self.has_begun = true;
                if self.run.is_some() {
                    self.unnumbered.add(line.sequence);
                }
            }
            return Ok(());
        };
        let before = if is_decision { number.saturating_sub(1) } else { number };
        let progress = self
            .progress(line.sequence, run, || before.saturating_sub(marks.lost.as_ref().map_or(0, |lost| lost.count)));
        if before < progress.last {
            return Err(ChainBreak::Renumbered { number, after: progress.last });
        }
        let missing = before - progress.last;
        progress.last = number;
        // the heartbeat may be written once more while the process ends
        progress.is_shut_down = marks.event == Some(MarkerEvent::Shutdown) || progress.is_shut_down && !is_decision;
        if missing > 0 {
            self.add_gap(line, missing);
        }
        Ok(())
    }

    /// The progress of `run`, to which the entry `sequence` belongs; `first` is its last number before the files that are read.
    fn progress(&mut self, sequence: u64, run: &str, first: impl FnOnce() -> u64) -> &mut RunProgress {
        let begins_late = !self.has_begun && sequence != 1;
        self.has_begun = true;
        if let Some(other) = self.run.take_if(|other| other.id != run)
            && !other.is_shut_down
        {
            if self.cut_runs.len() < MOST_LISTED {
                self.cut_runs.push((other.id, sequence));
            } else {
                self.more_cut_runs += 1;
            }
        }
        self.run.get_or_insert_with(|| RunProgress {
            id: run.to_owned(),
            // logs are rotated, so that the first file may begin anywhere
            last: if begins_late { first() } else { 0 },
            is_shut_down: false,
        })
    }

    fn add_gap(&mut self, line: &ChainedLine<'_>, count: u64) {
        self.missing = self.missing.saturating_add(count);
        if self.gaps.len() < MOST_LISTED {
            let lost = line.marks.lost.as_ref().map(LostDecisions::to_static);
            self.gaps.push(NumberGap { before: line.sequence, time: line.time.to_string(), count, lost });
        }
    }

    fn check_time(&mut self, line: &ChainedLine<'_>) {
        let Ok(time) = line.time.parse::<Timestamp>() else { return };
        let tolerance = if line.marks.event.is_none() { LONGEST_REQUEST } else { CLOCK_STEP };
        let latest = self.latest.unwrap_or(time);
        let is_back = time < latest && time.duration_until(latest).unsigned_abs() > tolerance;
        if is_back {
            self.backwards.add(line.sequence);
        }
        // after a step back the new time counts, so that one step is one occurrence
        self.latest = Some(if is_back { time } else { latest.max(time) });
    }

    /// Where decisions are missing; at most a hundred places.
    pub fn gaps(&self) -> &[NumberGap] {
        &self.gaps
    }

    /// The number of decisions that are missing.
    pub const fn missing(&self) -> u64 {
        self.missing
    }

    /// The time of the last entry, if the log has heartbeats and no `shutdown` at its end.
    pub fn open_end(&self) -> Option<Timestamp> {
        self.run.as_ref().filter(|run| !run.is_shut_down)?;
        self.latest
    }

    /// What is no error, and may still mean that something is missing.
    pub fn warnings(&self) -> Vec<String> {
        let cut = self.cut_runs.iter().map(|(run, next)| {
            format!(
                "run {} ends before entry {next} without a `shutdown` entry: the process crashed or was killed, and its last decisions may be missing",
                // a file that is verified can hold any text, which must not look like a line of the result
                run.escape_debug()
            )
        });
        let mut warnings: Vec<String> = cut.collect();
        if self.more_cut_runs > 0 {
            warnings.push(format!("{} more runs end without a `shutdown` entry", self.more_cut_runs));
        }
        warnings.extend(self.backwards.text("times run backwards", "the clock was set, or entries were made up"));
        warnings.extend(
            self.unnumbered.text(
                "an entry without a number follows numbered ones",
                "an older version wrote it, or it was made up",
            ),
        );
        warnings
    }
}

impl Occurrences {
    const fn add(&mut self, sequence: u64) {
        if self.count == 0 {
            self.first = sequence;
        }
        self.count += 1;
    }

    fn text(self, what: &str, why: &str) -> Option<String> {
        match self.count {
            0 => None,
            1 => Some(format!("{what} at entry {}: {why}", self.first)),
            many => Some(format!("{what} {many} times, first at entry {}: {why}", self.first)),
        }
    }
}

impl fmt::Display for NumberGap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let decisions = if self.count == 1 { "decision is" } else { "decisions are" };
        let time = self.time.escape_debug();
        write!(f, "{} {decisions} missing before entry {} ({time})", self.count, self.before)?;
        let Some(lost) = &self.lost else { return f.write_str(", and no entry has the reason") };
        write!(f, ", from {} to {}: ", lost.from.escape_debug(), lost.to.escape_debug())?;
        match (lost.queue_full, lost.write_failed) {
            (_, 0) => f.write_str("the queue was full"),
            (0, _) => f.write_str("the file could not be written"),
            (full, failed) => {
                write!(f, "the queue was full for {full}, and the file could not be written for {failed}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::NumberGap;
    use crate::decision_log::marker::LostDecisions;

    #[test]
    fn a_gap_is_one_line_whatever_the_file_holds() {
        let text = || "t\nvalid: 7 entries".to_owned();
        let (from, to) = (text().into(), text().into());
        let lost = LostDecisions { count: 1, from, to, queue_full: 1, write_failed: 0 };
        let gap = NumberGap { before: 2, time: text(), count: 1, lost: Some(lost) };
        assert_eq!(gap.to_string().lines().count(), 1, "{gap}");
    }
}
