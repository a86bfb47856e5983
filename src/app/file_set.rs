//! All files that a running gateway can load anew, read as one version.

use super::sources::{Sources, unstable};
use super::{Configuration, Error};
use crate::diagnostic::Diagnostic;
use crate::files::{FileView, read_stable};
use aws_lc_rs::digest::{Context, SHA256};
use std::path::Path;

/// The configuration, and all that its bundle is made of.
pub(super) struct FileSet {
    pub(super) configuration: Configuration,
    pub(super) sources: Sources,
}

impl FileSet {
    /// Reads the files of `running` until two reads agree: files that are being replaced are never a mix of two versions.
    ///
    /// # Errors
    ///
    /// The configuration is invalid, or the contract cannot be read, or the files change without end.
    pub(super) fn read(running: &Configuration) -> Result<Self, Error> {
        Self::read_with_digest(running).1
    }

    /// As [`Self::read`], with the digest of what was read. It is empty if the files change without end.
    pub(super) fn read_with_digest(running: &Configuration) -> (Vec<u8>, Result<Self, Error>) {
        let read = read_stable(|view| Self::read_once(running, view), digest);
        let digest = read.as_ref().map(digest).unwrap_or_default();
        let files = read.map_err(unstable).and_then(|read| {
            read.map_err(|errors| {
                // with those of the policies, so that the operator fixes everything in one round
                let all = running.errors_now();
                Error::Invalid(if all.is_empty() { errors } else { all })
            })
        });
        (digest, files)
    }

    /// A digest of what the files hold at this moment. It may be of files that are being replaced.
    pub(super) fn digest_now(running: &Configuration) -> Vec<u8> {
        digest(&Self::read_once(running, &FileView::default()))
    }

    fn read_once(running: &Configuration, view: &FileView) -> Result<Self, Vec<Diagnostic>> {
        let configuration = running.read_again(view)?;
        let sources = Sources::read_once(&configuration, view)?;
        Ok(Self { configuration, sources })
    }

    /// A digest of names and contents.
    pub(super) fn digest(configuration: &Configuration, sources: &Sources) -> Vec<u8> {
        let mut digest = FileDigest::new();
        let source = &configuration.gateway.source;
        digest.add_file(source.file(), source.text());
        sources.digest(&mut digest);
        digest.finish()
    }
}

/// A digest of what was read, or of why it could not be: a set of files that is rejected is rejected once.
fn digest(read: &Result<FileSet, Vec<Diagnostic>>) -> Vec<u8> {
    match read {
        Ok(files) => FileSet::digest(&files.configuration, &files.sources),
        Err(errors) => {
            let mut digest = FileDigest::new();
            digest.add_errors(errors);
            digest.finish()
        }
    }
}

/// A digest of files, as it is computed.
pub(super) struct FileDigest(Context);

impl FileDigest {
    fn new() -> Self {
        Self(Context::new(&SHA256))
    }

    // the length separates the parts: text that moves from one file to the next must change the digest
    pub(super) fn add(&mut self, part: &[u8]) {
        self.0.update(&part.len().to_le_bytes());
        self.0.update(part);
    }

    pub(super) fn add_file(&mut self, file: &Path, text: &str) {
        self.add(file.as_os_str().as_encoded_bytes());
        self.add(text.as_bytes());
    }

    pub(super) fn add_errors(&mut self, errors: &[Diagnostic]) {
        for error in errors {
            self.add_file(&error.file, error.source.as_deref().unwrap_or_default());
            self.add(error.to_string().as_bytes());
        }
    }

    fn finish(self) -> Vec<u8> {
        self.0.finish().as_ref().to_vec()
    }
}
