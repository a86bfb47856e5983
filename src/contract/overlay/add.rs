//! Writes an entry for an operation that no spec has into the text of an overlay file.

use std::fmt::Write;

/// The operation to add.
#[derive(Clone, Copy, Debug)]
pub struct NewOperation<'a> {
    /// Its id; `None` for one made of method and path.
    pub id: Option<&'a str>,
    /// The HTTP method.
    pub method: &'a str,
    /// The path template.
    pub path: &'a str,
    /// Why it is added.
    pub evidence: &'a str,
}

/// The list has a form to which no entry can be added as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`operations` must be a list with an entry a line, so that one can be added")]
pub struct UnsupportedList;

impl NewOperation<'_> {
    /// The id: the one given, or the method and the words of the path.
    pub fn id(&self) -> String {
        if let Some(id) = self.id {
            return id.to_owned();
        }
        let words = self.path.split(['/', '_', '-']).filter(|word| !word.is_empty() && *word != "v1");
        // parameters are not part of what an operation is
        let words = words.filter(|word| !word.contains(['{', '}']));
        std::iter::once(self.method).chain(words).map(capitalize).collect()
    }

    /// The lines of the entry.
    fn entry(&self) -> String {
        // JSON strings are YAML strings (YAML 1.2 section 1.2)
        let quoted = |text: &str| serde_json::Value::from(text).to_string();
        let mut entry =
            format!("- id: {}\n  method: {}\n  path: {}\n", quoted(&self.id()), quoted(self.method), quoted(self.path));
        if matches!(self.method, "PATCH" | "POST" | "PUT") {
            entry += "  # its JSON Schema: policies can read the fields that it declares\n  body: { type: object }\n";
        }
        // writing to a `String` cannot fail
        let _ = writeln!(entry, "  evidence: {}", quoted(self.evidence));
        entry
    }

    /// The overlay file `text` with the entry in it; a whole file if `text` is empty.
    ///
    /// # Errors
    ///
    /// The list of operations in `text` has another form.
    pub fn added_to(&self, text: &str) -> Result<String, UnsupportedList> {
        let entry = self.entry();
        if text.trim().is_empty() {
            return Ok(format!("apiVersion: portcullis/v1\nkind: ContractOverlay\noperations:\n{entry}"));
        }
        let Some(list) = text.split_inclusive('\n').find(|line| line.starts_with("operations:")) else {
            let end = if text.ends_with('\n') { "" } else { "\n" };
            return Ok(format!("{text}{end}\noperations:\n{entry}"));
        };
        let behind = list.trim_start_matches("operations:").trim();
        // at its top: where the list ends depends on what follows it
        let is_block = behind.is_empty() || behind.starts_with('#');
        if behind == "[]" || is_block {
            let head = if is_block { list } else { "operations:\n" };
            let end = if head.ends_with('\n') { "" } else { "\n" };
            return Ok(text.replacen(list, &format!("{head}{end}{entry}"), 1));
        }
        Err(UnsupportedList)
    }
}

/// A word with its first letter in upper case and all others in lower case.
fn capitalize(word: &str) -> String {
    let mut letters = word.chars();
    let first = letters.next().into_iter().flat_map(char::to_uppercase);
    first.chain(letters.as_str().chars().flat_map(char::to_lowercase)).collect()
}

#[cfg(test)]
mod tests {
    use super::{NewOperation, UnsupportedList};
    use crate::contract::overlay::Overlays;
    use std::path::Path;

    const NEW: NewOperation<'_> = NewOperation {
        id: None,
        method: "POST",
        path: "/v1/no_such/{thing_id}/things",
        evidence: "the reporting job: \"needs\" it # daily",
    };

    #[test]
    fn an_entry_is_added_to_any_file_that_can_be_read() {
        let head = "apiVersion: portcullis/v1\nkind: ContractOverlay\n";
        let other = "- { id: A, method: GET, path: /v1/a, evidence: seen }\n";
        for (text, count) in [
            (String::new(), 1),
            (format!("{head}overlays: []"), 1),
            (format!("{head}operations: []\n"), 1),
            (format!("{head}operations:\n{other}"), 2),
            (format!("{head}operations: # ours\n\n{other}\nroutes: []\n"), 2),
        ] {
            let added = NEW.added_to(&text).expect("a list");
            let overlays = Overlays::read(Path::new("overlay.yaml"), &added);
            let overlays = overlays.unwrap_or_else(|errors| panic!("{added}\n{errors:?}"));
            assert_eq!(overlays.added_ids().count(), count, "{added}");
            assert!(overlays.added_ids().any(|id| id == "PostNoSuchThings"), "{added}");
        }
        let flow = format!("{head}operations: [{{ id: A, method: GET, path: /v1/a, evidence: seen }}]\n");
        assert_eq!(NEW.added_to(&flow), Err(UnsupportedList));
    }
}
