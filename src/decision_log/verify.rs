//! Verifies the hash chain of a decision log: that no line was changed, removed, inserted or moved.
//!
//! A chain cannot prove that no lines followed its last one. Since its hashes need no key, it cannot prove either that an
//! attacker with write access did not recompute every line after a change. A copy of the last hash, stored elsewhere, shows both;
//! signed checkpoints show the second.

use super::chain::{ChainEnd, ChainedLine, LinkError};
use super::checkpoint::CheckpointKey;
use super::numbering::Numbering;
use super::signatures::Signatures;
use std::fmt;

/// Verifies a chain line by line.
#[derive(Clone, Debug, Default)]
pub struct Verifier {
    end: Option<ChainEnd>,
    lines: u64,
    first: Option<VerifiedLine>,
    last: Option<VerifiedLine>,
    numbering: Numbering,
    signatures: Signatures,
}

/// A line that was verified.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct VerifiedLine {
    /// Its sequence number.
    pub sequence: u64,
    /// When its request was read.
    pub time: String,
    /// SHA-256 of the line, hash of its predecessor included, in lower-case hexadecimal.
    pub hash: String,
}

/// Why a line is not the next line of the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChainBreak {
    /// It has no hash.
    Unchained,
    /// Its hash does not match its content.
    Changed,
    /// This number of lines is missing before it.
    Missing(u64),
    /// Its sequence number is not higher than that of the line before it.
    OutOfOrder {
        /// Its sequence number.
        sequence: u64,
        /// The sequence number of the line before it.
        after: u64,
    },
    /// It has the next sequence number, but the hash of another predecessor.
    Replaced,
    /// The number of its decision is not higher than that of a decision before it.
    Renumbered {
        /// The number of its decision.
        number: u64,
        /// The number of the last decision before it.
        after: u64,
    },
    /// It is a checkpoint that no key signed, or not for the lines before it.
    Signature,
    /// It is longer than any line that the gateway writes.
    TooLong,
    /// It has no line feed: the file ends within it.
    BrokenOff,
}

impl Verifier {
    /// Verifies that `line`, without its line feed, is the next line of the chain.
    ///
    /// # Errors
    ///
    /// When it is not.
    pub fn verify_line(&mut self, line: &str) -> Result<(), ChainBreak> {
        let linked = ChainedLine::read(line).map_err(|found| match found {
            LinkError::Unchained => ChainBreak::Unchained,
            LinkError::Changed => ChainBreak::Changed,
        })?;
        if let Some(end) = &self.end {
            check_order(&linked, end)?;
        // logs are rotated, so the first file may start at any line, but only line 1 has no predecessor
        } else if (linked.sequence == 1) != linked.previous.is_none() {
            return Err(ChainBreak::Replaced);
        }
        self.signatures.add(&linked)?;
        self.numbering.add(&linked)?;
        let seen =
            VerifiedLine { sequence: linked.sequence, time: linked.time.to_string(), hash: linked.hash.to_owned() };
        self.end = Some(linked.link());
        self.lines += 1;
        self.first.get_or_insert_with(|| seen.clone());
        self.last = Some(seen);
        Ok(())
    }

    /// A verifier that also requires checkpoints signed by one of `keys`, if there are any.
    pub fn with_keys(keys: Vec<CheckpointKey>) -> Self {
        Self { signatures: Signatures::by(keys), ..Self::default() }
    }

    /// Which of the lines are signed.
    pub const fn signatures(&self) -> &Signatures {
        &self.signatures
    }

    /// What the numbers and times of the lines show.
    pub const fn numbering(&self) -> &Numbering {
        &self.numbering
    }

    /// The number of verified lines.
    pub const fn lines(&self) -> u64 {
        self.lines
    }

    /// The first and the last verified line.
    pub const fn ends(&self) -> (Option<&VerifiedLine>, Option<&VerifiedLine>) {
        (self.first.as_ref(), self.last.as_ref())
    }
}

fn check_order(linked: &ChainedLine<'_>, end: &ChainEnd) -> Result<(), ChainBreak> {
    let next = end.sequence + 1;
    // the sequence number before the hash: it tells what happened to the line, the hash only that something did
    if linked.sequence < next {
        return Err(ChainBreak::OutOfOrder { sequence: linked.sequence, after: end.sequence });
    }
    if linked.sequence > next {
        return Err(ChainBreak::Missing(linked.sequence - next));
    }
    if linked.previous.as_deref() == end.hash.as_deref() { Ok(()) } else { Err(ChainBreak::Replaced) }
}

impl fmt::Display for ChainBreak {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unchained => {
                f.write_str("the line has no hash: it was inserted, or written without `decisionLog.chain`")
            }
            Self::Changed => f.write_str("the line was changed: its hash does not match its content"),
            Self::Missing(1) => f.write_str("a line is missing before it"),
            Self::Missing(lines) => write!(f, "{lines} lines are missing before it"),
            Self::OutOfOrder { sequence, after } => {
                write!(f, "the line is out of order: it is number {sequence}, and number {after} is before it")
            }
            Self::Replaced => f.write_str(
                "the line does not follow the one before it: one of the two was replaced, together with its hash",
            ),
            Self::Renumbered { number, after } => {
                write!(f, "the line is of decision {number}, and decision {after} of the same run is before it")
            }
            Self::Signature => {
                f.write_str("the checkpoint is not signed by the key of `--public-key`, or not for the lines before it")
            }
            Self::TooLong => f.write_str("the line is longer than any that the gateway writes"),
            Self::BrokenOff => f.write_str("the file ends within the line"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{ChainBreak, ChainEnd, Verifier};

    fn chain(lines: &[&str]) -> Vec<String> {
        let mut link = ChainEnd::default();
        let mut chain = Vec::new();
        for line in lines {
            let mut text = String::new();
            link = link.append(&format!(r#"{{"time":"t","it":"{line}"}}"#), &mut text);
            chain.push(text);
        }
        chain
    }

    /// The number of the first line that is wrong, and why.
    fn broken(lines: &[String]) -> Option<(usize, ChainBreak)> {
        let mut verifier = Verifier::default();
        lines.iter().enumerate().find_map(|(position, line)| Some((position, verifier.verify_line(line).err()?)))
    }

    #[test]
    fn an_unchanged_chain_is_valid_and_may_begin_late() {
        let lines = chain(&["a", "b", "c"]);
        assert_eq!(broken(&lines), None);
        assert_eq!(broken(&lines[1..]), None);
        let mut verifier = Verifier::default();
        lines[1..].iter().for_each(|line| verifier.verify_line(line).unwrap());
        let (first, last) = verifier.ends();
        assert_eq!((verifier.lines(), first.unwrap().sequence, last.unwrap().sequence), (2, 2, 3));
    }

    #[test]
    fn what_was_changed_removed_moved_or_inserted_is_found_where_it_is() {
        let lines = chain(&["a", "b", "c", "d"]);
        let with = |change: &dyn Fn(&mut Vec<String>)| {
            let mut lines = lines.clone();
            change(&mut lines);
            broken(&lines)
        };
        assert_eq!(with(&|lines| lines[1] = lines[1].replace(r#""b""#, r#""B""#)), Some((1, ChainBreak::Changed)));
        assert_eq!(with(&|lines| lines[3] = lines[3].replace(r#""d""#, r#""D""#)), Some((3, ChainBreak::Changed)));
        assert_eq!(with(&|lines| drop(lines.remove(1))), Some((1, ChainBreak::Missing(1))));
        assert_eq!(with(&|lines| drop(lines.drain(1..3))), Some((1, ChainBreak::Missing(2))));
        let back = ChainBreak::OutOfOrder { sequence: 2, after: 3 };
        assert_eq!(with(&|lines| lines.swap(1, 2)), Some((1, ChainBreak::Missing(1))));
        assert_eq!(with(&|lines| lines.insert(3, lines[1].clone())), Some((3, back)));
        assert_eq!(with(&|lines| lines.insert(1, r#"{"it":"x"}"#.to_owned())), Some((1, ChainBreak::Unchained)));
    }

    #[test]
    fn a_line_that_was_made_anew_with_its_hash_is_found_at_the_next() {
        let (mut lines, other) = (chain(&["a", "b", "c"]), chain(&["a", "B"]));
        lines[1].clone_from(&other[1]);
        assert_eq!(broken(&lines), Some((2, ChainBreak::Replaced)));
        let alone = chain(&["x"]);
        lines[0].clone_from(&alone[0]);
        assert_eq!(broken(&lines), Some((1, ChainBreak::Replaced)));
    }

    #[test]
    fn a_line_is_no_link_whose_hash_is_elsewhere_or_whose_number_is_there_twice() {
        let lines = chain(&["a"]);
        let unchained = |line: String| broken(&[line]).map(|(_, why)| why);
        assert_eq!(unchained(lines[0].replacen('}', r#","more":1}"#, 1)), Some(ChainBreak::Unchained));
        assert_eq!(unchained(lines[0].replacen('{', r#"{"sequence":9,"#, 1)), Some(ChainBreak::Unchained));
        assert_eq!(unchained(String::new()), Some(ChainBreak::Unchained));
        assert_eq!(unchained(lines[0].replace(r#""sequence":1"#, r#""sequence":2"#)), Some(ChainBreak::Changed));
    }
}
