//! The hash chain: each line holds a hash of itself, and that of the line before it.
//!
//! `{..., "sequence":17,"previous":"<hash>","hash":"<hash>"}`, where the hash is the SHA-256 of all of the line in front of
//! `,"hash"`, in hexadecimal. The first line of all has no `previous`.

use super::Text;
use aws_lc_rs::digest;
use serde::Deserialize;
use std::fmt::Write;

/// The hash of a line, in hexadecimal.
pub type Hash = String;

const DIGITS: usize = 64;

/// The end of a chain, which the next line goes on from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Link {
    /// How many lines there are; the sequence number of the last.
    pub sequence: u64,
    /// The hash of the last; none where there is none.
    pub hash: Option<Hash>,
}

/// Why a line is no link of a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoLink {
    /// It has no hash, or not at its end.
    Unchained,
    /// Its hash is not that of what it says.
    Changed,
}

/// What a line says of its place in a chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Linked<'l> {
    /// Its number, from 1.
    pub sequence: u64,
    /// The hash of the line before; none in the first of all.
    pub previous: Option<Text<'l>>,
    /// Its own hash.
    pub hash: &'l str,
    /// When the request came.
    pub time: Text<'l>,
}

#[derive(Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
struct Claim<'a> {
    time: Text<'a>,
    sequence: u64,
    #[serde(default)]
    previous: Option<Text<'a>>,
}

impl Link {
    /// Appends `line`, a JSON object without a line feed, as the next link to `to`; gives the chain's new end.
    #[must_use]
    pub fn append(&self, line: &str, to: &mut String) -> Self {
        let start = to.len();
        let sequence = self.sequence + 1;
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

impl<'l> Linked<'l> {
    /// Reads what `line`, without its line feed, says of its place, and holds its hash against it.
    ///
    /// # Errors
    ///
    /// It is no link, or was changed.
    pub fn read(line: &'l str) -> Result<Self, NoLink> {
        let (said, hash) = split(line).ok_or(NoLink::Unchained)?;
        let claim: Claim<'l> = serde_json::from_str(line).map_err(|_| NoLink::Unchained)?;
        if hash_of(said) != hash {
            return Err(NoLink::Changed);
        }
        Ok(Self { sequence: claim.sequence, previous: claim.previous, hash, time: claim.time })
    }

    /// The chain's end that this line is.
    pub fn link(&self) -> Link {
        Link { sequence: self.sequence, hash: Some(self.hash.to_owned()) }
    }
}

/// What a line says, and the hash at its end.
fn split(line: &str) -> Option<(&str, &str)> {
    let rest = line.strip_suffix("\"}")?;
    let (said, hash) = rest.split_at_checked(rest.len().checked_sub(DIGITS)?)?;
    let is_hash = hash.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
    Some((said.strip_suffix(r#","hash":""#)?, hash)).filter(|_| is_hash)
}

fn hash_of(text: &str) -> Hash {
    let mut hash = Hash::with_capacity(DIGITS);
    for byte in digest::digest(&digest::SHA256, text.as_bytes()).as_ref() {
        // writing to a `String` cannot fail
        let _ = write!(hash, "{byte:02x}");
    }
    hash
}
