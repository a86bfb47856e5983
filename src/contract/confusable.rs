//! Undeclared names in a body that a lenient decoder would take for declared ones.

use super::field::{Field, Pointer};
use super::field_tree::FieldTree;
use super::finding::{FindingKind, NOT_A_FIELD, SchemaFinding};
use super::schema_mismatch::MOST_FINDINGS;
use crate::document::{JsonKind, NodeRef, View};

/// Finds confusable names in every object for which names are declared.
pub(super) fn find_confusables(
    node: NodeRef<'_>,
    declared: &FieldTree,
    at: &Pointer,
    findings: &mut Vec<SchemaFinding>,
) {
    // not left to the validator, which is asked for the first errors only: a confusable name must not hide behind others
    match node.kind() {
        JsonKind::Object if declared.is_closed() => {
            for (name, value) in node.members() {
                match declared.member(name) {
                    Some(member) if member.is_closed() || member.elements().is_some() => {
                        find_confusables(value, member, &at.member(name), findings);
                    }
                    Some(_) => {}
                    None => findings.extend(confusable(declared, at, name)),
                }
                if findings.len() >= MOST_FINDINGS {
                    return;
                }
            }
        }
        JsonKind::Array => {
            let Some(elements) = declared.elements().filter(|elements| elements.is_closed()) else { return };
            for (position, element) in (0..node.len()).filter_map(|position| Some((position, node.child(position)?))) {
                find_confusables(element, elements, &at.element(position), findings);
                if findings.len() >= MOST_FINDINGS {
                    return;
                }
            }
        }
        _ => {}
    }
}

fn confusable(declared: &FieldTree, at: &Pointer, name: &str) -> Option<SchemaFinding> {
    let (kind, meant, message) = match (declared.confusable(name), declared.loosely_confusable(name)) {
        (Some(meant), _) => (FindingKind::Confusable, meant, "differs from a known field only by letter case"),
        (None, Some(meant)) => (FindingKind::UnknownConfusable, meant, NOT_A_FIELD),
        (None, None) => return None,
    };
    Some(SchemaFinding {
        kind,
        keyword: "additionalProperties",
        field: Some(Field::new_undeclared(at, name)),
        message: message.to_owned(),
        suggestion: Some(meant.to_owned()),
    })
}
