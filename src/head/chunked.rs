//! Finds the end of a chunked body (RFC 9112 section 7.1), without decoding it.

/// The position in a chunked body.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum ChunkTracker {
    /// In the digits of a chunk's size.
    Size(u64),
    /// After the digits, in white space or an extension.
    Extension(u64),
    /// In a chunk, with this many bytes left of it and its line break.
    Data(u64),
    /// In the trailers, after this many bytes of a line, not counting line breaks.
    Trailer(u64),
}

/// Where the body is after some bytes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum ChunkProgress {
    /// It continues after them.
    Incomplete,
    /// It ends after this many of them.
    Complete(usize),
    /// Its framing is invalid, so that its end is unknown.
    Invalid,
}

impl ChunkTracker {
    pub(crate) const fn new() -> Self {
        Self::Size(0)
    }

    /// Follows the body through `bytes`.
    pub(crate) fn follow(&mut self, bytes: &[u8]) -> ChunkProgress {
        let mut at = 0;
        while let Some(byte) = bytes.get(at) {
            // chunk data is skipped at once, not byte by byte
            if let Self::Data(left) = self {
                let step = (*left).min((bytes.len() - at) as u64);
                *left -= step;
                at += usize::try_from(step).unwrap_or(bytes.len());
                if *left == 0 {
                    *self = Self::Size(0);
                }
                continue;
            }
            at += 1;
            match self.step(*byte) {
                Some(next) => *self = next,
                None if *self == Self::Trailer(0) && *byte == b'\n' => return ChunkProgress::Complete(at),
                None => return ChunkProgress::Invalid,
            }
        }
        ChunkProgress::Incomplete
    }

    /// The position after `byte`. `None` at the end of the body, and if `byte` is invalid there.
    fn step(&self, byte: u8) -> Option<Self> {
        match (self, byte) {
            (Self::Size(0) | Self::Extension(0), b'\n') => Some(Self::Trailer(0)),
            (Self::Size(size) | Self::Extension(size), b'\n') => Some(Self::Data(size.checked_add(2)?)),
            (Self::Size(size), b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') => {
                // checked: a size that wrapped around would put the end of the body, and the next request, somewhere else
                let digit = char::from(byte).to_digit(16)?;
                Some(Self::Size(size.checked_mul(16)?.checked_add(digit.into())?))
            }
            (Self::Size(size) | Self::Extension(size), _) => Some(Self::Extension(*size)),
            (Self::Trailer(0), b'\n') | (Self::Data(_), _) => None,
            (Self::Trailer(_), b'\n') => Some(Self::Trailer(0)),
            (Self::Trailer(length), b'\r') => Some(Self::Trailer(*length)),
            (Self::Trailer(length), _) => Some(Self::Trailer(length.saturating_add(1))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{ChunkProgress, ChunkTracker};

    #[test]
    fn the_end_is_found_however_the_bytes_come() {
        for body in [
            "0\r\n\r\n",
            "2\r\n{}\r\n0\r\n\r\n",
            "1;a=b\r\n\n\r\n00 \r\n\r\n",
            "A\r\n0\r\n\r\n0\r\n\r\n\r\n0\r\nA: b\r\nC: d\r\n\r\n",
        ] {
            let more = format!("{body}GET / HTTP/1.1\r\n");
            assert_eq!(ChunkTracker::new().follow(more.as_bytes()), ChunkProgress::Complete(body.len()), "{body:?}");
            let (all_but_last, last) = body.as_bytes().split_at(body.len() - 1);
            let mut chunks = ChunkTracker::new();
            assert!(all_but_last.iter().all(|byte| chunks.follow(&[*byte]) == ChunkProgress::Incomplete), "{body:?}");
            assert_eq!(chunks.follow(last), ChunkProgress::Complete(1), "{body:?}");
        }
    }

    #[test]
    fn a_size_past_all_numbers_is_lost() {
        assert_eq!(ChunkTracker::new().follow(b"fffffffffffffffff\r\n"), ChunkProgress::Invalid);
        assert_eq!(ChunkTracker::new().follow(b"ffffffffffffffff\r\n"), ChunkProgress::Invalid);
    }
}
