//! Which parts of a request the decision log may record: nothing that a mask hides, and keyed fingerprints of chosen values.

use super::EntryText;
use crate::redact::{Fingerprinter, Masks, PointerCursor, PointerSet};
use std::collections::BTreeSet;
use std::sync::Arc;

/// What the configuration lets the decision log record of requests.
#[derive(Debug)]
pub struct RetentionRules {
    pub(super) masks: Arc<Masks>,
    pub(super) fingerprints: Option<FingerprintRules>,
}

/// The values that are recorded as fingerprints, and the key to those.
#[derive(Debug)]
pub struct FingerprintRules {
    fingerprinter: Fingerprinter,
    body: PointerSet,
    params: BTreeSet<String>,
    headers: BTreeSet<String>,
}

impl RetentionRules {
    /// Rules that hide what `masks` hide, and record the values that `fingerprints` choose as fingerprints.
    pub const fn new(masks: Arc<Masks>, fingerprints: Option<FingerprintRules>) -> Self {
        Self { masks, fingerprints }
    }
}

impl FingerprintRules {
    /// Chooses the strings at the JSON Pointers `body` of request bodies, and path parameters and headers by name.
    pub fn new(fingerprinter: Fingerprinter, body: &[String], params: &[String], headers: &[String]) -> Self {
        let mut pointers = PointerSet::default();
        for pointer in body {
            pointers.insert(pointer);
        }
        // names of headers are case-insensitive (RFC 9110, 5.1); those of path parameters are the contract's own
        let headers = headers.iter().map(|name| name.to_ascii_lowercase()).collect();
        Self { fingerprinter, body: pointers, params: params.iter().cloned().collect(), headers }
    }

    /// A cursor over the chosen pointers, at the root of a body.
    pub(super) fn body_cursor(&self) -> PointerCursor<'_> {
        self.body.cursor()
    }

    /// The fingerprint of a path parameter; `None` if it is not chosen.
    pub(super) fn of_parameter(&self, name: &str, value: &str) -> Option<EntryText<'static>> {
        self.params.contains(name).then(|| self.of(value))
    }

    /// The fingerprint of a header whose name is in lower case; `None` if it is not chosen.
    pub(super) fn of_header(&self, name: &str, value: &str) -> Option<EntryText<'static>> {
        self.headers.contains(name).then(|| self.of(value))
    }

    /// The fingerprint of any value.
    pub(super) fn of(&self, value: &str) -> EntryText<'static> {
        self.fingerprinter.fingerprint(value.as_bytes()).to_string().into()
    }
}
