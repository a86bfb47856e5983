//! Reads a file that may hold anything line by line: of whatever length its lines are, a bounded part is in memory.

use std::io::{self, BufRead, Read as _};

/// Longest line that is read, in bytes and with its line feed; a longer one is no entry of a log.
pub(super) const LONGEST: u64 = 4 * 1024 * 1024;

/// What was read of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ReadLine {
    /// All of it.
    Whole,
    /// All that there is: the file ends without a line feed.
    Unended,
    /// Its start; the rest was passed over.
    TooLong,
}

/// Reads the next line of `from` into `line`, without its line feed; `None` at the end of the file.
pub(super) fn read_line(from: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<Option<ReadLine>> {
    line.clear();
    if from.by_ref().take(LONGEST).read_until(b'\n', line)? == 0 {
        return Ok(None);
    }
    if line.pop_if(|last| *last == b'\n').is_some() {
        return Ok(Some(ReadLine::Whole));
    }
    if (line.len() as u64) < LONGEST {
        return Ok(Some(ReadLine::Unended));
    }
    from.skip_until(b'\n')?;
    Ok(Some(ReadLine::TooLong))
}

#[cfg(test)]
mod tests {
    use super::{LONGEST, ReadLine, read_line};

    #[test]
    fn a_line_that_is_too_long_is_passed_over() {
        let long = "x".repeat(usize::try_from(LONGEST).expect("small") * 3);
        let text = format!("a\n{long}\nb");
        let (mut from, mut line) = (text.as_bytes(), Vec::new());
        let mut read = Vec::new();
        while let Some(kind) = read_line(&mut from, &mut line).expect("readable") {
            assert!(line.capacity() as u64 <= 2 * LONGEST, "{}", line.capacity());
            read.push((kind, line.len().min(9)));
        }
        assert_eq!(read, [(ReadLine::Whole, 1), (ReadLine::TooLong, 9), (ReadLine::Unended, 1)]);
    }
}
