//! The spec under translation, and its errors.

use crate::diagnostic::Diagnostic;
use crate::manifest::Source;
use serde_json::{Map, Value};
use std::fmt::Display;

/// A spec under translation. Places are JSON Pointers into it.
pub(super) struct OpenApiSpec<'s> {
    root: &'s Value,
    source: &'s Source,
    errors: Vec<Diagnostic>,
}

impl<'s> OpenApiSpec<'s> {
    pub(super) const fn new(root: &'s Value, source: &'s Source) -> Self {
        Self { root, source, errors: Vec::new() }
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
        let error = self.source.at(pointer, message.to_string());
        // shared parts are read once for each use: the same error would appear as often
        if !self.errors.contains(&error) {
            self.errors.push(error);
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
        Err(self.errors)
    }
}

/// The pointer to the member `name` of the value at `pointer`.
pub(super) fn below(pointer: &str, name: &str) -> String {
    format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"))
}
