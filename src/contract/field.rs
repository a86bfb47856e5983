//! Names of places in a body, in a form that may be shown.

use crate::redact::escaped_name;
use std::fmt::Write;

/// The place in the body that a violation is about.
///
/// Names that the contract or a policy declares may be shown anywhere. A name that only the request knows may itself be a
/// secret: it goes back to the caller, escaped and cut, and never into a log, a span or a metric.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Field {
    /// A field name, or a JSON Pointer (RFC 6901) made of declared names and array positions only.
    Declared(String),
    /// A name that no one declared, below the declared JSON Pointer `parent`.
    Undeclared {
        /// JSON Pointer of the object that holds the name; empty for the body itself.
        parent: String,
        /// The name, escaped and cut at 64 characters.
        name: String,
    },
}

impl Field {
    /// The name `name`, which the request made up, in the object at the pointer `parent`.
    pub fn undeclared(parent: &Pointer, name: &str) -> Self {
        Self::Undeclared { parent: parent.text.clone(), name: escaped_name(name) }
    }

    /// The field as logs, spans and metrics may show it.
    pub fn for_log(&self) -> String {
        match self {
            Self::Declared(pointer) => bare(pointer.clone()),
            Self::Undeclared { parent, .. } => format!("{parent}/*"),
        }
    }

    /// The field as the caller sees it: the bare name at the top level, a JSON Pointer below it.
    pub fn for_caller(&self) -> String {
        match self {
            Self::Declared(pointer) => bare(pointer.clone()),
            Self::Undeclared { parent, name } => bare(format!("{parent}/{name}")),
        }
    }
}

/// `/name` as `name`; longer pointers as they are.
fn bare(pointer: String) -> String {
    match pointer.strip_prefix('/') {
        Some(name) if !name.contains('/') => name.to_owned(),
        _ => pointer,
    }
}

/// A JSON Pointer of declared names and array positions, built step by step.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pointer {
    text: String,
}

impl Pointer {
    /// Goes on to the member `name`, which someone declared.
    #[must_use]
    pub fn member(&self, name: &str) -> Self {
        Self { text: format!("{}/{}", self.text, name.replace('~', "~0").replace('/', "~1")) }
    }

    /// Goes on to the element at `position`.
    #[must_use]
    pub fn element(&self, position: usize) -> Self {
        let mut text = self.text.clone();
        // writing to a `String` cannot fail
        let _ = write!(text, "/{position}");
        Self { text }
    }

    /// The place as a field; none for the body itself.
    pub fn field(self) -> Option<Field> {
        (!self.text.is_empty()).then_some(Field::Declared(self.text))
    }
}

#[cfg(test)]
mod tests {
    use super::{Field, Pointer};

    #[test]
    fn a_name_that_only_the_request_knows_never_reaches_a_log() {
        let field = Field::undeclared(&Pointer::default().member("public_metadata"), "hunter2");
        assert_eq!(field.for_log(), "/public_metadata/*");
        assert_eq!(field.for_caller(), "/public_metadata/hunter2");
        assert_eq!(Field::undeclared(&Pointer::default(), "pasword").for_caller(), "pasword");
    }

    #[test]
    fn pointers_escape_as_rfc_6901_says() {
        let pointer = Pointer::default().member("a/b~c").element(3);
        assert_eq!(pointer.field(), Some(Field::Declared("/a~1b~0c/3".into())));
        assert_eq!(Pointer::default().field(), None);
    }
}
