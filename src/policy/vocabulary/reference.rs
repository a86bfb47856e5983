//! The functions and macros of expressions, as the page on CEL has them: an editor shows the text of the documentation.

use std::sync::LazyLock;

/// A function or macro in one way of calling it.
#[derive(Clone, Debug)]
pub(super) struct FunctionEntry {
    /// The name to call it by, with its library if it has one: `contains`, `math.abs`.
    pub(super) name: String,
    /// What stands before the dot, such as `text`; `None` if it is called without.
    pub(super) receiver: Option<String>,
    /// How it is called: `text.contains(part)`.
    pub(super) usage: String,
    /// What it gives.
    pub(super) gives: String,
    /// An expression with it that is true.
    pub(super) example: String,
}

/// The first parts of names that are no values.
pub(super) const LIBRARIES: [&str; 9] = ["base64", "cel", "ip", "json", "lists", "math", "optional", "sets", "strings"];

/// Every function and macro, in the order of the page.
pub(super) static FUNCTIONS: LazyLock<Vec<FunctionEntry>> =
    LazyLock::new(|| read(include_str!("../../../docs/cel.md")));

fn read(page: &str) -> Vec<FunctionEntry> {
    let tables = page.split("\n| function |").skip(1);
    let rows = tables.flat_map(|table| table.lines().skip(2).take_while(|line| line.starts_with('|')));
    rows.flat_map(entries).collect()
}

/// The entries of one row, which can have several functions.
fn entries(row: &str) -> Vec<FunctionEntry> {
    // a `|` of the language has a backslash before it
    let row = row.replace("\\|", "\u{0}");
    let mut cells = row.split('|').skip(1).map(|cell| cell.trim().replace('\u{0}', "|"));
    let (Some(usages), Some(gives), Some(example)) = (cells.next(), cells.next(), cells.next()) else {
        return Vec::new();
    };
    let entry = |usage: &str, name: &str, receiver: Option<&str>| FunctionEntry {
        name: name.to_owned(),
        receiver: receiver.map(str::to_owned),
        usage: usage.to_owned(),
        gives: gives.clone(),
        example: example.trim_matches('`').to_owned(),
    };
    let mut found = Vec::new();
    for usage in quoted_parts(&usages) {
        let Some((called, arguments)) = usage.split_once('(') else { continue };
        match called.split_once('.') {
            Some((first, name)) if !is_library(first, name) => {
                found.push(entry(usage, name, Some(first)));
                // `likewise getMonth`: the same call by other names
                for other in quoted_parts(&gives).filter(|word| gives.contains("likewise") && is_name(word)) {
                    found.push(entry(&format!("{first}.{other}({arguments}"), other, Some(first)));
                }
            }
            _ => found.push(entry(usage, called, None)),
        }
    }
    found
}

/// Whether `first.name` is one name. `ip` is both a library and what some functions are called on.
fn is_library(first: &str, name: &str) -> bool {
    LIBRARIES.contains(&first) && (first != "ip" || name == "isCanonical")
}

fn is_name(word: &str) -> bool {
    word.starts_with(|first: char| first.is_ascii_lowercase()) && word.chars().all(|it| it.is_ascii_alphanumeric())
}

/// The parts of `text` in backticks.
fn quoted_parts(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

#[cfg(test)]
mod tests {
    use super::FUNCTIONS;

    #[test]
    fn every_function_has_an_entry() {
        let names: Vec<&str> = FUNCTIONS.iter().map(|it| it.name.as_str()).collect();
        for name in crate::cel::function_names() {
            assert!(names.contains(&name), "{name}");
        }
        for name in ["has", "all", "exists_one", "transformMap", "cel.bind", "orValue", "optional.none", "getMonth"] {
            assert!(names.contains(&name), "{name}");
        }
        let contains = FUNCTIONS.iter().find(|it| it.name == "contains").unwrap();
        assert_eq!((contains.receiver.as_deref(), contains.usage.as_str()), (Some("text"), "text.contains(part)"));
    }
}
