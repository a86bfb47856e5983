//! Compresses rotated files with gzip, on a thread of its own: neither requests nor the writer of the log wait for it.

use super::file::{MODE, begins_as_ours};
use super::rotated_files::RotatedFiles;
use flate2::Compression;
use flate2::write::GzEncoder;
use rustix::process::setpriority_process;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, BufReader, BufWriter, Seek as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

/// How far the thread gives way to the others (`nice`).
const NICENESS: i32 = 10;

/// The thread that compresses. It ends when this is dropped, after the file that it compresses.
#[derive(Debug)]
pub(super) struct Compressor(Sender<()>);

impl Compressor {
    /// Starts it. What an earlier process left uncompressed comes first.
    pub(super) fn start(files: Arc<RotatedFiles>) -> io::Result<Self> {
        let (sender, rotations) = channel();
        thread::Builder::new().name("decision-gzip".to_owned()).spawn(move || run(&files, &rotations))?;
        let this = Self(sender);
        this.notify();
        Ok(this)
    }

    /// Reports that a file was rotated.
    pub(super) fn notify(&self) {
        // the thread ends after this only
        let _ = self.0.send(());
    }
}

fn run(files: &RotatedFiles, rotations: &Receiver<()>) {
    // the calling thread on Linux, and all threads of the process elsewhere
    if cfg!(target_os = "linux") {
        let _ = setpriority_process(None, NICENESS);
    }
    // what a crash left; the plain file is still there
    let _ = fs::remove_file(files.temporary_path());
    while rotations.recv().is_ok() {
        for file in files.all_plain() {
            if let Err(error) = compress(files, &file) {
                // the plain file is still there, and is tried again after the next rotation
                tracing::error!(%error, "a rotated file of the decision log cannot be compressed");
                let _ = fs::remove_file(files.temporary_path());
            }
        }
    }
}

/// Replaces `file` by its compressed form, once that is whole on the disk.
fn compress(files: &RotatedFiles, file: &Path) -> io::Result<()> {
    let plain = match File::open(file) {
        // rotated since
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        opened => opened?,
    };
    // one that was moved by hand is still written, until SIGHUP
    match plain.try_lock() {
        Err(TryLockError::WouldBlock) => return Ok(()),
        locked => locked?,
    }
    if !begins_as_ours(&plain)? {
        return Ok(());
    }
    let of = plain.metadata()?;
    let unfinished = files.temporary_path();
    write_compressed(plain, &unfinished)?;
    files.replace(&of, &unfinished)
}

fn write_compressed(mut plain: File, unfinished: &Path) -> io::Result<()> {
    plain.rewind()?;
    let target = OpenOptions::new().write(true).create(true).truncate(true).mode(MODE).open(unfinished)?;
    let mut encoder = GzEncoder::new(BufWriter::new(target), Compression::default());
    io::copy(&mut BufReader::new(plain), &mut encoder)?;
    let mut target = encoder.finish()?;
    target.flush()?;
    // before it takes the place of the plain file, whatever happens to the machine
    target.get_ref().sync_all()
}
