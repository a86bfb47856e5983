//! Searches a text by eight bytes at once.

/// Every byte of a word is 1.
const ONES: u64 = u64::from_ne_bytes([1; 8]);
/// The highest bit of every byte of a word.
const HIGHS: u64 = u64::from_ne_bytes([0x80; 8]);

/// The number of bytes in front of the first one that ends a plain run of a string: a quote, a backslash or a control character
/// (RFC 8259 section 7). All of `bytes` if there is none.
pub(super) fn plain_run(bytes: &[u8]) -> usize {
    let (words, rest) = bytes.as_chunks::<8>();
    for (position, word) in words.iter().enumerate() {
        let ends = marks(u64::from_le_bytes(*word));
        if ends != 0 {
            return position * 8 + ends.trailing_zeros() as usize / 8;
        }
    }
    let is_end = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..0x20);
    words.len() * 8 + rest.iter().position(is_end).unwrap_or(rest.len())
}

/// The highest bit of the first byte that ends a run. Bytes behind it may be marked, too.
// Subtracting sets the highest bit of a byte that was below what is subtracted, unless it was set before. A borrow can mark a
// byte by mistake only if the byte below is marked rightly, which is the one that counts.
const fn marks(word: u64) -> u64 {
    let quote = word ^ ONES.wrapping_mul(b'"' as u64);
    let backslash = word ^ ONES.wrapping_mul(b'\\' as u64);
    let control = word.wrapping_sub(ONES.wrapping_mul(0x20)) & !word;
    let quote = quote.wrapping_sub(ONES) & !quote;
    let backslash = backslash.wrapping_sub(ONES) & !backslash;
    (control | quote | backslash) & HIGHS
}

#[cfg(test)]
mod tests {
    use super::plain_run;

    #[test]
    fn a_run_ends_at_each_byte_that_ends_it_and_at_no_other() {
        for byte in 0..=u8::MAX {
            for position in 0..20 {
                for fill in [b'a', b' ', b'!', b'#', b'[', b']', 0x7f, 0x80, 0xff] {
                    let mut bytes = [fill; 20];
                    bytes[position] = byte;
                    let ends = byte < 0x20 || byte == b'"' || byte == b'\\';
                    let expected = if ends { position } else { 20 };
                    assert_eq!(plain_run(&bytes), expected, "{byte:#x} at {position} in {fill:#x}");
                }
            }
        }
    }

    #[test]
    fn the_first_of_several_ends_counts() {
        for (bytes, expected) in [(&b"ab\"\\\x01cde"[..], 2), (b"\x01\"", 0), (b"abcdefgh\\\"", 8), (b"", 0)] {
            assert_eq!(plain_run(bytes), expected);
        }
    }
}
