//! The changes that an overlay can make to a field.

use super::source::ChangeSource;
use serde_json::Value;
use std::fmt;

/// The change of an overlay to a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OverlayChange {
    /// Declares the field, which the spec does not have, with this schema.
    Add(Value),
    /// Replaces the schema of the field.
    Replace(Value),
    /// Makes the field accept null.
    Nullable,
    /// Marks the value of the field as secret.
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
