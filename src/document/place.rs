//! The place of a byte, as an editor shows it.

use memchr::memchr_iter;

/// The line and the column of the byte at `at`, one-based, the column in bytes. Of the last byte if `at` is behind the text.
pub(super) fn place_of(text: &[u8], at: usize) -> (usize, usize) {
    let end = text.len().min(at + 1);
    let before = text.get(..end).unwrap_or_default();
    let (mut line, mut start) = (1, 0);
    for newline in memchr_iter(b'\n', before) {
        (line, start) = (line + 1, newline + 1);
    }
    (line, end - start)
}

#[cfg(test)]
mod tests {
    use super::place_of;

    #[test]
    fn lines_and_columns_count_from_one() {
        for (at, expected) in [(0, (1, 1)), (1, (1, 2)), (2, (2, 0)), (3, (2, 1)), (4, (2, 2)), (99, (2, 2))] {
            assert_eq!(place_of(b"ab\ncd", at), expected, "{at}");
        }
        assert_eq!(place_of(b"", 0), (1, 0));
    }
}
