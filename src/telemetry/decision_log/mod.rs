//! One line a decision in a file of its own: see [`crate::decision_log`] for what is in it.

mod entry;
mod file;

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
    /// Where a worker forms a line, so that it holds the lock only while copying it.
    static SCRATCH: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// The decision log. Never blocks: what can't be written in time is dropped and counted.
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

    /// Adds the entry of `record`, where that is a decision.
    pub(super) fn add(&self, record: &RequestRecord, input: Option<Box<DecisionInput>>) {
        if !entry::is_decision(record) {
            return;
        }
        SCRATCH.with_borrow_mut(|line| {
            line.clear();
            // writing to a Vec can't fail, and an entry has nothing that is no JSON
            let _ = serde_json::to_writer(&mut *line, &entry::entry(record, input));
            line.push(b'\n');
            self.lines.append(line, importance(record.outcome));
        });
    }

    /// Has the next entry go to a new file, should the one that is written have been moved.
    pub(super) fn reopen(&self) {
        self.moved.store(true, Ordering::Relaxed);
    }

    /// Waits until everything added so far is written, at most `deadline`. True if it was.
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
