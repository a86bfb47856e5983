//! Moves the literals of an expression into the body of a request, so that it is evaluated and not folded.

use super::super::{env, evaluated};
use crate::cel::{self, Value};
use serde_json::json;

/// Functions with an argument that must be known when a policy is loaded.
const OF_CONSTANTS: [&str; 3] = ["matches", "find", "findAll"];

/// The expression that reads its literals from the body, and that body.
pub(super) fn lift(source: &str) -> (String, String) {
    let words = cel::words(source);
    let takes_constants = words.iter().any(|word| OF_CONSTANTS.contains(word));
    let (mut lifted, mut members) = (Vec::new(), Vec::new());
    let mut at = 0;
    while let Some(word) = words.get(at) {
        let before = at.checked_sub(1).map(|before| words[before]);
        // a text that only evaluation knows would be no pattern
        let lifted_here = literal(&words, at, before).filter(|(json, _)| !(takes_constants && json.starts_with('"')));
        if let Some((json, end)) = lifted_here {
            lifted.push(format!("body.public_metadata.v{}", members.len()));
            members.push(format!("\"v{}\":{json}", members.len()));
            at = end;
        } else {
            lifted.push((*word).to_owned());
            at += 1;
        }
    }
    (lifted.join(" "), format!("{{\"public_metadata\":{{{}}}}}", members.join(",")))
}

/// The literal at `at` as JSON, and where it ends; `None` if there is none, or JSON has no such value.
fn literal(words: &[&str], at: usize, before: Option<&str>) -> Option<(String, usize)> {
    match *words.get(at)? {
        "[" if !before.is_some_and(is_operand) => {
            let (items, end) = list(words, at + 1, "]", |at| literal(words, at, None))?;
            Some((format!("[{}]", items.join(",")), end))
        }
        "{" if !before.is_some_and(is_operand) => {
            let (items, end) = list(words, at + 1, "}", |at| {
                let (name, end) = literal(words, at, None).filter(|(name, _)| name.starts_with('"'))?;
                let (value, end) = literal(words, end + 1, None).filter(|_| words.get(end) == Some(&":"))?;
                Some((format!("{name}:{value}"), end))
            })?;
            // a document has no name twice, which CEL refuses too
            let names = |item: &String| item.split(':').next().map(str::to_owned);
            let is_unique =
                items.iter().enumerate().all(|(at, item)| !items[..at].iter().any(|it| names(it) == names(item)));
            is_unique.then(|| (format!("{{{}}}", items.join(",")), end))
        }
        // the number of an option or the name of a member
        _ if before == Some(".") => None,
        word => Some((scalar(word)?, at + 1)),
    }
}

fn list(
    words: &[&str],
    mut at: usize,
    close: &str,
    item: impl Fn(usize) -> Option<(String, usize)>,
) -> Option<(Vec<String>, usize)> {
    let mut items = Vec::new();
    while words.get(at) != Some(&close) {
        let (json, end) = item(at)?;
        items.push(json);
        at = end + usize::from(words.get(end) == Some(&","));
        if at == end && words.get(end) != Some(&close) {
            return None;
        }
    }
    Some((items, at + 1))
}

/// Whether `[` behind the word asks for an element.
fn is_operand(word: &str) -> bool {
    word != "in"
        && (matches!(word, ")" | "]" | "}") || word.ends_with(|it: char| it.is_alphanumeric() || "_\"'`".contains(it)))
}

fn scalar(word: &str) -> Option<String> {
    if !(word.starts_with(|it: char| it.is_ascii_digit() || "\"'.".contains(it) || it == 'r' || it == 'R')
        || matches!(word, "true" | "false" | "null"))
        || matches!(word, ".")
    {
        return None;
    }
    let mut env = env(&json!({}));
    if !env.declare("it", word).is_empty() {
        return None;
    }
    let (variables, _) = env.finish();
    let json = evaluated(&variables, "{}", |value| match value {
        Value::Null => Some("null".to_owned()),
        Value::Bool(value) => Some(value.to_string()),
        Value::Int(value) => Some(value.to_string()),
        // every digit: an exponent would round the largest ones
        Value::Double(value) if value.fract() == 0.0 => Some(format!("{value:.1}")),
        Value::Double(value) => Some(value.to_string()),
        _ => value.as_str().map(|text| json!(text).to_string()),
    });
    json.ok().flatten()
}
