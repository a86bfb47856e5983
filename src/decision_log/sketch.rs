//! From a body to its skeleton, by an allow-list: a name is kept that the contract or the configuration says, a string that the
//! contract lists, `null`, `true` and `false`; of all else a type and a measure.

use super::keeping::Fingerprints;
use super::{Keeping, Named, Number, Removal, Shape, Skeleton, Text};
use crate::contract::declared::Declared;
use crate::document::{Kind, NodeRef, View, quoted_size};
use crate::redact::{Followed, Masking};
use std::borrow::Cow;
use std::fmt::{Display, Write};

/// Most values that are kept of one body.
const MOST_VALUES: usize = 256;
/// Most elements that are kept of one list.
const MOST_ELEMENTS: usize = 16;
/// Most pointers to removed values that are kept.
const MOST_MASKED: usize = 64;

/// The skeleton of a body, and where something was removed from it.
#[derive(Debug)]
pub(super) struct Sketch {
    pub(super) skeleton: Skeleton<'static>,
    pub(super) masked: Vec<Text<'static>>,
}

impl Sketch {
    /// What is kept of a body with this `root`, of which the contract declares what it does.
    pub(super) fn of(root: NodeRef<'_>, declared: &Declared, keeping: &Keeping) -> Self {
        let mut sketcher = Sketcher {
            fingerprints: keeping.fingerprints.as_ref(),
            values: 0,
            pointer: String::new(),
            masked: Vec::new(),
        };
        let followed = keeping.fingerprints.as_ref().map(Fingerprints::follow).unwrap_or_default();
        let place = Place { declared: Some(declared), masking: keeping.masks.follow(), followed };
        let (skeleton, _) = sketcher.value(root, &place);
        Self { skeleton, masked: sketcher.masked }
    }
}

/// A place in the body, and what is known of it.
struct Place<'k> {
    /// What the contract declares for it.
    declared: Option<&'k Declared>,
    masking: Masking<'k>,
    /// How far the pointers to values with a fingerprint lead here.
    followed: Followed<'k>,
}

impl Place<'_> {
    fn is_secret(&self) -> bool {
        self.declared.is_some_and(Declared::is_secret)
    }

    fn is_removed(&self) -> bool {
        self.masking.is_hidden() || self.is_secret()
    }

    fn member(&self, name: &str) -> Self {
        let declared = self.declared.and_then(|declared| declared.member(name));
        Self { declared, masking: self.masking.step(name), followed: self.followed.step(name) }
    }

    fn element(&self, position: usize) -> Self {
        let declared = self.declared.and_then(Declared::elements);
        if self.masking.is_settled() && self.followed.is_lost() {
            return Self { declared, masking: self.masking.clone(), followed: Followed::default() };
        }
        let position = position.to_string();
        Self { declared, masking: self.masking.step(&position), followed: self.followed.step(&position) }
    }

    /// Whether the name of the member may be kept: the contract says it, or the configuration.
    fn may_show(&self, name: &str) -> bool {
        self.declared.is_some_and(|declared| declared.member(name).is_some()) || self.followed.names(name)
    }
}

struct Sketcher<'k> {
    fingerprints: Option<&'k Fingerprints>,
    /// Values kept so far.
    values: usize,
    /// The place in the body, in which `*` stands for names of the request.
    pointer: String,
    masked: Vec<Text<'static>>,
}

impl Sketcher<'_> {
    /// What is kept of a value, and its size as compact JSON; none where something in it was removed.
    fn value(&mut self, node: NodeRef<'_>, place: &Place<'_>) -> (Skeleton<'static>, Option<usize>) {
        if place.is_removed() {
            return (self.removed(node, place), None);
        }
        self.values += 1;
        let (shape, bytes) = match node.kind() {
            Kind::Null => return (Skeleton::Null, Some(4)),
            Kind::Bool(value) => return (Skeleton::Bool(value), Some(if value { 4 } else { 5 })),
            Kind::String(text) if place.declared.is_some_and(|declared| declared.lists(text)) => {
                return (Skeleton::Word(text.to_owned().into()), Some(quoted_size(text)));
            }
            Kind::String(text) => (self.string(text, place), Some(quoted_size(text))),
            Kind::Number(text) => (Shape::Number(number(text)), Some(text.len())),
            Kind::Array => self.array(node, place),
            Kind::Object => self.object(node, place),
        };
        (Skeleton::Shape(shape), bytes)
    }

    fn string(&self, text: &str, place: &Place<'_>) -> Shape<'static> {
        let chosen = self.fingerprints.filter(|_| place.followed.is_end());
        Shape::String { size: text.chars().count(), fingerprint: chosen.map(|fingerprints| fingerprints.of(text)) }
    }

    fn array(&mut self, node: NodeRef<'_>, place: &Place<'_>) -> (Shape<'static>, Option<usize>) {
        let (mut elements, mut bytes) = (Vec::new(), Some(compound(node)));
        for (position, element) in children(node).enumerate() {
            let inner = &place.element(position);
            if position < MOST_ELEMENTS {
                let (skeleton, size) = self.within(position, |sketcher| sketcher.kept(element, inner));
                elements.push(skeleton);
                bytes = add(bytes, size);
            } else {
                bytes = add(bytes, self.within(position, |sketcher| sketcher.measure(element, inner)));
            }
        }
        (Shape::Array { size: node.len(), bytes, elements }, bytes)
    }

    fn object(&mut self, node: NodeRef<'_>, place: &Place<'_>) -> (Shape<'static>, Option<usize>) {
        let (mut members, mut undeclared, mut bytes) = (Vec::new(), 0, Some(compound(node)));
        for (position, member) in children(node).enumerate() {
            let name = node.name(position).unwrap_or_default();
            let inner = &place.member(name);
            let size = if place.may_show(name) {
                let (skeleton, size) = self.within(escaped_step(name), |sketcher| sketcher.kept(member, inner));
                members.push((Text::from(name.to_owned()), skeleton));
                size
            } else {
                undeclared += 1;
                self.within("*", |sketcher| sketcher.measure(member, inner))
            };
            bytes = add(bytes, size.map(|size| size + quoted_size(name) + 1));
        }
        (Shape::Object { bytes, members: Named(members), undeclared }, bytes)
    }

    /// A value that may be kept, if there is room for it.
    fn kept(&mut self, node: NodeRef<'_>, place: &Place<'_>) -> (Skeleton<'static>, Option<usize>) {
        if self.values < MOST_VALUES {
            return self.value(node, place);
        }
        (Skeleton::Shape(Shape::Removed(Removal::Bounds)), self.measure(node, place))
    }

    /// The size of a value as compact JSON; none where something in it is removed, which is noted.
    fn measure(&mut self, node: NodeRef<'_>, place: &Place<'_>) -> Option<usize> {
        if place.is_removed() {
            self.note();
            return None;
        }
        match node.kind() {
            Kind::Null | Kind::Bool(true) => Some(4),
            Kind::Bool(false) => Some(5),
            Kind::Number(text) => Some(text.len()),
            Kind::String(text) => Some(quoted_size(text)),
            Kind::Array | Kind::Object => {
                let parts = children(node).enumerate().map(|(position, child)| match node.name(position) {
                    Some(name) => {
                        let size = self.within("*", |sketcher| sketcher.measure(child, &place.member(name)));
                        size.map(|size| size + quoted_size(name) + 1)
                    }
                    None => self.within(position, |sketcher| sketcher.measure(child, &place.element(position))),
                });
                parts.fold(Some(compound(node)), add)
            }
        }
    }

    /// What stands for a value of which nothing may be kept.
    fn removed(&mut self, node: NodeRef<'_>, place: &Place<'_>) -> Skeleton<'static> {
        self.note();
        Skeleton::Shape(if place.masking.is_hidden() {
            Shape::Removed(Removal::Mask)
        } else {
            Shape::Secret(Text::from(name_of(node.kind())))
        })
    }

    fn note(&mut self) {
        if self.masked.len() < MOST_MASKED && self.masked.last().is_none_or(|last| *last != *self.pointer) {
            self.masked.push(self.pointer.clone().into());
        }
    }

    fn within<T>(&mut self, step: impl Display, work: impl FnOnce(&mut Self) -> T) -> T {
        let length = self.pointer.len();
        // writing to a `String` cannot fail
        let _ = write!(self.pointer, "/{step}");
        let worked = work(self);
        self.pointer.truncate(length);
        worked
    }
}

fn children(node: NodeRef<'_>) -> impl Iterator<Item = NodeRef<'_>> {
    (0..node.len()).filter_map(move |position| node.child(position))
}

/// Brackets, and a comma between each two.
fn compound(node: NodeRef<'_>) -> usize {
    2 + node.len().saturating_sub(1)
}

fn add(sum: Option<usize>, part: Option<usize>) -> Option<usize> {
    Some(sum? + part?)
}

/// The name as a step of a JSON Pointer (RFC 6901).
fn escaped_step(name: &str) -> Cow<'_, str> {
    if name.contains(['~', '/']) { name.replace('~', "~0").replace('/', "~1").into() } else { name.into() }
}

fn number(text: &str) -> Number {
    let is_integer = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    if is_integer { Number::Integer } else { Number::Fraction }
}

/// The JSON type of a value.
const fn name_of(kind: Kind<'_>) -> &'static str {
    match kind {
        Kind::Null => "null",
        Kind::Bool(_) => "boolean",
        Kind::Number(_) => "number",
        Kind::String(_) => "string",
        Kind::Array => "array",
        Kind::Object => "object",
    }
}

#[cfg(test)]
mod tests;
