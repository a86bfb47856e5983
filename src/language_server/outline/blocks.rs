//! Block maps, lists and scalars, which indentation holds together.

use super::{Content, Entry, ScalarStyle, YamlNode};
use std::ops::Range;

/// Deeper parts are left out: the reader recurses, and no file of ours nests as deep.
pub(super) const DEEPEST: usize = 32;

/// Reads one document.
pub(super) struct OutlineReader<'t> {
    pub(super) text: &'t str,
    pub(super) at: usize,
    /// Where the document ends.
    pub(super) end: usize,
    pub(super) depth: usize,
}

/// The next line with content.
#[derive(Clone, Copy)]
pub(super) struct Line {
    /// Where its content begins.
    pub(super) start: usize,
    /// How far it is indented.
    pub(super) column: usize,
}

impl<'t> OutlineReader<'t> {
    pub(super) fn new(text: &'t str, range: Range<usize>) -> Self {
        Self { text, at: range.start, end: range.end, depth: 0 }
    }

    pub(super) fn document(mut self) -> YamlNode {
        let Some(line) = self.next_line() else { return YamlNode::default() };
        self.at = line.start;
        self.content(line.column, None)
    }

    pub(super) fn rest(&self) -> &'t str {
        self.text.get(self.at..self.end).unwrap_or_default()
    }

    /// What is left of the line, without its end.
    pub(super) fn rest_of_line(&self) -> &'t str {
        let rest = self.rest();
        let line = rest.split('\n').next().unwrap_or(rest);
        line.strip_suffix('\r').unwrap_or(line)
    }

    /// Goes to the end of the line.
    pub(super) fn skip_line(&mut self) {
        self.at += self.rest().find('\n').unwrap_or(self.rest().len());
    }

    /// Goes past blanks. What follows is on the same line.
    pub(super) fn skip_blanks(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start_matches([' ', '\t', '\u{feff}']).len();
    }

    /// The next line with content, from the begin of a line or from the end of one. Comments are no content.
    pub(super) fn next_line(&self) -> Option<Line> {
        let mut start = self.at;
        for line in self.rest().split_inclusive('\n') {
            let content = line.trim_start_matches([' ', '\t', '\u{feff}']);
            if !content.trim_end().is_empty() && !content.starts_with('#') {
                let column = line.len() - content.len();
                return Some(Line { start: start + column, column });
            }
            start += line.len();
        }
        None
    }

    /// The value of a key or list item, whose own indentation is `parent`.
    fn value(&mut self, parent: usize, is_of_key: bool) -> YamlNode {
        self.skip_blanks();
        self.skip_properties();
        let rest = self.rest_of_line();
        if !rest.is_empty() && !rest.starts_with('#') {
            let column =
                self.at - self.text.get(..self.at).and_then(|before| before.rfind('\n')).map_or(0, |end| end + 1);
            return self.content(column, Some(parent));
        }
        let here = self.at;
        self.skip_line();
        let is_inside = |line: &Line| {
            let is_item = is_item(self.text.get(line.start..self.end).unwrap_or_default());
            line.column > parent || is_of_key && is_item && line.column == parent
        };
        match self.next_line().filter(is_inside) {
            Some(line) => {
                self.at = line.start;
                self.content(line.column, Some(parent))
            }
            None => YamlNode { span: here..here, content: Content::Empty },
        }
    }

    /// Skips a tag and an anchor.
    fn skip_properties(&mut self) {
        while self.rest().starts_with(['!', '&']) {
            let property = self.rest_of_line().split([' ', '\t']).next().unwrap_or_default();
            self.at += property.len();
            self.skip_blanks();
        }
    }

    /// The value that begins here, at `column` of its line.
    fn content(&mut self, column: usize, parent: Option<usize>) -> YamlNode {
        let rest = self.rest();
        if self.depth >= DEEPEST {
            self.skip_line();
            return YamlNode { span: self.at..self.at, content: Content::Empty };
        }
        self.depth += 1;
        let node = if is_item(rest) {
            self.list(column)
        } else if rest.starts_with(['{', '[']) {
            self.flow(parent)
        } else if rest.starts_with(['|', '>']) {
            self.block_scalar(parent)
        } else if self.key().is_some() {
            self.map(column)
        } else if let Some(quote) = rest.chars().next().filter(|first| ['"', '\''].contains(first)) {
            self.quoted_scalar(quote, parent)
        } else {
            self.plain(parent)
        };
        self.depth -= 1;
        node
    }

    fn list(&mut self, column: usize) -> YamlNode {
        let start = self.at;
        let mut items = Vec::new();
        loop {
            self.at += "-".len();
            items.push(self.value(column, false));
            match self.next_entry(column) {
                Some(line) if is_item(self.text.get(line.start..self.end).unwrap_or_default()) => self.at = line.start,
                _ => break,
            }
        }
        let end = items.last().map_or(start, |item| item.span.end);
        YamlNode { span: start..end, content: Content::List(items) }
    }

    /// The next line of a list or map at `column`. Lines between that are indented deeper belong to nothing.
    fn next_entry(&mut self, column: usize) -> Option<Line> {
        self.skip_line();
        loop {
            let line = self.next_line()?;
            if line.column <= column {
                return Some(line).filter(|line| line.column == column);
            }
            self.at = line.start;
            self.skip_line();
        }
    }

    fn map(&mut self, column: usize) -> YamlNode {
        let start = self.at;
        let mut entries: Vec<Entry> = Vec::new();
        loop {
            entries.push(self.entry(column));
            match self.next_entry(column) {
                Some(line) if !is_item(self.text.get(line.start..self.end).unwrap_or_default()) => self.at = line.start,
                _ => break,
            }
        }
        let end = entries.last().map_or(start, |entry| entry.value.span.end.max(entry.key_span.end));
        YamlNode { span: start..end, content: Content::Map(entries) }
    }

    fn entry(&mut self, column: usize) -> Entry {
        if let Some((key, span, colon)) = self.key() {
            self.at = colon + ":".len();
            return Entry { key, key_span: span, value: self.value(column, true) };
        }
        // a key that is being typed
        let line = self.rest_of_line();
        let key = line.split(" #").next().unwrap_or(line).trim_end();
        let span = self.at..self.at + key.len();
        self.at = span.end;
        let value = YamlNode { span: span.end..span.end, content: Content::Empty };
        Entry { key: key.to_owned(), value, key_span: span }
    }

    /// The key at the begin of what is left of the line, and the place of its colon.
    fn key(&self) -> Option<(String, Range<usize>, usize)> {
        let line = self.rest_of_line();
        if let Some(quote) = line.chars().next().filter(|first| ['"', '\''].contains(first)) {
            let inner = line.get(1..)?;
            let length = inner.find(quote)?;
            let after = inner.get(length + 1..)?;
            let colon = after.len() - after.trim_start().len();
            let is_key = after.get(colon..)?.starts_with(':');
            let start = self.at + 1;
            return is_key.then(|| {
                (inner.get(..length).unwrap_or_default().to_owned(), start..start + length, start + length + 1 + colon)
            });
        }
        let comment = line.find(" #").unwrap_or(line.len());
        let before = line.get(..comment)?;
        let is_end =
            |at: &usize| before.get(at + 1..).is_some_and(|after| after.is_empty() || after.starts_with([' ', '\t']));
        let colon = before.match_indices(':').map(|(at, _)| at).find(is_end)?;
        let key = before.get(..colon)?.trim_end();
        Some((key.to_owned(), self.at..self.at + key.len(), self.at + colon))
    }

    fn block_scalar(&mut self, parent: Option<usize>) -> YamlNode {
        let style = if self.rest().starts_with('|') { ScalarStyle::Literal } else { ScalarStyle::Folded };
        let start = self.at;
        self.skip_line();
        let mut end = self.at;
        let mut at = self.at + usize::from(self.rest().starts_with('\n'));
        for line in self.text.get(at..self.end).unwrap_or_default().split_inclusive('\n') {
            let column = line.len() - line.trim_start_matches([' ', '\t']).len();
            let length = line.trim_end().len();
            if length > 0 && parent.is_some_and(|parent| column <= parent) {
                break;
            }
            if length > 0 {
                end = at + length;
            }
            at += line.len();
        }
        self.at = end;
        YamlNode { span: start..end, content: Content::Scalar(style) }
    }

    pub(super) fn quoted_scalar(&mut self, quote: char, parent: Option<usize>) -> YamlNode {
        let start = self.at;
        self.at += self.quoted_length(quote, parent);
        let style = if quote == '"' { ScalarStyle::Double } else { ScalarStyle::Single };
        YamlNode { span: start..self.at, content: Content::Scalar(style) }
    }

    /// The length of the quoted text that begins here; of one without an end, what is left of its line.
    fn quoted_length(&self, quote: char, parent: Option<usize>) -> usize {
        let rest = self.rest();
        let mut letters = rest.char_indices().skip(1).peekable();
        while let Some((at, letter)) = letters.next() {
            if letter == '\\' && quote == '"' {
                letters.next();
            } else if letter == quote && letters.next_if(|(_, next)| quote == '\'' && *next == quote).is_none() {
                return at + 1;
            } else if letter == '\n' {
                let line = rest.get(at + 1..).unwrap_or_default();
                let column = line.len() - line.trim_start_matches(' ').len();
                let is_blank = line.trim_start().len() < line.trim_start_matches(' ').len();
                // it cannot go on there: the quote at its end is not typed yet
                if parent.is_some_and(|parent| column <= parent) && !is_blank {
                    break;
                }
            }
        }
        self.rest_of_line().len()
    }

    fn plain(&mut self, parent: Option<usize>) -> YamlNode {
        let start = self.at;
        let mut end = start;
        loop {
            let line = self.rest_of_line();
            let line = line.split(" #").next().unwrap_or(line).trim_end();
            end = end.max(self.at + line.len());
            self.skip_line();
            match self.next_line() {
                // continuations are indented deeper; a document that is one scalar has them anywhere
                Some(line) if parent.is_some_and(|parent| line.column > parent) => self.at = line.start,
                _ => break,
            }
        }
        self.at = end;
        YamlNode { span: start..end, content: Content::Scalar(ScalarStyle::Plain) }
    }
}

/// Whether `rest` begins with an item of a list.
fn is_item(rest: &str) -> bool {
    rest.strip_prefix('-').is_some_and(|after| after.is_empty() || after.starts_with([' ', '\t', '\n', '\r']))
}
