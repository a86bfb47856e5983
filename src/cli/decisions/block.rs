//! Blocks of whole lines: what is read at once of a decision log, and counted by one thread.

use crate::cli::bounded_lines::LONGEST;
use std::io::{self, BufRead, Read as _};

/// About how many bytes a block has.
const SIZE: usize = 512 * 1024;

/// Consecutive lines of a file.
#[derive(Debug, Default)]
pub(super) struct Block {
    bytes: Vec<u8>,
    /// How many lines are before it.
    before: u64,
    /// How many it has.
    count: u64,
}

impl Block {
    /// The next lines of `from`, of which `before` were read; `None` at its end.
    pub(super) fn read(from: &mut impl BufRead, before: u64) -> io::Result<Option<Self>> {
        let mut block = Self { before, ..Self::default() };
        // whole lines only: no thread needs the block of another to parse its own
        while block.bytes.len() < SIZE {
            if from.by_ref().take(LONGEST).read_until(b'\n', &mut block.bytes)? == 0 {
                break;
            }
            if block.bytes.last() != Some(&b'\n') {
                // skips what is left of a line that is too long; nothing is left of a last line without its end
                from.skip_until(b'\n')?;
                block.bytes.push(b'\n');
            }
            block.count += 1;
        }
        Ok(Some(block).filter(|block| block.count > 0))
    }

    /// How many lines of the file are read with it.
    pub(super) const fn end(&self) -> u64 {
        self.before + self.count
    }

    /// Its lines that are not empty, without blanks at their ends, each with its number in the file.
    pub(super) fn lines(&self) -> impl Iterator<Item = (u64, &[u8])> {
        let lines = self.bytes.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
        (self.before + 1..).zip(lines).filter(|(_, line)| !line.is_empty())
    }
}
