//! The writer of the decision log; see [`crate::decision_log`] for its format.

mod file;
mod record_to_entry;

use crate::decision_log::DecisionInput;
use crate::telemetry::logs::line_writer::{Destination, DropReporter, GATHER, LineImportance, LineWriter};
use crate::telemetry::metrics::dropped::DroppedItems;
use crate::telemetry::record::{Outcome, RequestRecord};
pub use file::{DecisionFile, FileError};
use std::cell::RefCell;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

thread_local! {
    /// A worker's buffer for the line it formats.
    // Formatted here and then copied, so that the shared buffer is locked only for the copy.
    static SCRATCH: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// The decision log. Never blocks: lines that can't be written in time are dropped and counted.
pub(super) struct DecisionLogWriter {
    lines: LineWriter,
    /// Whether the file may have been moved.
    moved: Arc<AtomicBool>,
}

impl DecisionLogWriter {
    /// Starts the thread that writes `file`.
    pub(super) fn start(file: DecisionFile, losses: &DroppedItems) -> io::Result<Self> {
        let file = file.counting(losses.undelivered.clone());
        let moved = file.moved_flag();
        let (destination, loss) =
            (Destination::stream(Box::new(file)), DropReporter::silent(losses.overflowed.clone()));
        Ok(Self { lines: LineWriter::start("decision-log", destination, loss, GATHER)?, moved })
    }

    /// Logs `record`, if it is a decision.
    pub(super) fn add(&self, record: &RequestRecord, input: Option<Box<DecisionInput>>) {
        if !record_to_entry::is_decision(record) {
            return;
        }
        SCRATCH.with_borrow_mut(|line| {
            line.clear();
            // writing to a Vec can't fail, and an entry has no keys but strings
            let _ = serde_json::to_writer(&mut *line, &record_to_entry::entry(record, input));
            line.push(b'\n');
            self.lines.append(line, importance(record.outcome));
        });
    }

    /// Reopens the file before the next entry, if it was moved.
    // A flag for the writer's thread: the file is locked, chained and rotated there, and nowhere else.
    pub(super) fn reopen(&self) {
        self.moved.store(true, Ordering::Relaxed);
    }

    /// Waits until everything logged so far is written, at most for `deadline`. Returns whether it is.
    pub(super) fn flush(&self, deadline: Duration) -> bool {
        self.lines.flush(deadline)
    }
}

const fn importance(outcome: Outcome) -> LineImportance {
    match outcome {
        Outcome::Allowed | Outcome::Exempt | Outcome::Aborted => LineImportance::Ordinary,
        Outcome::Denied | Outcome::Failed => LineImportance::Reserved,
    }
}

#[cfg(test)]
mod tests;
