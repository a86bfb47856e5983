//! The file of the decision log: whole lines, rotated by size, each chained to the one before if so configured.

use super::compressor::Compressor;
use super::line_batch::{FileEnd, LineBatch};
use super::rotated_files::RotatedFiles;
use crate::config::gateway::{DecisionLogConfig as Settings, LogCompression};
use crate::decision_log::chain::{ChainEnd, ChainedLine};
use crate::decision_log::checkpoint::{CheckpointSigner, EVERY};
use crate::decision_log::marker::count_decisions;
use crate::telemetry::logs::RateLimitedLog;
use prometheus_client::metrics::counter::Counter;
use std::fs::{File, OpenOptions, Permissions, TryLockError};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Permissions of the file: its owner only.
// Its entries can hold parts of request bodies.
pub(super) const MODE: u32 = 0o600;
/// The start of an entry, by which a file is recognised.
const BEGIN: &[u8] = b"{\"time\":";
/// Most bytes of a line. What is recorded of a request is bounded to less.
const TAIL: u64 = 1 << 20;

/// Longest time that lines wait for the process that this one replaces: it finishes its requests before it closes the file.
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// Pause before the file is tried again.
const PAUSE: Duration = Duration::from_millis(10);

/// Why the file can't be used.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// An I/O error.
    #[error("cannot be opened: {0}")]
    Io(#[from] io::Error),
    /// It is not a regular file but, for example, a folder or a pipe.
    #[error("is not a file")]
    NoFile,
    /// It is not a decision log.
    #[error("is not a decision log")]
    NoLog,
    /// Another process writes it, which would break the chain.
    #[error("is written by another process")]
    Taken,
}

/// The file of the decision log. As a [`Write`] it takes whole lines and never fails: what is lost is counted and
/// logged.
// Whole lines at a time, as rotation and chain work by lines. An error would be of no use to the line writer, which has
// nowhere else to write.
#[derive(Debug)]
pub struct DecisionFile {
    path: PathBuf,
    max_bytes: u64,
    /// The share of allowed requests that are to be logged.
    sample_allowed: f64,
    /// Whether each line is chained to the one before.
    chain: bool,
    compression: LogCompression,
    /// Until when lines wait for the process that this one replaces; `None` if the file is this one's.
    predecessor: Option<Instant>,
    rotated: Arc<RotatedFiles>,
    /// `None` if rotated files stay as they are.
    pub(super) compressor: Option<Compressor>,
    end: FileEnd,
    /// Identifies the process in its lines.
    run: String,
    /// Signs checkpoints of the chain; `None` for none.
    signer: Option<CheckpointSigner>,
    /// `None` after an error, until the file could be opened again.
    open: Option<OpenFile>,
    moved: Arc<AtomicBool>,
    lost: Counter,
    trouble: RateLimitedLog,
}

/// An open file that is locked and ends with a whole line.
#[derive(Debug)]
struct OpenFile {
    file: File,
    size: u64,
}

impl DecisionFile {
    /// Opens the file, or creates it. A chain continues from its last line, or from the last line of the rotated file
    /// before it.
    ///
    /// # Errors
    /// If it can't be opened or read, is not a regular file or not a decision log, or is written by another process.
    pub fn open(settings: &Settings) -> Result<Self, FileError> {
        let mut this = Self::with_settings(settings);
        this.begin()?;
        Ok(this)
    }

    /// As [`Self::open`], while the process that this one replaces may still write the file: lines wait until that has closed it, so
    /// that the chain continues.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_after_predecessor(settings: &Settings) -> Result<Self, FileError> {
        let mut this = Self::with_settings(settings);
        match this.begin() {
            Err(FileError::Taken) => this.predecessor = Some(Instant::now() + LONGEST_WAIT),
            opened => opened?,
        }
        Ok(this)
    }

    fn with_settings(settings: &Settings) -> Self {
        Self {
            path: settings.file.clone(),
            max_bytes: settings.max_bytes,
            sample_allowed: settings.sample_allowed,
            chain: settings.chain,
            compression: settings.compression,
            predecessor: None,
            rotated: Arc::new(RotatedFiles::new(&settings.file, settings.keep)),
            compressor: None,
            end: FileEnd::default(),
            run: String::new(),
            signer: None,
            open: None,
            moved: Arc::default(),
            lost: Counter::default(),
            trouble: RateLimitedLog::new(),
        }
    }

    /// Opens the file, and continues its chain.
    fn begin(&mut self) -> Result<(), FileError> {
        let open = OpenFile::at(&self.path)?;
        let last = last_line(&open.file)?;
        self.open = Some(open);
        let end = match &last {
            Some(last) => link_of(last),
            None => self.rotated.last_line().as_deref().and_then(link_of),
        };
        // `verify-log` treats a file as chained or not as a whole
        if last.is_some() && end.is_some() != self.chain {
            self.rotate()?;
        }
        self.end.chain = self.chain.then(|| end.unwrap_or_default());
        if self.compression == LogCompression::Gzip {
            self.compressor = Some(Compressor::start(Arc::clone(&self.rotated))?);
        }
        Ok(())
    }

    /// Begins once the predecessor has closed the file. Waits for that on the thread that writes the log, whose queue takes the
    /// lines meanwhile.
    fn begin_after(&mut self, latest: Instant) -> Result<(), FileError> {
        loop {
            match self.begin() {
                Err(FileError::Taken) if Instant::now() < latest => std::thread::sleep(PAUSE),
                begun => return begun.inspect(|()| self.predecessor = None),
            }
        }
    }

    /// Signs checkpoints of the chain with `signer`.
    #[must_use]
    pub fn signed_by(mut self, signer: CheckpointSigner) -> Self {
        self.signer = Some(signer);
        // the lines of an earlier process may not be signed yet
        self.end.unsigned = EVERY;
        self
    }

    /// Counts lost decisions in `lost`.
    pub(super) fn counting(self, lost: Counter) -> Self {
        Self { lost, ..self }
    }

    /// Takes lines of the process that `run` identifies.
    pub(super) fn of_run(self, run: &str) -> Self {
        Self { run: run.to_owned(), ..self }
    }

    /// The share of allowed requests that are to be logged.
    pub(super) const fn sample_allowed(&self) -> f64 {
        self.sample_allowed
    }

    /// The flag to set when the file may have been moved.
    pub(super) fn moved_flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.moved)
    }

    /// Makes the file a rotated one, removes the oldest of those, and opens a new one.
    fn rotate(&mut self) -> Result<(), FileError> {
        self.rotated.shift()?;
        self.open = None;
        if let Some(compressor) = &self.compressor {
            compressor.notify();
        }
        self.open = Some(OpenFile::at(&self.path)?);
        Ok(())
    }

    /// Opens the file if none is open, or if the open one was moved.
    fn reopen(&mut self) -> Result<(), FileError> {
        if let Some(latest) = self.predecessor {
            return self.begin_after(latest);
        }
        let may_be_moved = self.moved.swap(false, Ordering::Relaxed);
        let is_there = |open: &OpenFile| !may_be_moved || open.is_at(&self.path);
        if self.open.as_ref().is_some_and(is_there) {
            return Ok(());
        }
        self.open = None;
        let open = OpenFile::at(&self.path)?;
        // a write that failed may have appended whole lines before the error; the chain continues from them
        if let Some(last) = last_line(&open.file)? {
            self.end.numbers.continue_after(&String::from_utf8_lossy(&last), &self.run);
            if let (Some(end), Some(there)) = (&mut self.end.chain, link_of(&last))
                && there.sequence > end.sequence
            {
                *end = there;
            }
        }
        self.open = Some(open);
        Ok(())
    }

    /// Writes lines, each a JSON object with its line feed.
    fn add(&mut self, lines: &str) {
        if let Err(error) = self.reopen() {
            return self.report(count_decisions(lines), &error);
        }
        let mut batch = LineBatch::after(self.end.clone());
        for line in lines.lines() {
            let size = self.open.as_ref().map_or(0, |open| open.size) + batch.text.len() as u64;
            if size > 0 && size + batch.end.size_of(line) > self.max_bytes {
                self.write_out(batch);
                if let Err(error) = self.rotate() {
                    self.report(0, &error);
                }
                batch = LineBatch::after(self.end.clone());
            }
            batch.add(line, self.signer.as_ref());
        }
        self.write_out(batch);
    }

    /// Writes the batch as a whole or not at all: the chain must continue from what is on the disk.
    fn write_out(&mut self, batch: LineBatch) {
        let Some(open) = &mut self.open else { return self.lose(batch.decisions) };
        match open.write(batch.text.as_bytes()) {
            Ok(()) => self.end = batch.end,
            Err(error) => {
                self.open = None;
                self.report(batch.decisions, &error.into());
            }
        }
    }

    fn lose(&mut self, decisions: u64) {
        self.lost.inc_by(decisions);
        self.end.numbers.fail(decisions);
    }

    /// Counts `decisions` as lost and logs `error`, at most once a minute.
    fn report(&mut self, decisions: u64, error: &FileError) {
        self.lose(decisions);
        if let Some(suppressed) = self.trouble.allow(Instant::now()) {
            let lost = self.lost.get();
            tracing::error!(lost, suppressed = suppressed.field(), "the decision log's file {error}");
        }
    }
}

impl Write for DecisionFile {
    fn write(&mut self, lines: &[u8]) -> io::Result<usize> {
        self.add(&String::from_utf8_lossy(lines));
        Ok(lines.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl OpenFile {
    fn at(path: &Path) -> Result<Self, FileError> {
        // opening a pipe would block until it has a reader
        if path.metadata().is_ok_and(|there| !there.is_file()) {
            return Err(FileError::NoFile);
        }
        let file = OpenOptions::new().read(true).append(true).create(true).mode(MODE).open(path)?;
        file.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => FileError::Taken,
            TryLockError::Error(error) => FileError::Io(error),
        })?;
        if !begins_as_ours(&file)? {
            return Err(FileError::NoLog);
        }
        file.set_permissions(Permissions::from_mode(MODE))?;
        let mut open = Self { size: file.metadata()?.len(), file };
        open.mend()?;
        Ok(open)
    }

    /// Cuts off an incomplete last line.
    // A crash or a full disk can leave one. The next line would be glued to it, and neither could be read.
    fn mend(&mut self) -> io::Result<()> {
        let tail = tail(&self.file)?;
        let torn = tail.len() - tail.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        if torn > 0 {
            self.size -= torn as u64;
            self.file.set_len(self.size)?;
            tracing::warn!(bytes = torn, "the decision log ended with an incomplete line, which was cut off");
        }
        Ok(())
    }

    fn is_at(&self, path: &Path) -> bool {
        let (own, there) = (self.file.metadata(), path.metadata());
        own.is_ok_and(|own| there.is_ok_and(|there| (own.dev(), own.ino()) == (there.dev(), there.ino())))
    }

    /// Appends whole lines, or none of them.
    fn write(&mut self, lines: &[u8]) -> io::Result<()> {
        match self.file.write_all(lines) {
            Ok(()) => {
                self.size += lines.len() as u64;
                Ok(())
            }
            Err(error) => {
                // if that fails, too, the rest is examined when the file is opened again
                let _ = self.file.set_len(self.size);
                Err(error)
            }
        }
    }
}

/// Whether the file is empty or begins like a decision log.
// A mistyped path must not let another file be appended to, let alone truncated.
pub(super) fn begins_as_ours(mut file: &File) -> io::Result<bool> {
    let mut start = Vec::new();
    file.rewind()?;
    file.take(BEGIN.len() as u64).read_to_end(&mut start)?;
    Ok(BEGIN.starts_with(&start))
}

/// The last bytes of a file, at least one line of them.
fn tail(mut file: &File) -> io::Result<Vec<u8>> {
    file.seek(SeekFrom::Start(file.metadata()?.len().saturating_sub(TAIL)))?;
    let mut tail = Vec::new();
    file.read_to_end(&mut tail)?;
    Ok(tail)
}

/// The last line of a file, without its line feed. `None` if the file is empty.
pub(super) fn last_line(file: &File) -> io::Result<Option<Vec<u8>>> {
    let tail = tail(file)?;
    let lines = tail.strip_suffix(b"\n");
    Ok(lines.and_then(|lines| lines.rsplit(|byte| *byte == b'\n').next()).map(<[u8]>::to_vec))
}

/// The link of a line. `None` if it has none.
fn link_of(line: &[u8]) -> Option<ChainEnd> {
    Some(ChainedLine::read(std::str::from_utf8(line).ok()?).ok()?.link())
}
