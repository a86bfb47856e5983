//! Writes lines of many workers from one thread, without a worker ever waiting for the output.
//!
//! Workers append to a shared bounded buffer; the thread swaps it for an empty one and writes it. If the reader of our
//! output stalls, ordinary lines are dropped first, and those of refused and failed requests only when their reserve is
//! full, too. Every dropped line is counted.

mod destination;

pub(in crate::telemetry) use destination::{Destination, Reopen};

use crate::telemetry::logs::RateLimitedLog;
use destination::LostLines;
use prometheus_client::metrics::counter::Counter;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// Most bytes that are buffered before ordinary lines are dropped: about 8,000 lines.
const BOUND: usize = 4 << 20;
/// Additional bytes for lines of refused and failed requests.
const RESERVE: usize = 1 << 20;
/// Most bytes of an empty buffer that are kept for the next lines.
// More than what gathers under load, as a buffer that grows from empty copies its lines at each doubling; and bounded,
// as one burst must not hold its memory for ever.
const KEPT: usize = 1 << 20;
/// How long the writer of a busy log lets lines gather.
// One write of many lines costs as much as a write of one.
pub(in crate::telemetry) const GATHER: Duration = Duration::from_millis(10);

/// Which lines are dropped first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::telemetry) enum LineImportance {
    /// Dropped first.
    Ordinary,
    /// Has a reserve of its own.
    Reserved,
}

/// The shared buffer and its writer thread. Dropping it writes what is left and ends the thread.
pub(in crate::telemetry) struct LineWriter {
    shared: Arc<LineQueue>,
}

/// Counts dropped lines, and logs that there are some.
pub(in crate::telemetry) struct DropReporter {
    dropped: Counter,
    log: Option<RateLimitedLog>,
}

impl DropReporter {
    /// Counts in `dropped`, and logs at most once a minute.
    pub(in crate::telemetry) fn logging(dropped: Counter) -> Self {
        Self { dropped, log: Some(RateLimitedLog::new()) }
    }

    /// Counts in `dropped` and logs nothing: for the application log itself, which would only grow longer, and for lines
    /// whose loss is logged elsewhere.
    pub(in crate::telemetry) const fn silent(dropped: Counter) -> Self {
        Self { dropped, log: None }
    }

    fn report(&self, lines: u64, why: &str) {
        self.dropped.inc_by(lines);
        if self.log.as_ref().is_some_and(|log| log.allow(Instant::now()).is_some()) {
            tracing::error!(lost = self.dropped.get(), why, "access log lines are lost");
        }
    }
}

struct LineQueue {
    // A mutex is enough: it is held for a copy of some hundred bytes, and a channel would cost an allocation a line.
    state: Mutex<LineBuffer>,
    drops: DropReporter,
    /// How long the writer lets lines gather.
    gather: Duration,
    /// Wakes the writer.
    work: Condvar,
    /// Wakes callers of `flush`.
    written: Condvar,
}

#[derive(Default)]
struct LineBuffer {
    buffer: Vec<u8>,
    /// The writer waits for lines.
    // Workers notify only then: waking a thread is a system call, which a line does not need while the writer is busy.
    idle: bool,
    /// The writer should not let lines gather.
    hurry: bool,
    closed: bool,
    /// Numbered lines ever appended or dropped.
    numbered: u64,
    /// Bytes ever appended, and ever written or dropped.
    appended: u64,
    settled: u64,
}

impl LineWriter {
    /// Starts the thread `name`, which writes to `destination` what gathered during `gather`.
    pub(in crate::telemetry) fn start(
        name: &str,
        destination: Destination,
        drops: DropReporter,
        gather: Duration,
    ) -> io::Result<Self> {
        let (state, work, written) = (Mutex::default(), Condvar::new(), Condvar::new());
        let shared = Arc::new(LineQueue { state, drops, gather, work, written });
        let writer = Arc::clone(&shared);
        thread::Builder::new().name(name.to_owned()).spawn(move || writer.write_all(destination))?;
        Ok(Self { shared })
    }

    /// Appends a line, or drops and counts it if the buffer is full.
    pub(in crate::telemetry) fn append(&self, line: &[u8], importance: LineImportance) {
        self.append_numbered(line, importance, 0, |_, _| {});
    }

    /// Appends a line like [`Self::append`], which counts as `step` numbered ones. `finish` adds the end of the line by the number
    /// of the last one.
    // numbered under the lock: numbers are in the order of the lines, and a dropped line has one, too, which shows as a gap
    pub(in crate::telemetry) fn append_numbered(
        &self,
        line: &[u8],
        importance: LineImportance,
        step: u64,
        finish: impl FnOnce(u64, &mut Vec<u8>),
    ) {
        let room = match importance {
            LineImportance::Ordinary => BOUND,
            LineImportance::Reserved => BOUND + RESERVE,
        };
        let mut state = self.shared.lock();
        state.numbered += step;
        if state.buffer.len() + line.len() > room {
            drop(state);
            // after `drop(state)`, as it may log, and the application log writes to a line writer itself
            return self.shared.drops.report(1, "their reader does not keep up");
        }
        let before = state.buffer.len();
        state.buffer.extend_from_slice(line);
        finish(state.numbered, &mut state.buffer);
        state.appended += (state.buffer.len() - before) as u64;
        let wake = std::mem::take(&mut state.idle);
        drop(state);
        if wake {
            self.shared.work.notify_one();
        }
    }

    /// Waits until everything appended so far is written or dropped, at most for `deadline`. Returns whether it is.
    pub(in crate::telemetry) fn flush(&self, deadline: Duration) -> bool {
        let end = Instant::now() + deadline;
        let mut state = self.shared.lock();
        let target = state.appended;
        while state.settled < target {
            state.hurry = true;
            self.shared.work.notify_one();
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            let woken = self.shared.written.wait_timeout(state, left);
            state = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }
}

impl Drop for LineWriter {
    fn drop(&mut self) {
        self.shared.lock().closed = true;
        self.shared.work.notify_one();
    }
}

impl LineQueue {
    fn lock(&self) -> MutexGuard<'_, LineBuffer> {
        // a panic under the lock leaves at worst a line torn, which is no reason to lose all later ones
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The writer's thread. Ends when the writer is dropped and everything is written.
    fn write_all(&self, mut destination: Destination) {
        let mut batch = Vec::new();
        while self.next(&mut batch) {
            if let Err(LostLines { lines, why }) = destination.write(&batch) {
                self.drops.report(lines, &why.to_string());
            }
            // counted as settled even if lost: `flush` waits for the output to be tried, not for it to work
            self.lock().settled += batch.len() as u64;
            self.written.notify_all();
            batch.clear();
            batch.shrink_to(KEPT);
        }
    }

    /// Waits for lines and swaps them into `batch`, which is empty. Returns false when there will be no more.
    fn next(&self, batch: &mut Vec<u8>) -> bool {
        let mut state = self.lock();
        while state.buffer.is_empty() {
            if state.closed {
                return false;
            }
            state.idle = true;
            state = self.work.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.idle = false;
        if !(state.closed || state.hurry || self.gather.is_zero()) {
            state = self.work.wait_timeout(state, self.gather).unwrap_or_else(PoisonError::into_inner).0;
        }
        state.hurry = false;
        std::mem::swap(&mut state.buffer, batch);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::{BOUND, Destination, DropReporter, GATHER, LineImportance, LineWriter};
    use prometheus_client::metrics::counter::Counter;
    use std::io::{self, Read as _, Write};
    use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
    use std::thread;
    use std::time::Duration;

    const LONG: Duration = Duration::from_secs(10);

    /// A writer that announces each write and waits for permission.
    struct Gate {
        announce: SyncSender<usize>,
        permit: Receiver<()>,
    }

    impl Write for Gate {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let _ = self.announce.send(bytes.len());
            let _ = self.permit.recv();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    struct Broken;

    impl Write for Broken {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn started(writer: impl Write + Send + 'static, dropped: &Counter) -> LineWriter {
        LineWriter::start("lines", Destination::stream(Box::new(writer)), DropReporter::silent(dropped.clone()), GATHER)
            .unwrap()
    }

    #[test]
    fn lines_of_many_threads_come_out_whole_and_none_is_lost() {
        let (mut reader, writer) = io::pipe().unwrap();
        let dropped = Counter::default();
        let lines = started(writer, &dropped);
        let reading = thread::spawn(move || {
            let mut text = String::new();
            reader.read_to_string(&mut text).unwrap();
            text
        });
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..1000).for_each(|_| lines.append(b"a whole line\n", LineImportance::Ordinary)));
            }
        });
        assert!(lines.flush(LONG));
        drop(lines);
        let text = reading.join().unwrap();
        assert_eq!(text.lines().filter(|line| *line == "a whole line").count(), 4000);
        assert_eq!((text.lines().count(), dropped.get()), (4000, 0));
    }

    #[test]
    fn a_stalled_reader_loses_ordinary_lines_first_and_stalls_no_worker() {
        let (announce, announced) = sync_channel(64);
        let (allow, permit) = sync_channel(64);
        let dropped = Counter::default();
        let lines = started(Gate { announce, permit }, &dropped);
        lines.append(b"first\n", LineImportance::Ordinary);
        assert_eq!(announced.recv_timeout(LONG).unwrap(), 6);

        let line = vec![b'x'; BOUND / 4];
        (0..4).for_each(|_| lines.append(&line, LineImportance::Ordinary));
        assert_eq!(dropped.get(), 0);
        lines.append(b"one too many\n", LineImportance::Ordinary);
        assert_eq!(dropped.get(), 1);
        lines.append(b"denied\n", LineImportance::Reserved);
        assert_eq!(dropped.get(), 1);
        (0..2).for_each(|_| lines.append(&line, LineImportance::Reserved));
        assert_eq!(dropped.get(), 3);
        assert!(!lines.flush(Duration::ZERO));

        (0..2).for_each(|_| allow.send(()).unwrap());
        assert!(lines.flush(LONG));
        assert_eq!(announced.recv_timeout(LONG).unwrap(), BOUND + 7);
    }

    #[test]
    fn a_line_that_is_dropped_has_a_number_too() {
        let (announce, announced) = sync_channel(64);
        let (allow, permit) = sync_channel(64);
        let lines = started(Gate { announce, permit }, &Counter::default());
        let number = |line: &[u8], importance| {
            let mut seen = None;
            lines.append_numbered(line, importance, 1, |number, _| seen = Some(number));
            seen
        };
        assert_eq!(number(b"first\n", LineImportance::Ordinary), Some(1));
        assert_eq!(announced.recv_timeout(LONG).unwrap(), 6);
        assert_eq!(number(&vec![b'x'; BOUND], LineImportance::Ordinary), Some(2));
        assert_eq!(number(b"one too many\n", LineImportance::Ordinary), None);
        assert_eq!(number(b"denied\n", LineImportance::Reserved), Some(4));
        (0..2).for_each(|_| allow.send(()).unwrap());
        assert!(lines.flush(LONG));
    }

    #[test]
    fn lines_that_could_not_be_written_are_counted() {
        let dropped = Counter::default();
        let lines = started(Broken, &dropped);
        (0..3).for_each(|_| lines.append(b"lost\n", LineImportance::Reserved));
        assert!(lines.flush(LONG));
        assert_eq!(dropped.get(), 3);
    }
}
