//! Fields of a body, in a form that may be shown.

use crate::redact::{MASKED_NAME, Masks, escaped_name, field_like_name, steps};
use std::fmt::Write;

/// The field of a body that a violation is about.
///
/// Names that the contract or a policy declares may appear anywhere. A name that only the request has may itself be a secret: it
/// is returned to the caller, escaped and truncated, and appears in no log line and no span. Metrics and the decision log have it only
/// in the form of [`Field::for_unknown`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Field {
    /// A field name, or a JSON Pointer (RFC 6901) made of declared names and array positions only.
    Declared(String),
    /// An undeclared name, or one that a mask hides, below the declared JSON Pointer `parent`.
    Undeclared {
        /// JSON Pointer of the object that holds the name; empty for the body itself.
        parent: String,
        /// The name, escaped and truncated to 64 characters; for a masked field, all steps after `parent`.
        name: String,
    },
}

impl Field {
    /// The undeclared member `name` of the object at the pointer `parent`.
    pub fn new_undeclared(parent: &Pointer, name: &str) -> Self {
        Self::Undeclared { parent: parent.text.clone(), name: escaped_name(name) }
    }

    /// The field with the steps that `masks` hide removed from logs, spans and metrics.
    #[must_use]
    pub fn mask(self, masks: &Masks) -> Self {
        let (Self::Declared(shown) | Self::Undeclared { parent: shown, .. }) = &self;
        let Some(part) = masks.visible_steps(shown) else { return self };
        let mut pointer = Pointer::default();
        for step in steps(shown).take(part) {
            pointer = pointer.member(&step);
        }
        // the caller sent the name, so it may see it: only what `for_log` shows gets shorter
        let whole = self.for_caller();
        let whole = if whole.starts_with('/') { whole } else { format!("/{whole}") };
        let name = whole.strip_prefix(&pointer.text).unwrap_or_default().trim_start_matches('/').to_owned();
        Self::Undeclared { parent: pointer.text, name }
    }

    /// The field for logs, spans and metrics: `*` in place of an undeclared name.
    pub fn for_log(&self) -> String {
        match self {
            Self::Declared(pointer) => bare(pointer.clone()),
            Self::Undeclared { parent, .. } => format!("{parent}/*"),
        }
    }

    /// A field that only the request has, for metrics and the decision log: its name if that looks like the name of a field, and
    /// `*` for the items of arrays. `None` for a declared field.
    pub fn for_unknown(&self, masks: &Masks) -> Option<String> {
        let Self::Undeclared { parent, name } = self else { return None };
        let steps = steps(parent).map(|step| {
            let is_position = !step.is_empty() && step.bytes().all(|byte| byte.is_ascii_digit());
            if is_position { "*".to_owned() } else { step.replace('~', "~0").replace('/', "~1") }
        });
        let parent: String = steps.map(|step| format!("/{step}")).collect();
        let is_masked = masks.visible_steps(&format!("{parent}/{name}")).is_some();
        let name = if is_masked { MASKED_NAME } else { field_like_name(name) };
        Some(bare(format!("{parent}/{name}")))
    }

    /// The field for the caller: the bare name at the top level, a JSON Pointer below it.
    pub fn for_caller(&self) -> String {
        match self {
            Self::Declared(pointer) => bare(pointer.clone()),
            Self::Undeclared { parent, name } => bare(format!("{parent}/{name}")),
        }
    }
}

/// `/name` as `name`; a longer pointer unchanged.
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
    /// Appends the member `name`, which must be a declared one.
    #[must_use]
    pub fn member(&self, name: &str) -> Self {
        Self { text: format!("{}/{}", self.text, name.replace('~', "~0").replace('/', "~1")) }
    }

    /// Appends the element at `position`.
    #[must_use]
    pub fn element(&self, position: usize) -> Self {
        let mut text = self.text.clone();
        // writing to a `String` cannot fail, and `format!` would allocate once more
        let _ = write!(text, "/{position}");
        Self { text }
    }

    /// The pointer as a field; `None` for the body itself.
    pub fn field(self) -> Option<Field> {
        (!self.text.is_empty()).then_some(Field::Declared(self.text))
    }
}

#[cfg(test)]
mod tests {
    use super::{Field, Pointer};
    use crate::redact::Masks;

    #[test]
    fn what_a_mask_hides_is_for_the_caller_alone() {
        let masks = Masks::new(&["/a/b".to_owned()], &["name".to_owned()], &[], &[]);
        let masked = |field: Field| {
            let field = field.mask(&masks);
            (field.for_caller(), field.for_log())
        };
        let declared = |pointer: &str| Field::Declared(pointer.to_owned());
        for (pointer, log) in [("name", "/*"), ("/a/b/c", "/a/*"), ("/a/x/name/0", "/a/x/*"), ("/a/b", "/a/*")] {
            assert_eq!(masked(declared(pointer)), (pointer.to_owned(), log.to_owned()));
        }
        assert_eq!(masked(declared("/a/x")), ("/a/x".to_owned(), "/a/x".to_owned()));
        let below = Field::new_undeclared(&Pointer::default().member("a").member("b"), "made up");
        assert_eq!(masked(below), (r"/a/b/made\u{20}up".to_owned(), "/a/*".to_owned()));
    }

    #[test]
    fn a_name_that_only_the_request_knows_never_reaches_a_log() {
        let field = Field::new_undeclared(&Pointer::default().member("public_metadata"), "hunter2");
        assert_eq!(field.for_log(), "/public_metadata/*");
        assert_eq!(field.for_caller(), "/public_metadata/hunter2");
        assert_eq!(Field::new_undeclared(&Pointer::default(), "pasword").for_caller(), "pasword");
    }

    #[test]
    fn pointers_escape_as_rfc_6901_says() {
        let pointer = Pointer::default().member("a/b~c").element(3);
        assert_eq!(pointer.field(), Some(Field::Declared("/a~1b~0c/3".into())));
        assert_eq!(Pointer::default().field(), None);
    }
}
