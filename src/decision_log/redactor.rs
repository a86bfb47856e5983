//! From a request body to its [`RedactedValue`].
//!
//! An allow-list: a member's name is recorded if the contract or the configuration declares it, and a string if the contract
//! lists it (`enum`); `null`, `true` and `false` are recorded verbatim; everything else as its type and its size.

use super::retention_rules::FingerprintRules;
use super::{EntryText, NameMap, NumberKind, RedactedShape, RedactedValue, Removal, RetentionRules};
use crate::contract::field_tree::FieldTree;
use crate::document::{JsonKind, NodeRef, View, quoted_size};
use crate::redact::{MaskCursor, PointerCursor};
use std::borrow::Cow;
use std::fmt::{Display, Write};

// bounds of what one body adds to its line, so that a client cannot fill the disk of the log by the shape of its bodies

/// Maximum number of values that are recorded of one body.
const MAX_VALUES: usize = 256;
/// Maximum number of elements that are recorded of one array.
const MAX_ELEMENTS: usize = 16;
/// Maximum number of pointers to removed values that are recorded.
const MAX_MASKED: usize = 64;

/// A redacted body, and JSON Pointers to the values that were removed from it.
#[derive(Debug)]
pub(super) struct RedactedBody {
    pub(super) value: RedactedValue<'static>,
    pub(super) masked: Vec<EntryText<'static>>,
}

impl RedactedBody {
    /// Redacts the body with this `root`, for which the contract declares `declared`.
    pub(super) fn new(root: NodeRef<'_>, declared: &FieldTree, rules: &RetentionRules) -> Self {
        let mut redactor = Redactor {
            fingerprints: rules.fingerprints.as_ref(),
            values: 0,
            pointer: String::new(),
            masked: Vec::new(),
        };
        let chosen = rules.fingerprints.as_ref().map(FingerprintRules::body_cursor).unwrap_or_default();
        let location = BodyLocation { declared: Some(declared), mask: rules.masks.cursor(), chosen };
        let (value, _) = redactor.value(root, &location);
        Self { value, masked: redactor.masked }
    }
}

/// A location in the body, and the rules for it.
struct BodyLocation<'k> {
    /// The declaration of the contract; `None` if it declares nothing here.
    declared: Option<&'k FieldTree>,
    mask: MaskCursor<'k>,
    /// The pointers to values that are recorded as fingerprints.
    chosen: PointerCursor<'k>,
}

impl BodyLocation<'_> {
    fn is_secret(&self) -> bool {
        self.declared.is_some_and(FieldTree::is_secret)
    }

    fn is_removed(&self) -> bool {
        self.mask.is_hidden() || self.is_secret()
    }

    fn member(&self, name: &str) -> Self {
        let declared = self.declared.and_then(|declared| declared.member(name));
        Self { declared, mask: self.mask.step(name), chosen: self.chosen.step(name) }
    }

    fn element(&self, position: usize) -> Self {
        let declared = self.declared.and_then(FieldTree::elements);
        // an array of numbers or strings has no names: without pointers below it, its positions need no text each
        if self.mask.is_name_only() && self.chosen.is_exhausted() {
            return Self { declared, mask: self.mask.clone(), chosen: PointerCursor::default() };
        }
        let position = position.to_string();
        Self { declared, mask: self.mask.step(&position), chosen: self.chosen.step(&position) }
    }

    /// Whether the member's name may be recorded: the contract or the configuration declares it.
    fn may_show(&self, name: &str) -> bool {
        self.declared.is_some_and(|declared| declared.member(name).is_some()) || self.chosen.has_step(name)
    }
}

struct Redactor<'k> {
    fingerprints: Option<&'k FingerprintRules>,
    /// Number of values recorded so far.
    values: usize,
    /// A JSON Pointer to the current location, with `*` for names that only the request knows.
    pointer: String,
    masked: Vec<EntryText<'static>>,
}

impl Redactor<'_> {
    /// Redacts a value. Also returns its size in bytes as compact JSON; `None` if something in it was removed.
    fn value(&mut self, node: NodeRef<'_>, location: &BodyLocation<'_>) -> (RedactedValue<'static>, Option<usize>) {
        if location.is_removed() {
            // not even the size: that of a secret would narrow it down
            return (self.remove(node, location), None);
        }
        self.values += 1;
        let (shape, bytes) = match node.kind() {
            JsonKind::Null => return (RedactedValue::Null, Some(4)),
            JsonKind::Bool(value) => return (RedactedValue::Bool(value), Some(if value { 4 } else { 5 })),
            // a string that the contract lists is not the caller's own, so it can hold no secret
            JsonKind::String(text) if location.declared.is_some_and(|declared| declared.lists(text)) => {
                return (RedactedValue::EnumMember(text.to_owned().into()), Some(quoted_size(text)));
            }
            JsonKind::String(text) => (self.string(text, location), Some(quoted_size(text))),
            // the digits are dropped: a number can be a secret too, such as a card number
            JsonKind::Number(text) => (RedactedShape::Number(number_kind(text)), Some(text.len())),
            JsonKind::Array => self.array(node, location),
            JsonKind::Object => self.object(node, location),
        };
        (RedactedValue::Shape(shape), bytes)
    }

    fn string(&self, text: &str, location: &BodyLocation<'_>) -> RedactedShape<'static> {
        let chosen = self.fingerprints.filter(|_| location.chosen.is_end());
        RedactedShape::String {
            size: text.chars().count(),
            fingerprint: chosen.map(|fingerprints| fingerprints.of(text)),
        }
    }

    fn array(&mut self, node: NodeRef<'_>, location: &BodyLocation<'_>) -> (RedactedShape<'static>, Option<usize>) {
        let (mut elements, mut bytes) = (Vec::new(), Some(punctuation(node)));
        for (position, element) in children(node).enumerate() {
            let inner = &location.element(position);
            // the rest is measured all the same: policies read the size of the whole array
            if position < MAX_ELEMENTS {
                let (value, size) = self.within(position, |redactor| redactor.value_if_room(element, inner));
                elements.push(value);
                bytes = add_sizes(bytes, size);
            } else {
                bytes = add_sizes(bytes, self.within(position, |redactor| redactor.measure(element, inner)));
            }
        }
        (RedactedShape::Array { size: node.len(), bytes, elements }, bytes)
    }

    fn object(&mut self, node: NodeRef<'_>, location: &BodyLocation<'_>) -> (RedactedShape<'static>, Option<usize>) {
        let (mut members, mut undeclared, mut bytes) = (Vec::new(), 0, Some(punctuation(node)));
        for (position, member) in children(node).enumerate() {
            let name = node.name(position).unwrap_or_default();
            let inner = &location.member(name);
            let size = if location.may_show(name) {
                let (value, size) = self.within(escape_step(name), |redactor| redactor.value_if_room(member, inner));
                members.push((EntryText::from(name.to_owned()), value));
                size
            } else {
                undeclared += 1;
                // a name that only the request knows can hold anything, so only the number of such names is recorded
                self.within("*", |redactor| redactor.measure(member, inner))
            };
            bytes = add_sizes(bytes, size.map(|size| size + quoted_size(name) + 1));
        }
        (RedactedShape::Object { bytes, members: NameMap(members), undeclared }, bytes)
    }

    /// Redacts a value; beyond [`MAX_VALUES`] only measures it.
    fn value_if_room(
        &mut self,
        node: NodeRef<'_>,
        location: &BodyLocation<'_>,
    ) -> (RedactedValue<'static>, Option<usize>) {
        if self.values < MAX_VALUES {
            return self.value(node, location);
        }
        (RedactedValue::Shape(RedactedShape::Removed(Removal::Bounds)), self.measure(node, location))
    }

    /// The size of a value in bytes as compact JSON; `None` if something in it is removed, whose location is recorded.
    fn measure(&mut self, node: NodeRef<'_>, location: &BodyLocation<'_>) -> Option<usize> {
        if location.is_removed() {
            self.record_removal();
            return None;
        }
        match node.kind() {
            JsonKind::Null | JsonKind::Bool(true) => Some(4),
            JsonKind::Bool(false) => Some(5),
            JsonKind::Number(text) => Some(text.len()),
            JsonKind::String(text) => Some(quoted_size(text)),
            JsonKind::Array | JsonKind::Object => {
                let parts = children(node).enumerate().map(|(position, child)| match node.name(position) {
                    Some(name) => {
                        let size = self.within("*", |redactor| redactor.measure(child, &location.member(name)));
                        size.map(|size| size + quoted_size(name) + 1)
                    }
                    None => self.within(position, |redactor| redactor.measure(child, &location.element(position))),
                });
                parts.fold(Some(punctuation(node)), add_sizes)
            }
        }
    }

    /// The placeholder for a value that is removed.
    fn remove(&mut self, node: NodeRef<'_>, location: &BodyLocation<'_>) -> RedactedValue<'static> {
        self.record_removal();
        RedactedValue::Shape(if location.mask.is_hidden() {
            RedactedShape::Removed(Removal::Mask)
        } else {
            RedactedShape::Secret(EntryText::from(type_name(node.kind())))
        })
    }

    fn record_removal(&mut self) {
        // several members of one object can have the same pointer, since `*` replaces their names
        if self.masked.len() < MAX_MASKED && self.masked.last().is_none_or(|last| *last != *self.pointer) {
            self.masked.push(self.pointer.clone().into());
        }
    }

    /// Calls `f` with `step` appended to the pointer.
    fn within<T>(&mut self, step: impl Display, f: impl FnOnce(&mut Self) -> T) -> T {
        let length = self.pointer.len();
        // writing to a `String` cannot fail
        let _ = write!(self.pointer, "/{step}");
        let result = f(self);
        self.pointer.truncate(length);
        result
    }
}

fn children(node: NodeRef<'_>) -> impl Iterator<Item = NodeRef<'_>> {
    (0..node.len()).filter_map(move |position| node.child(position))
}

/// The size in bytes of the brackets and commas of an array or object.
fn punctuation(node: NodeRef<'_>) -> usize {
    2 + node.len().saturating_sub(1)
}

fn add_sizes(sum: Option<usize>, part: Option<usize>) -> Option<usize> {
    Some(sum? + part?)
}

/// Escapes a name as a step of a JSON Pointer (RFC 6901, section 3).
fn escape_step(name: &str) -> Cow<'_, str> {
    if name.contains(['~', '/']) { name.replace('~', "~0").replace('/', "~1").into() } else { name.into() }
}

fn number_kind(text: &str) -> NumberKind {
    // CEL has integers and floating-point numbers: a replay needs to know which of them a policy saw
    let is_integer = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    if is_integer { NumberKind::Integer } else { NumberKind::Fraction }
}

/// The JSON type of a value.
const fn type_name(kind: JsonKind<'_>) -> &'static str {
    match kind {
        JsonKind::Null => "null",
        JsonKind::Bool(_) => "boolean",
        JsonKind::Number(_) => "number",
        JsonKind::String(_) => "string",
        JsonKind::Array => "array",
        JsonKind::Object => "object",
    }
}

#[cfg(test)]
mod tests;
