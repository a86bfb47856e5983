//! Entries of the decision log that are no decision: they show that something is missing, or that nothing is.
//!
//! Each decision has the `run` of the process that made it and a `number`, counted where decisions are made. What could not be
//! written is a gap in the numbers, and an entry `lost` when writing resumes. A `heartbeat` each minute and a `shutdown` at the end
//! have the number of the last decision, so that a missing end shows. A `checkpoint` is a signature.

use super::EntryText;
use serde::{Deserialize, Serialize};

/// Digits and signs of a time: `2026-05-12T08:30:00.125Z`.
const TIME: usize = 24;
/// Where the time of an entry begins: after `{"time":"`.
const TIME_START: usize = 9;

/// What an entry is that is no decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MarkerEvent {
    /// The process runs and can write.
    Heartbeat,
    /// Decisions are missing before it.
    Lost,
    /// The process ended in order.
    Shutdown,
    /// A signature of the entry before it.
    Checkpoint,
    /// Written by a newer version.
    #[serde(other)]
    Unknown,
}

/// Decisions that were made and could not be written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
pub struct LostDecisions<'a> {
    /// The number of decisions.
    pub count: u64,
    /// The time of the last decision before them.
    pub from: EntryText<'a>,
    /// The time of the next entry after them.
    pub to: EntryText<'a>,
    /// How many of them did not fit into the queue.
    #[serde(default)]
    pub queue_full: u64,
    /// How many of them the file did not take.
    #[serde(default)]
    pub write_failed: u64,
}

/// The keys that number an entry, and what it is. Entries of older versions have none of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
pub struct EntryMarks<'a> {
    /// `None` for a decision.
    #[serde(default)]
    pub event: Option<MarkerEvent>,
    /// Identifies the process that made the decision.
    #[serde(default)]
    pub run: Option<EntryText<'a>>,
    /// The number of the decision in its run, from 1; of a marker that of the last decision made before it.
    #[serde(default)]
    pub number: Option<u64>,
    /// Of an entry `lost`.
    #[serde(default)]
    pub lost: Option<LostDecisions<'a>>,
    /// Of a checkpoint, in hexadecimal.
    #[serde(default)]
    pub signature: Option<EntryText<'a>>,
}

impl MarkerEvent {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Heartbeat => "heartbeat",
            Self::Lost => "lost",
            Self::Shutdown => "shutdown",
            Self::Checkpoint => "checkpoint",
            Self::Unknown => "unknown",
        }
    }

    /// The start of the marker, without its end `}`.
    pub fn head(self, time: &str) -> String {
        format!(r#"{{"time":"{time}","event":"{}""#, self.as_str())
    }
}

impl<'a> EntryMarks<'a> {
    /// Reads a line without its line feed; `None` if it is no JSON object.
    pub fn read(line: &'a str) -> Option<Self> {
        serde_json::from_str(line).ok()
    }
}

impl LostDecisions<'_> {
    /// A copy that outlives the line.
    pub fn to_static(&self) -> LostDecisions<'static> {
        LostDecisions { from: self.from.to_string().into(), to: self.to.to_string().into(), ..*self }
    }
}

/// The time of a line that the gateway writes; empty for another.
// by its place: lines are read back while they are written, where parsing each would double their cost
pub fn time_of(line: &str) -> &str {
    line.get(TIME_START..TIME_START + TIME).unwrap_or_default()
}

/// Whether a line that the gateway writes is a marker.
pub fn is_marker(line: &str) -> bool {
    line.get(TIME_START + TIME..).is_some_and(|rest| rest.starts_with(r#"","event":"#))
}

/// The number of decisions among lines that the gateway writes.
pub fn count_decisions(lines: &str) -> u64 {
    lines.lines().filter(|line| !is_marker(line)).count() as u64
}

#[cfg(test)]
mod tests {
    use super::{EntryMarks, MarkerEvent, count_decisions, is_marker, time_of};

    #[test]
    fn markers_are_read_and_those_of_a_newer_version_pass() {
        let time = "2026-05-12T08:30:00.125Z";
        for event in [MarkerEvent::Heartbeat, MarkerEvent::Lost, MarkerEvent::Shutdown, MarkerEvent::Checkpoint] {
            let line = event.head(time) + r#","run":"a","number":7}"#;
            let marks = EntryMarks::read(&line).unwrap();
            assert_eq!(
                (marks.event, marks.number, time_of(&line), is_marker(&line)),
                (Some(event), Some(7), time, true)
            );
        }
        let newer = EntryMarks::read(r#"{"time":"t","event":"moved"}"#).unwrap();
        assert_eq!(newer.event, Some(MarkerEvent::Unknown));
        assert_eq!(count_decisions("{}\n{\"time\":\"2026-05-12T08:30:00.125Z\",\"event\":\"lost\"}\n{}\n"), 2);
    }
}
