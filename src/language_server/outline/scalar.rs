//! The text of a scalar without quotes, escapes and indentation, and the place of each byte of it.

use super::ScalarStyle;
use std::ops::Range;

/// What a scalar means, as the file would have it without quotes and line breaks.
#[derive(Debug)]
pub(in crate::language_server) struct ScalarText {
    pub(in crate::language_server) text: String,
    /// For each byte of the text the byte of the file that it comes from, and at the end where the scalar ends.
    places: Vec<usize>,
}

impl ScalarText {
    pub(super) fn new(file: &str, span: &Range<usize>, style: ScalarStyle) -> Self {
        let raw = file.get(span.clone()).unwrap_or_default();
        let mut decoded = Self { text: String::new(), places: Vec::new() };
        match style {
            ScalarStyle::Plain => decoded.flow(raw, span.start, None),
            ScalarStyle::Single => decoded.flow(inside_quotes(raw, '\''), span.start + 1, Some('\'')),
            ScalarStyle::Double => decoded.flow(inside_quotes(raw, '"'), span.start + 1, Some('"')),
            ScalarStyle::Literal => decoded.block(raw, span.start, '\n'),
            ScalarStyle::Folded => decoded.block(raw, span.start, ' '),
        }
        let end = decoded.places.last().map_or(span.start, |last| last + 1);
        decoded.places.push(end.max(if style == ScalarStyle::Plain { span.end } else { end }));
        decoded
    }

    /// The byte of the text that comes from the byte `place` of the file.
    pub(in crate::language_server) fn offset(&self, place: usize) -> usize {
        let offset = self.places.partition_point(|known| *known < place).min(self.text.len());
        (0..=offset).rev().find(|at| self.text.is_char_boundary(*at)).unwrap_or_default()
    }

    /// The bytes of the file that the bytes `range` of the text come from.
    pub(in crate::language_server) fn span(&self, range: &Range<usize>) -> Range<usize> {
        let end = self.places.last().copied().unwrap_or_default();
        let start = self.places.get(range.start).copied().unwrap_or(end);
        // after the last letter, not before the next one, which may be on another line
        let last = range.end.checked_sub(1).and_then(|last| self.places.get(last)).copied();
        let length = range
            .end
            .checked_sub(1)
            .and_then(|last| self.text.get(..=last)?.chars().next_back())
            .map_or(1, char::len_utf8);
        start..last.map_or(start, |last| last + length).max(start)
    }

    fn push(&mut self, letter: char, place: usize) {
        self.text.push(letter);
        self.places.resize(self.text.len(), place);
    }

    /// A plain or quoted scalar: line breaks are spaces.
    fn flow(&mut self, raw: &str, start: usize, quote: Option<char>) {
        let mut letters = raw.char_indices().peekable();
        while let Some((at, letter)) = letters.next() {
            let place = start + at;
            match (letter, quote) {
                ('\\', Some('"')) => match letters.next() {
                    Some((_, 'n')) => self.push('\n', place),
                    Some((_, 't')) => self.push('\t', place),
                    Some((_, 'r')) => self.push('\r', place),
                    Some((_, '0')) => self.push('\0', place),
                    // a line that goes on without a space
                    Some((_, '\n')) => while letters.next_if(|(_, next)| next.is_whitespace()).is_some() {},
                    Some((_, kind @ ('x' | 'u' | 'U'))) => {
                        let length = match kind {
                            'x' => 2,
                            'u' => 4,
                            _ => 8,
                        };
                        let digits: String = (0..length)
                            .map_while(|_| letters.next_if(|(_, it)| it.is_ascii_hexdigit()))
                            .map(|(_, it)| it)
                            .collect();
                        let code = u32::from_str_radix(&digits, 16).ok().and_then(char::from_u32);
                        self.push(code.unwrap_or(char::REPLACEMENT_CHARACTER), place);
                    }
                    Some((_, other)) => self.push(other, place),
                    None => {}
                },
                ('\'', Some('\'')) => {
                    letters.next_if(|(_, next)| *next == '\'');
                    self.push('\'', place);
                }
                ('\n' | '\r', _) => {
                    while letters.next_if(|(_, next)| next.is_whitespace()).is_some() {}
                    self.push(' ', place);
                }
                (letter, _) => self.push(letter, place),
            }
        }
    }

    /// A literal or folded scalar, whose lines are joined by `joint`.
    fn block(&mut self, raw: &str, start: usize, joint: char) {
        let mut lines = raw.split_inclusive('\n');
        let mut at = start + lines.next().map_or(0, str::len);
        let body: Vec<&str> = lines.collect();
        let blanks = |line: &str| line.len() - line.trim_start_matches([' ', '\t']).len();
        let indentation = body.iter().find(|line| !line.trim().is_empty()).map_or(0, |line| blanks(line));
        for line in body {
            let skipped = indentation.min(blanks(line));
            for (position, letter) in line.char_indices().skip_while(|(position, _)| *position < skipped) {
                match letter {
                    '\r' => {}
                    '\n' => self.push(joint, at + position),
                    letter => self.push(letter, at + position),
                }
            }
            at += line.len();
        }
    }
}

/// What is between quotes; the last one may be missing.
fn inside_quotes(raw: &str, quote: char) -> &str {
    let inner = raw.strip_prefix(quote).unwrap_or(raw);
    inner.strip_suffix(quote).unwrap_or(inner)
}
