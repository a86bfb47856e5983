//! The hash chain of the decision log: each line holds its own hash and that of the line before it.
//!
//! `{..., "sequence":17,"previous":"<hash>","hash":"<hash>"}`: the hash is the SHA-256 of the line up to `,"hash"`, in
//! hexadecimal. The first line of a chain has no `previous`.

use super::EntryText;
use super::marker::{EntryMarks, LostDecisions, MarkerEvent};
use aws_lc_rs::digest;
use serde::Deserialize;
use std::fmt::Write;

/// The SHA-256 of a line, in lower-case hexadecimal.
pub type Hash = String;

/// Hexadecimal digits of a SHA-256.
const DIGITS: usize = 64;

/// The end of a chain, to which the next line is appended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChainEnd {
    /// The sequence number of the last line; 0 if there is none.
    pub sequence: u64,
    /// The hash of the last line; `None` if there is none.
    pub hash: Option<Hash>,
}

/// Why a line is not part of any chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkError {
    /// It does not end with a hash.
    Unchained,
    /// Its hash does not match its content.
    Changed,
}

/// A line of a chain whose hash matches its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainedLine<'l> {
    /// Its sequence number, from 1.
    pub sequence: u64,
    /// The hash of the line before; `None` for the first.
    pub previous: Option<EntryText<'l>>,
    /// Its own hash.
    pub hash: &'l str,
    /// When the request was read.
    pub time: EntryText<'l>,
    /// Whether it is a decision, and its number.
    pub marks: EntryMarks<'l>,
}

#[derive(Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
struct ChainFields<'a> {
    time: EntryText<'a>,
    sequence: u64,
    #[serde(default)]
    previous: Option<EntryText<'a>>,
    // not flattened from `EntryMarks`, where a key that occurs twice would pass
    #[serde(default)]
    event: Option<MarkerEvent>,
    #[serde(default)]
    run: Option<EntryText<'a>>,
    #[serde(default)]
    number: Option<u64>,
    #[serde(default)]
    lost: Option<LostDecisions<'a>>,
    #[serde(default)]
    signature: Option<EntryText<'a>>,
}

impl ChainEnd {
    /// Appends `line`, a JSON object without a line feed, to `to` as the next line of the chain. Returns the new end.
    #[must_use]
    pub fn append(&self, line: &str, to: &mut String) -> Self {
        let start = to.len();
        let sequence = self.sequence + 1;
        // the chain's keys go last and in this order, so that the hashed content is a prefix of the line's bytes and a verifier
        // needs no canonical form of JSON
        to.push_str(line.strip_suffix('}').unwrap_or(line));
        // writing to a `String` cannot fail
        let _ = write!(to, r#","sequence":{sequence}"#);
        if let Some(hash) = &self.hash {
            let _ = write!(to, r#","previous":"{hash}""#);
        }
        let hash = hash_of(to.get(start..).unwrap_or_default());
        let _ = write!(to, r#","hash":"{hash}"}}"#);
        Self { sequence, hash: Some(hash) }
    }
}

impl<'l> ChainedLine<'l> {
    /// Reads `line`, without its line feed, and verifies its hash.
    ///
    /// # Errors
    ///
    /// When the line has no hash, or one that does not match its content.
    pub fn read(line: &'l str) -> Result<Self, LinkError> {
        let (content, hash) = split(line).ok_or(LinkError::Unchained)?;
        // a line whose keys occur twice is refused here (serde), else another reader could take the other value
        let fields: ChainFields<'l> = serde_json::from_str(line).map_err(|_| LinkError::Unchained)?;
        if hash_of(content) != hash {
            return Err(LinkError::Changed);
        }
        let ChainFields { time, sequence, previous, event, run, number, lost, signature } = fields;
        Ok(Self { sequence, previous, hash, time, marks: EntryMarks { event, run, number, lost, signature } })
    }

    /// The end of the chain after this line.
    pub fn link(&self) -> ChainEnd {
        ChainEnd { sequence: self.sequence, hash: Some(self.hash.to_owned()) }
    }
}

/// Splits a line into the hashed content and the hash at its end.
fn split(line: &str) -> Option<(&str, &str)> {
    // from the end by its fixed length, so that no other key `hash` of the line can be taken for it
    let rest = line.strip_suffix("\"}")?;
    let (content, hash) = rest.split_at_checked(rest.len().checked_sub(DIGITS)?)?;
    let is_hash = hash.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
    Some((content.strip_suffix(r#","hash":""#)?, hash)).filter(|_| is_hash)
}

fn hash_of(text: &str) -> Hash {
    let mut hash = Hash::with_capacity(DIGITS);
    for byte in digest::digest(&digest::SHA256, text.as_bytes()).as_ref() {
        // writing to a `String` cannot fail
        let _ = write!(hash, "{byte:02x}");
    }
    hash
}
