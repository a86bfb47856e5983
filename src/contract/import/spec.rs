//! The spec under translation, and its errors.

use crate::diagnostic::Diagnostic;
use crate::manifest::Source;
use serde_json::{Map, Value};
use std::collections::HashSet;
use std::fmt::Display;

/// Most errors that are listed; the rest are counted. A spec with as many is of another format, and each has to be found in the file.
const MOST_ERRORS: usize = 200;

/// A spec under translation. Places are JSON Pointers into it.
pub(super) struct OpenApiSpec<'s> {
    root: &'s Value,
    source: &'s Source,
    errors: Vec<Diagnostic>,
    /// Pointer and message of each error.
    known: HashSet<(String, String)>,
}

impl<'s> OpenApiSpec<'s> {
    pub(super) fn new(root: &'s Value, source: &'s Source) -> Self {
        Self { root, source, errors: Vec::new(), known: HashSet::new() }
    }

    /// Whether its format is OpenAPI 3.0, and not 3.1.
    pub(super) fn is_3_0(&self) -> bool {
        self.get("/openapi").and_then(Value::as_str).is_some_and(|format| format.starts_with("3.0"))
    }

    /// The value at `pointer`.
    pub(super) fn get(&self, pointer: &str) -> Option<&'s Value> {
        self.root.pointer(pointer)
    }

    /// The text at `pointer`. If there is none, adds an error and returns an empty one.
    pub(super) fn text(&mut self, pointer: &str) -> &'s str {
        let text = self.get(pointer).and_then(Value::as_str);
        text.unwrap_or_else(|| {
            self.refuse(pointer, format!("{} is required, as text", crate::manifest::field(pointer)));
            ""
        })
    }

    /// The members of the map at `pointer`; none if it is missing. Adds an error if it is not a map.
    pub(super) fn map(&mut self, pointer: &str) -> impl Iterator<Item = (&'s String, &'s Value)> + use<'s> {
        let map: Option<&Map<String, Value>> = match self.get(pointer) {
            Some(Value::Object(map)) => Some(map),
            None => None,
            Some(_) => {
                self.refuse(pointer, format!("{} must be a map", crate::manifest::field(pointer)));
                None
            }
        };
        map.into_iter().flatten()
    }

    /// Adds an error.
    pub(super) fn refuse(&mut self, pointer: &str, message: impl Display) {
        let message = message.to_string();
        // shared parts are read once for each use: the same error would appear as often
        if self.known.insert((pointer.to_owned(), message.clone())) && self.errors.len() < MOST_ERRORS {
            self.errors.push(self.source.at(pointer, message));
        }
    }

    pub(super) const fn is_valid(&self) -> bool {
        self.errors.is_empty()
    }

    /// `made`, or the errors in the order of the file.
    pub(super) fn finish<T>(mut self, made: T) -> Result<T, Vec<Diagnostic>> {
        if self.errors.is_empty() {
            return Ok(made);
        }
        self.errors.sort_by_key(|error| error.span.as_ref().map(|span| span.start));
        if let Some(more) = self.known.len().checked_sub(self.errors.len()).filter(|more| *more > 0) {
            self.errors.push(Diagnostic::of_file(self.source.file(), format!("{more} more errors like these")));
        }
        Err(self.errors)
    }
}

/// The pointer to the member `name` of the value at `pointer`.
pub(super) fn below(pointer: &str, name: &str) -> String {
    format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"))
}
