//! Maps a range of a scalar's text to the range of the file, through quotes, escapes, indentation and folded lines.

use std::ops::Range;

/// The range in `file` of the range `range` in `text`, the scalar at `span` of `file`. `None` if they do not correspond, as after
/// variables were replaced in the text.
pub(super) fn within(file: &str, span: &Range<usize>, text: &str, range: &Range<usize>) -> Option<Range<usize>> {
    let raw = file.get(span.clone())?;
    // the parser gives the span of a scalar only, but an error in an expression should underline a part of it
    let mut walk = Walk::new(raw);
    let (mut start, mut end) = (None, None);
    for (at, character) in text.char_indices() {
        let unit = walk.next_unit(character)?;
        if at <= range.start {
            start = Some(unit.start);
        }
        if at < range.end {
            end = Some(unit.end);
        }
    }
    let past = (range.start >= text.len()).then_some(walk.position);
    let start = past.or(start)?;
    Some(span.start + start..span.start + end.unwrap_or(start).max(start))
}

/// A position in a verbatim scalar that advances with its text.
struct Walk<'a> {
    raw: &'a str,
    position: usize,
    quote: Option<char>,
}

impl<'a> Walk<'a> {
    fn new(raw: &'a str) -> Self {
        let quote = raw.chars().next().filter(|first| matches!(first, '"' | '\''));
        Self { raw, position: usize::from(quote.is_some()), quote }
    }

    fn rest(&self) -> &'a str {
        self.raw.get(self.position..).unwrap_or_default()
    }

    /// The range of the next character of the text in the verbatim scalar.
    fn next_unit(&mut self, character: char) -> Option<Range<usize>> {
        if !self.at_escape() {
            self.skip_layout(character);
        }
        let length = self.unit_length(character)?;
        let start = self.position;
        self.position += length;
        Some(start..self.position)
    }

    fn at_escape(&self) -> bool {
        self.quote == Some('"') && self.rest().starts_with('\\')
    }

    /// Skips the line breaks and indentation that are not in the text.
    fn skip_layout(&mut self, character: char) {
        let rest = self.rest();
        let layout = rest.len() - rest.trim_start().len();
        let blank = rest.get(..layout).unwrap_or_default();
        self.position += match character {
            '\n' => blank.find('\n').unwrap_or(0),
            _ if character.is_whitespace() => 0,
            _ => layout,
        };
    }

    fn unit_length(&self, character: char) -> Option<usize> {
        let rest = self.rest();
        let first = rest.chars().next()?;
        match (self.quote, first) {
            (Some('"'), '\\') => Some(match rest.chars().nth(1)? {
                'x' => 4,
                'u' => 6,
                'U' => 10,
                escaped => 1 + escaped.len_utf8(),
            }),
            // a single quote is escaped by another one
            (Some('\''), '\'') => rest.starts_with("''").then_some(2),
            _ if first == character => Some(first.len_utf8()),
            // a folded line break becomes a space (YAML 1.2.2 section 6.5)
            _ if first.is_whitespace() && character.is_whitespace() => Some(first.len_utf8()),
            _ => None,
        }
    }
}
