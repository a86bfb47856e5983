//! The writer of the decision log; see [`crate::decision_log`] for its format.

mod compressor;
mod file;
mod line_batch;
mod record_to_entry;
mod rotated_files;

use crate::decision_log::marker::MarkerEvent;
use crate::decision_log::{DecisionInput, LogEntry};
use crate::telemetry::format::Rfc3339;
use crate::telemetry::logs::json;
use crate::telemetry::logs::line_writer::{Destination, DropReporter, GATHER, LineImportance, LineWriter};
use crate::telemetry::logs::sampling::{LogSampling, Rate};
use crate::telemetry::metrics::dropped::DroppedItems;
use crate::telemetry::recent_refusals::KeptRefusal;
use crate::telemetry::record::{Outcome, RequestRecord};
use bytes::Bytes;
pub use file::{DecisionFile, FileError};
use std::cell::RefCell;
use std::io::{self, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, SystemTime};

thread_local! {
    /// A worker's buffer for the line it formats.
    // Formatted here and then copied, so that the shared buffer is locked only for the copy.
    static SCRATCH: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Time between two heartbeats.
const HEARTBEAT: Duration = Duration::from_secs(60);

/// The decision log. Never blocks: lines that can't be written in time are dropped and counted.
pub(super) struct DecisionLogWriter {
    lines: Arc<NumberedLines>,
    /// Which allowed requests are logged.
    sampling: LogSampling,
    /// Whether the file may have been moved.
    moved: Arc<AtomicBool>,
    /// Ends the heartbeat when it is dropped.
    _heartbeat: Sender<()>,
}

/// The queue of lines, which numbers the decisions of this process.
struct NumberedLines {
    queue: LineWriter,
    /// Identifies this process in the log.
    run: String,
}

impl DecisionLogWriter {
    /// Starts the thread that writes `file`, and the one of the heartbeat.
    pub(super) fn start(file: DecisionFile, losses: &DroppedItems) -> io::Result<Self> {
        Self::start_with(file, losses, HEARTBEAT)
    }

    fn start_with(file: DecisionFile, losses: &DroppedItems, interval: Duration) -> io::Result<Self> {
        let run = format!("{:016x}", rand::random::<u64>());
        let file = file.counting(losses.undelivered.clone()).of_run(&run);
        let (moved, sampling) = (file.moved_flag(), LogSampling::of(file.sample_allowed()));
        let (destination, loss) =
            (Destination::stream(Box::new(file)), DropReporter::silent(losses.overflowed.clone()));
        let queue = LineWriter::start("decision-log", destination, loss, GATHER)?;
        let lines = Arc::new(NumberedLines { queue, run });
        let (heartbeat, ended) = channel();
        let beating = Arc::clone(&lines);
        let beat = move || {
            // the sender sends nothing: it is dropped with the writer, which ends the wait
            while ended.recv_timeout(interval) == Err(RecvTimeoutError::Timeout) {
                beating.mark(MarkerEvent::Heartbeat);
            }
        };
        thread::Builder::new().name("decision-beat".to_owned()).spawn(beat)?;
        Ok(Self { lines, sampling, moved, _heartbeat: heartbeat })
    }

    /// Reopens the file before the next entry, if it was moved.
    // A flag for the writer's thread: the file is locked, chained and rotated there, and nowhere else.
    pub(super) fn reopen(&self) {
        self.moved.store(true, Ordering::Relaxed);
    }

    /// Marks the end of the log, and waits until all of it is written, at most for `deadline`. Returns whether it is.
    pub(super) fn finish(&self, deadline: Duration) -> bool {
        self.lines.mark(MarkerEvent::Shutdown);
        self.lines.queue.flush(deadline)
    }
}

impl NumberedLines {
    /// Appends `line`, which lacks its end, as `step` decisions.
    fn append(&self, line: &[u8], importance: LineImportance, step: u64) {
        self.queue.append_numbered(line, importance, step, |number, to| {
            // writing to a Vec can't fail
            let _ = writeln!(to, r#","run":"{}","number":{number}}}"#, self.run);
        });
    }

    fn mark(&self, event: MarkerEvent) {
        let time = Rfc3339(SystemTime::now()).to_ascii();
        let head = event.head(&String::from_utf8_lossy(&time));
        // with room of their own: they show what was lost for want of room
        self.append(head.as_bytes(), LineImportance::Reserved, 0);
    }
}

/// Whether the response to `record` was a refusal with the id of the decision.
pub(super) const fn is_refusal(record: &RequestRecord) -> bool {
    matches!(record.outcome, Outcome::Denied | Outcome::Failed)
}

/// Writes the decision on `record` to `log`, if it is one. Returns its entry without the end, if it was written and is a refusal.
pub(super) fn record_decision(
    record: &RequestRecord,
    input: Option<Box<DecisionInput>>,
    log: &DecisionLogWriter,
) -> Option<Bytes> {
    if !record_to_entry::is_decision(record) {
        return None;
    }
    // before it is numbered: what is left out on purpose is no gap
    let rate = log.sampling.take_decision(record)?;
    SCRATCH.with_borrow_mut(|line| {
        write_open_entry(line, record, input, rate);
        log.lines.append(line, importance(record.outcome), 1);
        is_refusal(record).then(|| Bytes::copy_from_slice(line))
    })
}

/// The entry of a refusal with the texts of its violations, which only the process that refused still knows.
pub(super) fn explained_line(refusal: &KeptRefusal) -> Vec<u8> {
    let mut line = Vec::new();
    match &refusal.entry {
        Some(entry) => line.extend_from_slice(entry),
        None => write_open_entry(&mut line, &refusal.record, None, None),
    }
    json::append_details(&mut line, &refusal.record);
    line.extend_from_slice(b"}\n");
    line
}

/// Writes the entry of `record` to `line`, without its end, for what is appended to it.
fn write_open_entry(line: &mut Vec<u8>, record: &RequestRecord, input: Option<Box<DecisionInput>>, rate: Rate) {
    line.clear();
    let entry = LogEntry { sample_rate: rate, ..record_to_entry::entry(record, input) };
    // writing to a Vec can't fail, and an entry has no keys but strings
    let _ = serde_json::to_writer(&mut *line, &entry);
    line.pop();
}

const fn importance(outcome: Outcome) -> LineImportance {
    match outcome {
        Outcome::Allowed | Outcome::Exempt | Outcome::Aborted => LineImportance::Ordinary,
        Outcome::Denied | Outcome::Failed => LineImportance::Reserved,
    }
}

#[cfg(test)]
mod tests;
