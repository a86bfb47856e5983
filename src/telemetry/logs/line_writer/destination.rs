//! The destination of log lines: a stream, or a file that can be replaced while it is written.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// Permissions of new files. The group may read them, such as a log shipper.
const MODE: u32 = 0o640;

/// The destination of log lines.
pub(in crate::telemetry) struct Destination {
    writer: Box<dyn Write + Send>,
    /// The file to continue with, once it was reopened.
    next: Next,
    /// Whether the last write ended within a line.
    torn: bool,
}

type Next = Arc<Mutex<Option<File>>>;

/// Reopens the file of a [`Destination`].
pub(in crate::telemetry) struct Reopen {
    path: PathBuf,
    next: Next,
}

/// Lines that could not be written.
#[derive(Debug)]
pub(super) struct LostLines {
    pub(super) lines: u64,
    pub(super) why: io::ErrorKind,
}

impl Destination {
    /// A stream, such as standard output.
    pub(in crate::telemetry) fn stream(writer: Box<dyn Write + Send>) -> Self {
        Self { writer, next: Next::default(), torn: false }
    }

    /// The end of the file at `path`, which is created if it does not exist.
    pub(in crate::telemetry) fn file(path: PathBuf) -> io::Result<(Self, Reopen)> {
        let file = open(&path)?;
        let next = Next::default();
        let reopen = Reopen { path, next: Arc::clone(&next) };
        Ok((Self { writer: Box::new(file), next, torn: false }, reopen))
    }

    /// Writes whole lines.
    // After a write that ended within a line, a line feed comes first: a JSON line glued to half of another one would
    // be lost, too.
    pub(super) fn write(&mut self, lines: &[u8]) -> Result<(), LostLines> {
        if let Some(file) = self.next.lock().unwrap_or_else(PoisonError::into_inner).take() {
            (self.writer, self.torn) = (Box::new(file), false);
        }
        if self.torn {
            self.writer.write_all(b"\n").map_err(|error| LostLines { lines: count(lines), why: error.kind() })?;
        }
        let (left, written) = self.write_some(lines);
        let done = lines.get(..lines.len() - left.len()).unwrap_or_default();
        self.torn = done.last().is_some_and(|last| *last != b'\n');
        written.and_then(|()| self.writer.flush()).map_err(|error| LostLines { lines: count(left), why: error.kind() })
    }

    /// Writes as much as possible, and returns the rest.
    // Not `write_all`, which does not report how much it wrote before an error; the count of lost lines needs it.
    fn write_some<'l>(&mut self, mut left: &'l [u8]) -> (&'l [u8], io::Result<()>) {
        while !left.is_empty() {
            match self.writer.write(left) {
                Ok(0) => return (left, Err(io::ErrorKind::WriteZero.into())),
                Ok(written) => left = left.get(written..).unwrap_or_default(),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return (left, Err(error)),
            }
        }
        (left, Ok(()))
    }
}

impl Reopen {
    /// Lets the next lines go to the file at the path, which is created if it does not exist. The current one stays in
    /// use if that fails.
    // Opened here and handed over, so that the caller gets the error and the writer's thread does not stop for it.
    pub(in crate::telemetry) fn reopen(&self) -> io::Result<()> {
        let file = open(&self.path)?;
        *self.next.lock().unwrap_or_else(PoisonError::into_inner) = Some(file);
        Ok(())
    }
}

// only a regular file: opening a pipe would block until it has a reader
fn open(path: &Path) -> io::Result<File> {
    if path.metadata().is_ok_and(|there| !there.is_file()) {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a file"));
    }
    OpenOptions::new().append(true).create(true).mode(MODE).open(path)
}

fn count(lines: &[u8]) -> u64 {
    lines.split(|byte| *byte == b'\n').skip(1).count() as u64
}

#[cfg(test)]
mod tests {
    use super::Destination;
    use std::fs;
    use std::io::{self, Write};
    use std::os::unix::fs::PermissionsExt as _;
    use std::sync::{Arc, Mutex};

    /// A disk with room for so many bytes more, and what is on it.
    #[derive(Clone, Default)]
    struct Disk(Arc<Mutex<(usize, Vec<u8>)>>);

    impl Write for Disk {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let (room, written) = &mut *self.0.lock().unwrap();
            let taken = bytes.len().min(*room);
            *room -= taken;
            written.extend_from_slice(&bytes[..taken]);
            if taken == 0 { Err(io::ErrorKind::StorageFull.into()) } else { Ok(taken) }
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_full_disk_loses_whole_lines_and_the_one_it_broke_off_stays_alone() {
        let disk = Disk::default();
        let room = |bytes| disk.0.lock().unwrap().0 = bytes;
        let mut destination = Destination::stream(Box::new(disk.clone()));
        room(9);
        let lost = destination.write(b"first\nsecond\nthird\n").unwrap_err();
        assert_eq!((lost.lines, lost.why), (2, io::ErrorKind::StorageFull));
        assert_eq!(destination.write(b"fourth\n").unwrap_err().lines, 1);
        room(100);
        destination.write(b"fifth\n").unwrap();
        destination.write(b"sixth\n").unwrap();
        assert_eq!(String::from_utf8_lossy(&disk.0.lock().unwrap().1), "first\nsec\nfifth\nsixth\n");
    }

    #[test]
    fn a_file_that_was_moved_is_followed_by_a_new_one_once_it_is_opened_anew() {
        let folder = tempfile::tempdir().unwrap();
        let (path, moved) = (folder.path().join("access.log"), folder.path().join("access.log.1"));
        fs::write(&path, "before\n").unwrap();
        let (mut destination, reopen) = Destination::file(path.clone()).unwrap();
        destination.write(b"one\n").unwrap();
        fs::rename(&path, &moved).unwrap();
        destination.write(b"two\n").unwrap();
        reopen.reopen().unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o137, 0);
        destination.write(b"three\n").unwrap();
        assert_eq!(fs::read_to_string(&moved).unwrap(), "before\none\ntwo\n");
        assert_eq!(fs::read_to_string(&path).unwrap(), "three\n");
    }

    #[test]
    fn a_file_that_cannot_be_opened_anew_leaves_the_one_before() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("access.log");
        let (mut destination, reopen) = Destination::file(path.clone()).unwrap();
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        reopen.reopen().unwrap_err();
        destination.write(b"one\n").unwrap();
        assert!(Destination::file(path).is_err());
    }
}
