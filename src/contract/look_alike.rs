//! Names in a body that lenient decoders take for declared ones.

use super::declared::Declared;
use super::field::{Field, Pointer};
use super::schema::{Finding, FindingKind, MOST_FINDINGS, NOT_A_FIELD};
use crate::document::{Kind, NodeRef, View};

/// Finds names that lenient decoders take for declared ones, in every object for which names are declared. Not left to the
/// validator, of whose findings only some are looked at: a look-alike must not hide behind others.
pub(super) fn look_alikes(node: NodeRef<'_>, declared: &Declared, at: &Pointer, findings: &mut Vec<Finding>) {
    match node.kind() {
        Kind::Object if declared.is_closed() => {
            for (name, value) in
                (0..node.len()).filter_map(|position| Some((node.name(position)?, node.child(position)?)))
            {
                match declared.member(name) {
                    Some(member) if member.is_closed() || member.elements().is_some() => {
                        look_alikes(value, member, &at.member(name), findings);
                    }
                    Some(_) => {}
                    None => findings.extend(look_alike(declared, at, name)),
                }
                if findings.len() >= MOST_FINDINGS {
                    return;
                }
            }
        }
        Kind::Array => {
            let Some(elements) = declared.elements().filter(|elements| elements.is_closed()) else { return };
            for (position, element) in (0..node.len()).filter_map(|position| Some((position, node.child(position)?))) {
                look_alikes(element, elements, &at.element(position), findings);
                if findings.len() >= MOST_FINDINGS {
                    return;
                }
            }
        }
        _ => {}
    }
}

fn look_alike(declared: &Declared, at: &Pointer, name: &str) -> Option<Finding> {
    let (kind, meant, message) = match (declared.look_alike(name), declared.loose_look_alike(name)) {
        (Some(meant), _) => (FindingKind::LookAlike, meant, "differs from a known field only by letter case"),
        (None, Some(meant)) => (FindingKind::UnknownLookAlike, meant, NOT_A_FIELD),
        (None, None) => return None,
    };
    Some(Finding {
        kind,
        keyword: "additionalProperties",
        field: Some(Field::undeclared(at, name)),
        message: message.to_owned(),
        meant: Some(meant.to_owned()),
    })
}
