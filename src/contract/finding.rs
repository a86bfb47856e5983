//! What the contract finds wrong with a body.

use super::field::Field;

/// The message for a name that the contract does not declare.
pub(super) const NOT_A_FIELD: &str = "is not a field of this operation";

/// One thing that a schema finds wrong with a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemaFinding {
    /// Whether a value is wrong, or a name is not declared.
    pub kind: FindingKind,
    /// The JSON Schema keyword that failed.
    pub keyword: &'static str,
    /// The field; `None` for the body itself.
    pub field: Option<Field>,
    /// The requirement, as the predicate of a sentence whose subject is the field.
    pub message: String,
    /// The declared name that was probably meant.
    pub suggestion: Option<String>,
}

impl SchemaFinding {
    /// The field if only the request has it.
    pub fn unknown_field(&self) -> Option<Field> {
        let is_unknown = matches!(self.kind, FindingKind::Unknown | FindingKind::UnknownConfusable);
        self.field.clone().filter(|_| is_unknown)
    }
}

/// The kind of a finding. `contract.unknownFields` of the configuration applies to some kinds only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FindingKind {
    /// A declared field has a value that the schema does not accept.
    Invalid,
    /// A name that the contract does not declare.
    Unknown,
    /// An undeclared name that decoders which ignore `_` and `-` take for a declared one.
    UnknownConfusable,
    /// An undeclared name that decoders which ignore case take for a declared one.
    Confusable,
}
