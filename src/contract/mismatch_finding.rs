//! From what the validator reports to findings, by the names that the schema declares.

use super::field_tree::FieldTree;
use super::finding::{FindingKind, NOT_A_FIELD, SchemaFinding};
use super::schema_mismatch::SchemaMismatch;
use crate::document::PathStep;
use crate::suggest::nearest;

impl FieldTree {
    /// The finding for `mismatch`; `None` for an unknown name that [`super::confusable::find_confusables`] reports already.
    pub(super) fn finding(&self, mismatch: SchemaMismatch) -> Option<SchemaFinding> {
        let SchemaMismatch { keyword, steps, message, is_unknown } = mismatch;
        let field = self.reportable_field(&steps);
        if !is_unknown {
            return Some(SchemaFinding { kind: FindingKind::Invalid, keyword, field, message, suggestion: None });
        }
        let (name, parents) = match steps.split_last() {
            Some((PathStep::Member(name), parents)) => (name.as_str(), parents),
            _ => ("", &*steps),
        };
        let siblings = self.at(parents);
        let is_confusable =
            |fields: &&Self| fields.confusable(name).is_some() || fields.loosely_confusable(name).is_some();
        // two findings for one name would be two violations in the response
        if siblings.as_ref().is_some_and(is_confusable) {
            return None;
        }
        let suggestion = siblings.and_then(|siblings| nearest(name, siblings.names())).map(str::to_owned);
        Some(SchemaFinding { kind: FindingKind::Unknown, keyword, field, message: NOT_A_FIELD.to_owned(), suggestion })
    }
}
