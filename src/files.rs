//! Reads files that another process may be replacing: all of one version, or none.
//!
//! Kubernetes replaces the files of a volume by swapping one symbolic link (`..data`), git-sync and most deployment tools do the
//! same with a folder. Others write one file after the other.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::path::{self, Component, Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// Reads before the files count as changing without end: at least two seconds.
const ATTEMPTS: u32 = 200;
/// Time between two reads that differed. Most writers need less for all of their files.
const PAUSE: Duration = Duration::from_millis(10);
/// Most links on the way to a file, as in Linux.
const LINKS: u32 = 40;

/// The files kept changing while they were read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the files change while they are read")]
pub struct Unstable;

/// Texts of files that an editor has not saved, by their paths without links. They are read in place of what is on disk.
pub type UnsavedTexts = BTreeMap<PathBuf, Arc<str>>;

/// One look at the file system, in which every symbolic link has one target.
//
// Without it, a link that is swapped between two files gives one of the old version and one of the new.
#[derive(Debug, Default)]
pub struct FileView {
    /// The target of each path on the way to a file; `None` for what is no link.
    links: Mutex<BTreeMap<PathBuf, Option<PathBuf>>>,
    unsaved: Arc<UnsavedTexts>,
}

impl FileView {
    /// A view in which the files of `unsaved` have the texts that it has for them.
    pub fn with_unsaved(unsaved: &Arc<UnsavedTexts>) -> Self {
        Self { unsaved: Arc::clone(unsaved), ..Self::default() }
    }

    /// The paths of the files with unsaved texts.
    pub fn unsaved_files(&self) -> impl Iterator<Item = &Path> {
        self.unsaved.keys().map(PathBuf::as_path)
    }

    /// The path without links. A relative path begins at the working directory.
    ///
    /// # Errors
    ///
    /// There is no such file or folder, or its links lead in a circle.
    pub fn resolve(&self, path: &Path) -> io::Result<PathBuf> {
        let mut real = PathBuf::new();
        let mut left = parts(&path::absolute(path)?);
        let mut links = LINKS;
        while let Some(part) = left.pop() {
            let name = match part {
                Part::Root => {
                    real.push("/");
                    continue;
                }
                // `real` has no links, so that its parent is the folder above it
                Part::Up => {
                    real.pop();
                    continue;
                }
                Part::Name(name) => name,
            };
            real.push(name);
            if let Some(target) = self.link(&real)? {
                links = links.checked_sub(1).ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
                real.pop();
                left.extend(parts(&target));
            }
        }
        Ok(real)
    }

    /// The content of the file that `path` leads to.
    ///
    /// # Errors
    ///
    /// As [`Self::resolve`], or the file cannot be read.
    pub fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        match self.unsaved_text(path) {
            Some(text) => Ok(text.as_bytes().to_vec()),
            None => std::fs::read(self.resolve(path)?),
        }
    }

    /// The unsaved text of the file that `path` leads to.
    pub fn unsaved_text(&self, path: &Path) -> Option<&str> {
        if self.unsaved.is_empty() {
            return None;
        }
        // a file that was never saved has no path without links
        let real = self.resolve(path).ok();
        self.unsaved.get(real.as_deref().unwrap_or(path)).map(AsRef::as_ref)
    }

    fn link(&self, path: &Path) -> io::Result<Option<PathBuf>> {
        let mut links = self.links.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = links.get(path) {
            return Ok(known.clone());
        }
        let target = if path.symlink_metadata()?.is_symlink() { Some(path.read_link()?) } else { None };
        links.insert(path.to_owned(), target.clone());
        Ok(target)
    }
}

/// A part of a path on the way to a file.
enum Part {
    Root,
    Up,
    Name(OsString),
}

/// The parts of `path`, the last first.
fn parts(path: &Path) -> Vec<Part> {
    let parts = path.components().rev().filter_map(|part| match part {
        Component::RootDir | Component::Prefix(_) => Some(Part::Root),
        Component::ParentDir => Some(Part::Up),
        Component::Normal(name) => Some(Part::Name(name.to_owned())),
        Component::CurDir => None,
    });
    parts.collect()
}

/// Calls `read` until two calls in a row agree, and returns the value of the last. `key` is what must agree: names and contents.
///
/// # Errors
///
/// [`Unstable`], after about two seconds.
pub fn read_stable<T, K: PartialEq>(read: impl FnMut(&FileView) -> T, key: impl FnMut(&T) -> K) -> Result<T, Unstable> {
    read_stable_with_unsaved(&Arc::default(), read, key)
}

/// As [`read_stable`], with the texts of `unsaved` in place of what is on disk.
///
/// # Errors
///
/// As [`read_stable`].
pub fn read_stable_with_unsaved<T, K: PartialEq>(
    unsaved: &Arc<UnsavedTexts>,
    mut read: impl FnMut(&FileView) -> T,
    mut key: impl FnMut(&T) -> K,
) -> Result<T, Unstable> {
    let mut before = key(&read(&FileView::with_unsaved(unsaved)));
    for _ in 0..ATTEMPTS {
        // a view of its own: two reads through the same links would agree too easily
        let value = read(&FileView::with_unsaved(unsaved));
        let now = key(&value);
        if now == before {
            return Ok(value);
        }
        before = now;
        thread::sleep(PAUSE);
    }
    Err(Unstable)
}

#[cfg(test)]
mod tests {
    use super::{FileView, Unstable, read_stable};
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::path::Path;

    fn swap(folder: &Path, version: &str) {
        symlink(version, folder.join("..new")).unwrap();
        fs::rename(folder.join("..new"), folder.join("..data")).unwrap();
    }

    fn volume() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for version in ["..1", "..2"] {
            fs::create_dir(folder.path().join(version)).unwrap();
            for name in ["a", "b"] {
                fs::write(folder.path().join(version).join(name), version).unwrap();
            }
        }
        for name in ["a", "b"] {
            symlink(format!("..data/{name}"), folder.path().join(name)).unwrap();
        }
        swap(folder.path(), "..1");
        folder
    }

    #[test]
    fn a_link_has_one_target_for_the_whole_view() {
        let folder = volume();
        let view = FileView::default();
        assert_eq!(view.read(&folder.path().join("a")).unwrap(), b"..1");
        swap(folder.path(), "..2");
        assert_eq!(view.read(&folder.path().join("b")).unwrap(), b"..1");
        assert_eq!(FileView::default().read(&folder.path().join("b")).unwrap(), b"..2");
    }

    #[test]
    fn paths_lead_where_the_system_says() {
        let folder = volume();
        let at = |path: &str| folder.path().join(path);
        symlink(at("..2"), at("absolute")).unwrap();
        symlink("circle", at("circle")).unwrap();
        for path in ["a", "absolute/../..data/b", "./..data", "absolute"] {
            assert_eq!(FileView::default().resolve(&at(path)).unwrap(), at(path).canonicalize().unwrap(), "{path}");
        }
        for path in ["circle", "nowhere", "a/b"] {
            assert!(FileView::default().read(&at(path)).is_err(), "{path}");
        }
    }

    #[test]
    fn what_changes_is_read_until_it_rests() {
        let mut values = [1, 2, 3, 3, 4].into_iter();
        assert_eq!(read_stable(|_| values.next(), |value| *value), Ok(Some(3)));
        let mut next = 0;
        let changing = |_: &FileView| {
            next += 1;
            next
        };
        assert_eq!(read_stable(changing, |value| *value), Err(Unstable));
    }
}
