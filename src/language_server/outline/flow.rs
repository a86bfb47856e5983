//! Flow maps and lists, which brackets hold together.

use super::blocks::{DEEPEST, OutlineReader};
use super::{Content, Entry, ScalarStyle, YamlNode};

impl OutlineReader<'_> {
    /// The list or map that begins here. One without a bracket at its end ends where YAML allows no more of it: before a line that
    /// is indented no deeper than what it belongs to.
    pub(super) fn flow(&mut self, parent: Option<usize>) -> YamlNode {
        let (start, is_map) = (self.at, self.rest().starts_with('{'));
        let (mut entries, mut items) = (Vec::new(), Vec::new());
        self.at += "{".len();
        while let Some(first) = self.next_in_flow(parent) {
            let before = self.at;
            match first {
                ',' => self.at += ",".len(),
                ']' | '}' => {
                    self.at += "]".len();
                    break;
                }
                '{' | '[' if is_map => drop(self.flow_value(parent)),
                _ if is_map => entries.push(self.flow_entry(parent)),
                _ => items.push(self.flow_value(parent)),
            }
            // what is neither a key nor a value here
            if self.at == before {
                self.at += first.len_utf8();
            }
        }
        let content = if is_map { Content::Map(entries) } else { Content::List(items) };
        YamlNode { span: start..self.at, content }
    }

    /// The next letter in the list or map, past blanks, comments and ends of lines.
    fn next_in_flow(&mut self, parent: Option<usize>) -> Option<char> {
        loop {
            self.skip_blanks();
            match self.rest().chars().next()? {
                '\r' => self.at += 1,
                '#' => self.skip_line(),
                '\n' => {
                    let line = self.next_line()?;
                    let is_end = self.text.get(line.start..self.end).is_some_and(|rest| rest.starts_with([']', '}']));
                    if !is_end && parent.is_some_and(|parent| line.column <= parent) {
                        return None;
                    }
                    self.at = line.start;
                }
                first => return Some(first),
            }
        }
    }

    fn flow_entry(&mut self, parent: Option<usize>) -> Entry {
        let key = self.flow_scalar(parent);
        let text = key.text(self.text);
        let is_quoted = !matches!(key.content, Content::Scalar(ScalarStyle::Plain));
        let key_span = if is_quoted { key.span.start + 1..key.span.end.saturating_sub(1) } else { key.span };
        self.skip_blanks();
        let mut value = YamlNode { span: key_span.end..key_span.end, content: Content::Empty };
        if self.rest().starts_with(':') {
            self.at += ":".len();
            value.span = self.at..self.at;
            if !matches!(self.next_in_flow(parent), None | Some(',' | ']' | '}')) {
                value = self.flow_value(parent);
            }
        }
        Entry { key: text, key_span, value }
    }

    fn flow_value(&mut self, parent: Option<usize>) -> YamlNode {
        if !self.rest().starts_with(['{', '[']) {
            return self.flow_scalar(parent);
        }
        if self.depth >= DEEPEST {
            self.skip_line();
            return YamlNode { span: self.at..self.at, content: Content::Empty };
        }
        self.depth += 1;
        let node = self.flow(parent);
        self.depth -= 1;
        node
    }

    fn flow_scalar(&mut self, parent: Option<usize>) -> YamlNode {
        if let Some(quote) = self.rest().chars().next().filter(|first| ['"', '\''].contains(first)) {
            return self.quoted_scalar(quote, parent);
        }
        let start = self.at;
        let line = self.rest_of_line();
        let line = line.split(" #").next().unwrap_or(line);
        let is_end = |(at, letter): &(usize, char)| match letter {
            ',' | '[' | ']' | '{' | '}' => true,
            ':' => {
                line.get(at + 1..).is_none_or(|after| after.is_empty() || after.starts_with([' ', '\t', ',', ']', '}']))
            }
            _ => false,
        };
        let length = line.char_indices().find(is_end).map_or(line.len(), |(at, _)| at);
        let length = line.get(..length).unwrap_or_default().trim_end().len();
        self.at += length;
        YamlNode { span: start..self.at, content: Content::Scalar(ScalarStyle::Plain) }
    }
}
