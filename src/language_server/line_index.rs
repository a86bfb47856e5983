//! Positions of the protocol: lines, and UTF-16 code units within a line.

use gen_lsp_types::{Position, Range};
use std::ops;

/// The lines of a text. A line ends with `\n`, `\r\n` or `\r`.
pub(super) struct LineIndex<'t> {
    text: &'t str,
    /// The byte at which each line begins.
    starts: Vec<usize>,
}

impl<'t> LineIndex<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        let bytes = text.as_bytes();
        let is_end = |at: usize| match bytes.get(at) {
            Some(b'\n') => true,
            Some(b'\r') => bytes.get(at + 1) != Some(&b'\n'),
            _ => false,
        };
        let starts = std::iter::once(0).chain((0..bytes.len()).filter(|at| is_end(*at)).map(|at| at + 1)).collect();
        Self { text, starts }
    }

    /// The position of the byte `offset`; of the end of the text if it is past it.
    pub(super) fn position(&self, offset: usize) -> Position {
        let offset = offset.min(self.text.len());
        // spans come from several parsers: one that ends inside of a letter must not fail
        let offset = (0..=offset).rev().find(|at| self.text.is_char_boundary(*at)).unwrap_or_default();
        let line = self.starts.partition_point(|start| *start <= offset).saturating_sub(1);
        let start = self.starts.get(line).copied().unwrap_or_default();
        let units = self.text.get(start..offset).unwrap_or_default().encode_utf16().count();
        Position { line: to_u32(line), character: to_u32(units) }
    }

    /// The range of the bytes `span`.
    pub(super) fn range(&self, span: &ops::Range<usize>) -> Range {
        Range { start: self.position(span.start), end: self.position(span.end.max(span.start)) }
    }

    /// The byte at `position`; the end of its line if it is past it.
    pub(super) fn offset(&self, position: Position) -> usize {
        let line = usize::try_from(position.line).unwrap_or(usize::MAX);
        let Some(start) = self.starts.get(line).copied() else { return self.text.len() };
        let next = self.starts.get(line.saturating_add(1)).copied().unwrap_or(self.text.len());
        let line = self.text.get(start..next).unwrap_or_default().trim_end_matches(['\r', '\n']);
        let mut left = usize::try_from(position.character).unwrap_or(usize::MAX);
        let mut offset = start;
        for letter in line.chars() {
            match left.checked_sub(letter.len_utf16()) {
                Some(rest) if left > 0 => left = rest,
                _ => break,
            }
            offset += letter.len_utf8();
        }
        offset
    }
}

fn to_u32(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::LineIndex;
    use gen_lsp_types::Position;

    #[test]
    fn columns_count_utf16_units_in_every_kind_of_line() {
        // a letter of two units, a tab, and each line end
        let text = "a😀b\r\n\té\rx\n\nz";
        let index = LineIndex::new(text);
        for (part, line, character) in [("a", 0, 0), ("😀", 0, 1), ("b", 0, 3), ("é", 1, 1), ("x", 2, 0), ("z", 4, 0)]
        {
            let offset = text.find(part).unwrap();
            let position = Position { line, character };
            assert_eq!(index.position(offset), position, "{part}");
            assert_eq!(index.offset(position), offset, "{part}");
        }
    }

    #[test]
    fn what_is_outside_of_the_text_is_at_its_end() {
        let index = LineIndex::new("ab\r\nc😀");
        let at = |line, character| index.offset(Position { line, character });
        assert_eq!([at(0, 9), at(1, 9), at(7, 0), at(1, 2)], [2, 9, 9, 5]);
        assert_eq!(index.position(99), Position { line: 1, character: 3 });
        // inside of a letter
        assert_eq!(index.position(6), Position { line: 1, character: 1 });
        assert_eq!(LineIndex::new("").position(1), Position { line: 0, character: 0 });
    }
}
