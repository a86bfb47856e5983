//! The rotated files of the decision log: `FILE.1`, the newest, to `FILE.N`, each plain or, with `.gz`, compressed.

use flate2::bufread::GzDecoder;
use std::fs::{self, File, Metadata};
use std::io::{self, BufRead as _, BufReader, ErrorKind};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The end of the name of a compressed file.
const GZIP: &str = ".gz";

/// The rotated files. The writer of the log and the compressor share them.
#[derive(Debug)]
pub(super) struct RotatedFiles {
    /// The file that is written now.
    path: PathBuf,
    /// How many there are at most.
    keep: u32,
    /// Held while files are renamed, which takes no longer than that: nothing is read or written under it.
    // the writer renames all files at each rotation, and the compressor must not take the number of one for that of another
    renaming: Mutex<()>,
}

impl RotatedFiles {
    pub(super) fn new(path: &Path, keep: u32) -> Self {
        Self { path: path.to_owned(), keep, renaming: Mutex::default() }
    }

    /// The last line of the newest, without its line feed. `None` if there is none, or it cannot be read.
    pub(super) fn last_line(&self) -> Option<Vec<u8>> {
        if let Ok(plain) = File::open(self.plain_path(1)) {
            return super::file::last_line(&plain).ok()?;
        }
        let mut text = BufReader::new(GzDecoder::new(BufReader::new(File::open(self.compressed_path(1)).ok()?)));
        let (mut last, mut next) = (Vec::new(), Vec::new());
        while text.read_until(b'\n', &mut next).ok()? > 0 {
            last.clear();
            std::mem::swap(&mut last, &mut next);
        }
        last.pop_if(|end| *end == b'\n').map(|_| last)
    }

    /// Renames the file that is written now, and the rotated ones before it, and removes the oldest.
    // From the oldest on, so that no name is taken when it is needed; a crash in between leaves a gap in the numbers,
    // and no lost file.
    pub(super) fn shift(&self) -> io::Result<()> {
        let _renaming = self.lock();
        if self.keep == 0 {
            return fs::remove_file(&self.path);
        }
        // both forms: the one with the number of the oldest may have the form that the next one has not
        for oldest in [self.plain_path(self.keep), self.compressed_path(self.keep)] {
            if_there(fs::remove_file(oldest))?;
        }
        for number in (1..self.keep).rev() {
            if_there(fs::rename(self.plain_path(number), self.plain_path(number + 1)))?;
            if_there(fs::rename(self.compressed_path(number), self.compressed_path(number + 1)))?;
        }
        if_there(fs::rename(&self.path, self.plain_path(1)))
    }

    /// The plain ones, the oldest first.
    pub(super) fn all_plain(&self) -> Vec<PathBuf> {
        (1..=self.keep).rev().map(|number| self.plain_path(number)).filter(|file| file.is_file()).collect()
    }

    /// Where a compressed file is written until it is whole.
    // hidden: `FILE*` of a shell has only what can be read as a log
    pub(super) fn temporary_path(&self) -> PathBuf {
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        self.path.with_file_name(format!(".{name}{GZIP}.tmp"))
    }

    /// Puts `finished` in the place of the plain file that `of` describes, whatever number it has by now. Removes `finished` if
    /// that file was the oldest and is gone.
    // The new name first: a crash in between leaves both, and the next start compresses the plain one again.
    pub(super) fn replace(&self, of: &Metadata, finished: &Path) -> io::Result<()> {
        let _renaming = self.lock();
        let is_it = |file: &Metadata| (file.dev(), file.ino()) == (of.dev(), of.ino());
        let number = (1..=self.keep).find(|number| self.plain_path(*number).metadata().is_ok_and(|file| is_it(&file)));
        let Some(number) = number else { return fs::remove_file(finished) };
        fs::rename(finished, self.compressed_path(number))?;
        if let Some(folder) = self.path.parent() {
            // the name must be on the disk before the plain file is not
            File::open(folder)?.sync_all()?;
        }
        fs::remove_file(self.plain_path(number))
    }

    fn plain_path(&self, number: u32) -> PathBuf {
        self.path_with(&format!(".{number}"))
    }

    fn compressed_path(&self, number: u32) -> PathBuf {
        self.path_with(&format!(".{number}{GZIP}"))
    }

    fn path_with(&self, ending: &str) -> PathBuf {
        let mut name = self.path.clone().into_os_string();
        name.push(ending);
        name.into()
    }

    fn lock(&self) -> MutexGuard<'_, ()> {
        self.renaming.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// nothing to rename is not an error: there are fewer rotated files than `keep` at first
fn if_there(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
