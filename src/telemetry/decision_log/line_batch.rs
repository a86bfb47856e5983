//! Lines that are written with one call, and what they continue.

use crate::decision_log::chain::ChainEnd;
use crate::decision_log::checkpoint::{CheckpointSigner, EVERY};
use crate::decision_log::marker::{is_marker, time_of};
use crate::decision_log::written_numbers::WrittenNumbers;

/// Most bytes that the chain adds to a line.
const LINK: usize = 200;

/// Where the file ends: what its next line continues.
#[derive(Clone, Debug, Default)]
pub(super) struct FileEnd {
    /// The last link of the chain; `None` if lines are not chained.
    pub(super) chain: Option<ChainEnd>,
    /// How far the decisions of this process are written.
    pub(super) numbers: WrittenNumbers,
    /// The number of lines after the last checkpoint.
    pub(super) unsigned: u64,
}

/// Lines to be written with one call, and where the file ends after them.
#[derive(Debug)]
pub(super) struct LineBatch {
    pub(super) text: String,
    /// The number of decisions in it.
    pub(super) decisions: u64,
    pub(super) end: FileEnd,
}

impl FileEnd {
    /// The most bytes that `line` takes in the file, with its line feed.
    pub(super) fn size_of(&self, line: &str) -> u64 {
        let hashes = if self.chain.is_some() { LINK } else { 0 };
        (line.len() + 1 + hashes) as u64
    }
}

impl LineBatch {
    /// An empty batch, to be written at `end`.
    pub(super) const fn after(end: FileEnd) -> Self {
        Self { text: String::new(), decisions: 0, end }
    }

    /// Adds `line`, an entry before it if decisions are missing there, and a checkpoint after it if one is due.
    pub(super) fn add(&mut self, line: &str, signer: Option<&CheckpointSigner>) {
        if let Some(lost) = self.end.numbers.advance(line) {
            self.push(&lost);
        }
        self.push(line);
        let is_marker = is_marker(line);
        self.decisions += u64::from(!is_marker);
        if let (Some(signer), Some(end)) = (signer, &self.end.chain)
            // a marker is rare and shows that the log is complete, which must not be made up
            && (is_marker || self.end.unsigned >= EVERY)
        {
            let checkpoint = signer.checkpoint(time_of(line), end);
            self.push(&checkpoint);
            self.end.unsigned = 0;
        }
    }

    fn push(&mut self, line: &str) {
        match &self.end.chain {
            Some(end) => self.end.chain = Some(end.append(line, &mut self.text)),
            None => self.text.push_str(line),
        }
        self.text.push('\n');
        self.end.unsigned += 1;
    }
}
