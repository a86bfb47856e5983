//! `${VAR}` and `${VAR:-default}` in values, replaced by variables of the environment.

use super::Lookup;
use super::source::Source;
use super::tree::{NodeContent, TreeNode};
use crate::diagnostic::Diagnostic;
use serde_json::Value;
use std::ops::Range;

/// An error in the use of a variable, and its range in the text.
struct Misuse {
    range: Range<usize>,
    message: String,
}

impl Source {
    /// Replaces the variables in all values, but not in keys. Adds an error for each that cannot be replaced.
    pub(super) fn interpolate(&mut self, lookup: Lookup<'_>, errors: &mut Vec<Diagnostic>) {
        // the places of errors are those of the original text
        let before = self.clone();
        replace_in(self.root_mut(), "", &before, lookup, errors);
    }

    /// An error for each `${VAR}` in the values of a document that has no variables, where it would be plain text.
    // an author who knows the configuration file expects the value, and a rule that compares with the text never holds
    pub fn unreplaced_variables(&self) -> Vec<Diagnostic> {
        let mut errors = Vec::new();
        find_in(self.root(), "", self, &mut errors);
        errors
    }
}

fn find_in(node: &TreeNode, pointer: &str, source: &Source, errors: &mut Vec<Diagnostic>) {
    match &node.content {
        NodeContent::Scalar(Value::String(text)) => {
            errors.extend(variables(text).map(|(range, name)| {
                let message =
                    format!("`${{{name}}}` is not replaced in this file, only in the gateway's configuration");
                let help = format!("write the value itself; an expression has the text as `\"$\" + \"{{{name}}}\"`");
                source.within(pointer, range, message).with_help(help)
            }));
        }
        NodeContent::Scalar(_) => {}
        NodeContent::List(nodes) => {
            for (position, node) in nodes.iter().enumerate() {
                find_in(node, &format!("{pointer}/{position}"), source, errors);
            }
        }
        NodeContent::Map(entries) => {
            for entry in entries {
                find_in(&entry.node, &format!("{pointer}/{}", step_to(&entry.key)), source, errors);
            }
        }
    }
}

/// The places of `${VAR}` and `${VAR:-default}` in `text`, and the names of the variables.
fn variables(text: &str) -> impl Iterator<Item = (Range<usize>, &str)> {
    text.match_indices("${").filter_map(|(start, opening)| {
        let inner = text.get(start + opening.len()..)?.split('}').next()?;
        let end = start + opening.len() + inner.len() + "}".len();
        let (name, _) = inner.split_once(":-").unwrap_or((inner, ""));
        (end <= text.len() && is_variable(name)).then_some((start..end, name))
    })
}

/// The step of a JSON pointer to the member `key` (RFC 6901 section 3).
fn step_to(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

fn is_variable(name: &str) -> bool {
    let starts_well = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
    starts_well && name.chars().all(|it| it.is_ascii_alphanumeric() || it == '_')
}

fn replace_in(node: &mut TreeNode, pointer: &str, source: &Source, lookup: Lookup<'_>, errors: &mut Vec<Diagnostic>) {
    match &mut node.content {
        NodeContent::Scalar(Value::String(text)) if text.contains("${") => match expand(text, lookup) {
            Ok(expanded) => {
                // a quoted value is text even if the variable holds digits, as in YAML
                let quoted = source.text().get(node.span.clone()).unwrap_or_default().starts_with(['"', '\'']);
                node.content = NodeContent::Scalar(if quoted { Value::String(expanded) } else { plain(expanded) });
            }
            Err(misuses) => {
                errors.extend(misuses.into_iter().map(|it| source.within(pointer, it.range, it.message)));
            }
        },
        NodeContent::Scalar(_) => {}
        NodeContent::List(nodes) => {
            for (position, node) in nodes.iter_mut().enumerate() {
                replace_in(node, &format!("{pointer}/{position}"), source, lookup, errors);
            }
        }
        NodeContent::Map(entries) => {
            for entry in entries {
                replace_in(&mut entry.node, &format!("{pointer}/{}", step_to(&entry.key)), source, lookup, errors);
            }
        }
    }
}

fn expand(text: &str, lookup: Lookup<'_>) -> Result<String, Vec<Misuse>> {
    let mut expanded = String::new();
    let mut misuses = Vec::new();
    let mut position = 0;
    while let Some((before, rest)) = text.get(position..).and_then(|rest| rest.split_once("${")) {
        expanded.push_str(before);
        let start = position + before.len();
        let Some((inner, _)) = rest.split_once('}') else {
            let message = "`${` without a `}` that ends it".to_owned();
            misuses.push(Misuse { range: start..text.len(), message });
            return Err(misuses);
        };
        position = start + "${".len() + inner.len() + "}".len();
        match value_of(inner, lookup) {
            Ok(value) => expanded.push_str(&value),
            Err(message) => misuses.push(Misuse { range: start..position, message }),
        }
    }
    expanded.push_str(text.get(position..).unwrap_or_default());
    if misuses.is_empty() { Ok(expanded) } else { Err(misuses) }
}

/// The value of the text between `${` and `}`.
fn value_of(inner: &str, lookup: Lookup<'_>) -> Result<String, String> {
    let (name, default) = inner.split_once(":-").map_or((inner, None), |(name, default)| (name, Some(default)));
    if !is_variable(name) {
        return Err("`${...}` must hold the name of a variable, or a name, `:-` and a default".to_owned());
    }
    match (lookup(name), default) {
        (Some(value), None) => Ok(value),
        // as in a shell (POSIX 2.6.2), the default of `:-` also replaces an empty value
        (Some(value), Some(_)) if !value.is_empty() => Ok(value),
        (_, Some(default)) => Ok(default.to_owned()),
        (None, None) => Err(format!("the variable `{name}` is not set")),
    }
}

/// The value of unquoted text: a number, true or false if it looks like one, as if it were written in the file.
fn plain(text: String) -> Value {
    match text.as_str() {
        "true" => return Value::Bool(true),
        "false" => return Value::Bool(false),
        _ => {}
    }
    if let Ok(number) = text.parse::<u64>() {
        return number.into();
    }
    if let Ok(number) = text.parse::<i64>() {
        return number.into();
    }
    match text.parse::<f64>().ok().filter(|_| text.starts_with(|it: char| it.is_ascii_digit() || it == '-')) {
        Some(number) => serde_json::Number::from_f64(number).map_or(Value::String(text), Value::Number),
        None => Value::String(text),
    }
}
