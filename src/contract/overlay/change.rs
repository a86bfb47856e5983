//! The changes that an overlay can make to a field.

use super::source::ChangeSource;
use serde_json::Value;
use std::fmt;

/// What an overlay does to a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OverlayChange {
    /// The field, which the spec does not have, is declared with this schema.
    Add(Value),
    /// The field has this schema in place of the spec's.
    Replace(Value),
    /// The field takes null.
    Nullable,
    /// What the field holds must not be shown.
    Secret,
}

impl fmt::Display for OverlayChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Add(_) => "added",
            Self::Replace(_) => "replaced",
            Self::Nullable => "may be null",
            Self::Secret => "marked secret",
        })
    }
}

impl From<ChangeSource> for OverlayChange {
    fn from(written: ChangeSource) -> Self {
        match written {
            ChangeSource::Add(schema) => Self::Add(schema),
            ChangeSource::Replace(schema) => Self::Replace(schema),
            ChangeSource::Nullable => Self::Nullable,
            ChangeSource::Secret => Self::Secret,
        }
    }
}
