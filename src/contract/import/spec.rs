//! The spec as it was read, and what is wrong with it.

use crate::diagnostic::Diagnostic;
use crate::manifest::Source;
use serde_json::{Map, Value};
use std::fmt::Display;

/// A spec under translation. Places are JSON Pointers into it.
pub(super) struct OpenApiSpec<'s> {
    root: &'s Value,
    source: &'s Source,
    mistakes: Vec<Diagnostic>,
}

impl<'s> OpenApiSpec<'s> {
    pub(super) const fn new(root: &'s Value, source: &'s Source) -> Self {
        Self { root, source, mistakes: Vec::new() }
    }

    /// Whether it is in the older of the two formats.
    pub(super) fn is_3_0(&self) -> bool {
        self.get("/openapi").and_then(Value::as_str).is_some_and(|format| format.starts_with("3.0"))
    }

    /// What stands at `pointer`.
    pub(super) fn get(&self, pointer: &str) -> Option<&'s Value> {
        self.root.pointer(pointer)
    }

    /// The text at `pointer`; a mistake where there is none.
    pub(super) fn text(&mut self, pointer: &str) -> &'s str {
        let text = self.get(pointer).and_then(Value::as_str);
        text.unwrap_or_else(|| {
            self.refuse(pointer, format!("{} must be there, as text", crate::manifest::field(pointer)));
            ""
        })
    }

    /// The map at `pointer`; a mistake where something else stands there, an empty one where nothing does.
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

    /// Notes a mistake; one at each place is enough.
    pub(super) fn refuse(&mut self, pointer: &str, message: impl Display) {
        let mistake = self.source.at(pointer, message.to_string());
        if !self.mistakes.contains(&mistake) {
            self.mistakes.push(mistake);
        }
    }

    pub(super) const fn is_valid(&self) -> bool {
        self.mistakes.is_empty()
    }

    /// `made`, unless there are mistakes; those in the order of the file.
    pub(super) fn finish<T>(mut self, made: T) -> Result<T, Vec<Diagnostic>> {
        if self.mistakes.is_empty() {
            return Ok(made);
        }
        self.mistakes.sort_by_key(|mistake| mistake.span.as_ref().map(|span| span.start));
        Err(self.mistakes)
    }
}

/// `pointer` and one step more, to the member `name`.
pub(super) fn below(pointer: &str, name: &str) -> String {
    format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"))
}
