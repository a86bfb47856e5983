//! Which lines of a log are signed, by the public keys of those who verify it.

use super::chain::ChainedLine;
use super::checkpoint::{CheckpointKey, EVERY};
use super::marker::MarkerEvent;
use super::verify::ChainBreak;
use jiff::{SignedDuration, Timestamp};
use std::fmt;

/// Longest time without a checkpoint: each heartbeat has one, and may be late.
const LONGEST_UNSIGNED: SignedDuration = SignedDuration::from_mins(5);

/// The checkpoints so far. Without keys, none is required and none is verified.
#[derive(Clone, Debug, Default)]
pub struct Signatures {
    keys: Vec<CheckpointKey>,
    /// The sequence number of the last checkpoint.
    signed: Option<u64>,
    end: UnsignedEnd,
    /// The time of that checkpoint, or of the first line of all.
    since: Option<Timestamp>,
}

/// The lines after the last checkpoint.
#[derive(Clone, Copy, Debug, Default)]
struct UnsignedEnd {
    lines: u64,
    /// Whether one of them is a heartbeat or a shutdown, which a checkpoint follows at once.
    has_marker: bool,
    /// Whether they took longer than the gateway leaves lines unsigned.
    is_long: bool,
}

/// The last lines of a log are not signed as the gateway signs them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnsignedLines {
    /// The number of lines.
    pub lines: u64,
}

impl Signatures {
    /// Requires checkpoints signed by one of `keys`.
    pub const fn by(keys: Vec<CheckpointKey>) -> Self {
        let end = UnsignedEnd { lines: 0, has_marker: false, is_long: false };
        Self { keys, signed: None, end, since: None }
    }

    /// Adds the next line of the log.
    ///
    /// # Errors
    ///
    /// When it is a checkpoint that no key signed, or not for the lines before it.
    pub(super) fn add(&mut self, line: &ChainedLine<'_>) -> Result<(), ChainBreak> {
        if self.keys.is_empty() {
            return Ok(());
        }
        let time = line.time.parse::<Timestamp>().ok();
        let event = line.marks.event;
        if event == Some(MarkerEvent::Checkpoint) {
            let signature = line.marks.signature.as_deref().unwrap_or_default();
            let (before, hash) = (line.sequence.saturating_sub(1), line.previous.as_deref());
            if !self.keys.iter().any(|key| key.verify(before, hash, signature)) {
                return Err(ChainBreak::Signature);
            }
            (self.signed, self.end, self.since) = (Some(line.sequence), UnsignedEnd::default(), time);
            return Ok(());
        }
        self.end.lines += 1;
        self.end.has_marker |= matches!(event, Some(MarkerEvent::Heartbeat | MarkerEvent::Shutdown));
        self.since = self.since.or(time);
        let age = self.since.zip(time).map(|(since, time)| since.duration_until(time));
        self.end.is_long |= age.is_some_and(|age| age > LONGEST_UNSIGNED);
        Ok(())
    }

    /// The sequence number of the last checkpoint, and the number of lines after it; `None` without a checkpoint.
    pub fn last_checkpoint(&self) -> Option<(u64, u64)> {
        self.signed.map(|signed| (signed, self.end.lines))
    }

    /// The lines at the end, if keys require that they be signed.
    pub fn unsigned_end(&self) -> Option<UnsignedLines> {
        let UnsignedEnd { lines, has_marker, is_long } = self.end;
        let is_due = self.signed.is_none() || lines > EVERY || has_marker || is_long;
        (lines > 0 && is_due).then_some(UnsignedLines { lines })
    }
}

impl fmt::Display for UnsignedLines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.lines {
            1 => f.write_str("the last line is not signed, and the gateway would have signed it"),
            many => write!(f, "the last {many} lines are not signed, and the gateway would have signed them"),
        }
    }
}
