//! Values as people write them in CEL, for those who look at an evaluation.

use super::activation::Container;
use super::kind::Kind;
use super::value::Value;
use std::fmt::Write;

/// Longest text that is shown, in characters, and most elements of a list.
const LONGEST: usize = 64;
const MOST: usize = 8;

impl Kind {
    /// The name that CEL has for it.
    pub(super) fn as_str(self) -> &'static str {
        Self::NAMED.iter().find(|(kind, _)| *kind == self).map_or("value", |(_, name)| name)
    }
}

impl<'a, S: Container<'a>> Value<'a, S> {
    /// The value as CEL writes it, cut where it is long. What is in the body is only counted.
    pub(super) fn written(&self) -> String {
        if let Some(text) = self.as_str() {
            return quoted(text);
        }
        match self {
            Self::Null => "null".to_owned(),
            Self::Bool(value) => value.to_string(),
            Self::Int(value) => value.to_string(),
            Self::Uint(value) => format!("{value}u"),
            Self::Double(value) => format!("{value:?}"),
            Self::Timestamp(time) => format!("timestamp(\"{}\")", time.format("%Y-%m-%dT%H:%M:%S%.fZ")),
            Self::Duration(length) => format!("duration(\"{}ms\")", length.num_milliseconds()),
            Self::Bytes(bytes) => format!("bytes of {}", bytes.len()),
            Self::Type(kind) => kind.as_str().to_owned(),
            Self::List(items) => listed(items),
            Self::OwnList(items) => listed(items),
            Self::Map(entries) => mapped(entries),
            Self::OwnMap(entries) => mapped(entries),
            Self::Array(array) => format!("list of {}", array.len()),
            Self::Object(object) => format!("map of {}", object.len()),
            Self::String(_) | Self::Text(_) | Self::Unknown(_) => "value".to_owned(),
        }
    }
}

fn listed<'a, S: Container<'a>>(items: &[Value<'a, S>]) -> String {
    format!("[{}]", first(items.iter().map(Value::written), items.len()))
}

fn mapped<'a, S: Container<'a>>(entries: &[(Value<'a, S>, Value<'a, S>)]) -> String {
    let written = entries.iter().map(|(key, value)| format!("{}: {}", key.written(), value.written()));
    format!("{{{}}}", first(written, entries.len()))
}

fn first(written: impl Iterator<Item = String>, length: usize) -> String {
    let mut text = written.take(MOST).collect::<Vec<_>>().join(", ");
    if length > MOST {
        // writing to a `String` cannot fail
        let _ = write!(text, ", and {} more", length - MOST);
    }
    text
}

/// NoContainer in it steers a terminal or a log.
fn quoted(text: &str) -> String {
    let mut shown = String::from("\"");
    for letter in text.chars().take(LONGEST) {
        if letter.is_ascii_graphic() || letter == ' ' || letter.is_alphanumeric() {
            if matches!(letter, '"' | '\\') {
                shown.push('\\');
            }
            shown.push(letter);
        } else {
            shown.extend(letter.escape_unicode());
        }
    }
    shown.push_str(if text.chars().nth(LONGEST).is_some() { "...\"" } else { "\"" });
    shown
}

#[cfg(test)]
mod tests {
    use super::Value;

    #[test]
    fn values_are_written_on_one_line_and_cut() {
        for (value, written) in [
            (Value::Null, "null".to_owned()),
            (Value::Uint(7), "7u".to_owned()),
            (Value::Double(1.0), "1.0".to_owned()),
            (Value::String("a\"b\n\u{1b}[31m\u{e9}"), r#""a\"b\u{a}\u{1b}[31mé""#.to_owned()),
            (Value::Text("a".repeat(65).into()), format!("\"{}...\"", "a".repeat(64))),
            (Value::OwnList((0..9).map(Value::Int).collect()), "[0, 1, 2, 3, 4, 5, 6, 7, and 1 more]".to_owned()),
            (Value::OwnMap([(Value::String("a"), Value::Bool(true))].into()), r#"{"a": true}"#.to_owned()),
        ] {
            let value: Value<'_> = value;
            assert_eq!(value.written(), written);
        }
    }
}
