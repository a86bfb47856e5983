//! Values in CEL notation, for explanations.

use super::activation::{Container, Value};
use std::fmt::Write;

/// Longest text, in characters.
const MAX_TEXT: usize = 64;
/// Most elements of a list or map.
const MAX_ELEMENTS: usize = 8;

impl<'a, C: Container<'a>> Value<'a, C> {
    /// The value in CEL notation, truncated if long. Of a container of the request only the size is out.
    pub(super) fn to_cel(&self) -> String {
        if let Some(text) = self.as_str() {
            return quote(text);
        }
        match self {
            Self::Null => "null".to_owned(),
            Self::Bool(value) => value.to_string(),
            Self::Int(value) => value.to_string(),
            Self::Uint(value) => format!("{value}u"),
            Self::Double(value) => format!("{value:?}"),
            Self::Timestamp(time) => format!("timestamp(\"{time}\")"),
            Self::Duration(nanos) => format!("duration(\"{}ms\")", nanos / 1_000_000),
            Self::Bytes(bytes) => format!("bytes of {}", bytes.len()),
            Self::Type(kind) => kind.as_str().to_owned(),
            Self::List(items) => list_text(items),
            Self::OwnList(items) => list_text(items),
            Self::Map(entries) => map_text(entries),
            Self::OwnMap(entries) => map_text(entries),
            Self::Array(array) => format!("list of {}", array.len()),
            Self::Object(object) => format!("map of {}", object.len()),
            Self::String(_) | Self::Text(_) | Self::Unknown(_) => "value".to_owned(),
        }
    }
}

fn list_text<'a, C: Container<'a>>(items: &[Value<'a, C>]) -> String {
    format!("[{}]", join_first(items.iter().map(Value::to_cel), items.len()))
}

fn map_text<'a, C: Container<'a>>(entries: &[(Value<'a, C>, Value<'a, C>)]) -> String {
    let texts = entries.iter().map(|(key, value)| format!("{}: {}", key.to_cel(), value.to_cel()));
    format!("{{{}}}", join_first(texts, entries.len()))
}

fn join_first(texts: impl Iterator<Item = String>, length: usize) -> String {
    // formatted lazily: a long list costs no more than its first elements
    let mut text = texts.take(MAX_ELEMENTS).collect::<Vec<_>>().join(", ");
    if length > MAX_ELEMENTS {
        // writing to a `String` cannot fail
        let _ = write!(text, ", and {} more", length - MAX_ELEMENTS);
    }
    text
}

/// The text in quotes, without characters that could control a terminal or forge a log line.
fn quote(text: &str) -> String {
    let mut out = String::from("\"");
    for letter in text.chars().take(MAX_TEXT) {
        if letter.is_ascii_graphic() || letter == ' ' || letter.is_alphanumeric() {
            if matches!(letter, '"' | '\\') {
                out.push('\\');
            }
            out.push(letter);
        } else {
            out.extend(letter.escape_unicode());
        }
    }
    out.push_str(if text.chars().nth(MAX_TEXT).is_some() { "...\"" } else { "\"" });
    out
}

#[cfg(test)]
mod tests {
    use crate::cel::activation::Value;

    #[test]
    fn a_value_is_one_line_and_truncated() {
        for (value, expected) in [
            (Value::Null, "null".to_owned()),
            (Value::Uint(7), "7u".to_owned()),
            (Value::Double(1.0), "1.0".to_owned()),
            (Value::String("a\"b\n\u{1b}[31m\u{e9}"), r#""a\"b\u{a}\u{1b}[31mé""#.to_owned()),
            (Value::Text("a".repeat(65).into()), format!("\"{}...\"", "a".repeat(64))),
            (Value::OwnList((0..9).map(Value::Int).collect()), "[0, 1, 2, 3, 4, 5, 6, 7, and 1 more]".to_owned()),
            (Value::OwnMap([(Value::String("a"), Value::Bool(true))].into()), r#"{"a": true}"#.to_owned()),
        ] {
            let value: Value<'_> = value;
            assert_eq!(value.to_cel(), expected);
        }
    }
}
