//! What is kept of requests: what masks hide is not, and of chosen values a keyed fingerprint is.

use super::Text;
use crate::redact::{Fingerprinter, Followed, Masks, Pointers};
use std::collections::BTreeSet;
use std::sync::Arc;

/// What is kept of requests, by the configuration.
#[derive(Debug)]
pub struct Keeping {
    pub(super) masks: Arc<Masks>,
    pub(super) fingerprints: Option<Fingerprints>,
}

/// Of which values a fingerprint is kept, and the key to it.
#[derive(Debug)]
pub struct Fingerprints {
    fingerprinter: Fingerprinter,
    body: Pointers,
    params: BTreeSet<String>,
    headers: BTreeSet<String>,
}

impl Keeping {
    /// Keeps nothing that `masks` hide, and `fingerprints` of chosen values.
    pub const fn new(masks: Arc<Masks>, fingerprints: Option<Fingerprints>) -> Self {
        Self { masks, fingerprints }
    }
}

impl Fingerprints {
    /// Keeps fingerprints of the strings at the `body`'s pointers, of path parameters and of headers, by name.
    pub fn new(fingerprinter: Fingerprinter, body: &[String], params: &[String], headers: &[String]) -> Self {
        let mut pointers = Pointers::default();
        for pointer in body {
            pointers.insert(pointer);
        }
        let headers = headers.iter().map(|name| name.to_ascii_lowercase()).collect();
        Self { fingerprinter, body: pointers, params: params.iter().cloned().collect(), headers }
    }

    pub(super) fn follow(&self) -> Followed<'_> {
        self.body.follow()
    }

    pub(super) fn of_parameter(&self, name: &str, value: &str) -> Option<Text<'static>> {
        self.params.contains(name).then(|| self.of(value))
    }

    pub(super) fn of_header(&self, name: &str, value: &str) -> Option<Text<'static>> {
        self.headers.contains(name).then(|| self.of(value))
    }

    pub(super) fn of(&self, value: &str) -> Text<'static> {
        self.fingerprinter.fingerprint(value.as_bytes()).to_string().into()
    }
}
