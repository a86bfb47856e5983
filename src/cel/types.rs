//! What is known of a value when a policy is loaded.

use super::kind::{Kind, Kinds};
use super::value::Value;
use crate::contract::field_tree::FieldTree;
use std::collections::BTreeSet;
use std::rc::Rc;

/// What is known of a value when a policy is loaded: its possible types, and what is inside.
#[derive(Clone, Debug)]
pub(super) struct Type<'c> {
    pub(super) kinds: Kinds,
    shape: Shape<'c>,
}

#[derive(Clone, Debug)]
enum Shape<'c> {
    Unknown,
    /// What the contract declares for it, by operation and version.
    Declared(Vec<&'c FieldTree>),
    /// A list whose elements are these.
    Elements(Rc<Type<'c>>),
    /// A string that is one of these.
    OneOf(Rc<[Box<str>]>),
}

impl<'c> Type<'c> {
    pub(super) const ANY: Self = Self::of(Kinds::ANY);

    pub(super) const fn of(kinds: Kinds) -> Self {
        Self { kinds, shape: Shape::Unknown }
    }

    /// A string that is one of `values`.
    pub(super) fn one_of<T: Into<Box<str>>>(values: impl IntoIterator<Item = T>) -> Self {
        let values: BTreeSet<Box<str>> = values.into_iter().map(Into::into).collect();
        Self { kinds: Kinds::STRING, shape: Shape::OneOf(values.into_iter().collect()) }
    }

    pub(super) fn list_of(elements: Self) -> Self {
        Self { kinds: Kinds::LIST, shape: Shape::Elements(Rc::new(elements)) }
    }

    /// What the contract declares, by operation and version.
    pub(super) fn declared(declared: Vec<&'c FieldTree>) -> Self {
        let kinds = declared.iter().map(|declared| kinds(declared)).fold(Kinds::NONE, Kinds::or);
        Self { kinds, shape: Shape::Declared(declared) }
    }

    /// What a constant is.
    pub(super) fn of_constant(value: &Value<'static>) -> Self {
        match (value.as_str(), value.items()) {
            (Some(text), _) => Self::one_of([text]),
            (None, Some(items)) => {
                Self::list_of(items.iter().map(Self::of_constant).fold(Self::of(Kinds::NONE), Self::or))
            }
            (None, None) => Self::of(value.outline().kinds),
        }
    }

    #[must_use]
    pub(super) fn or_null(mut self) -> Self {
        self.kinds = self.kinds.or(Kinds::NULL);
        self
    }

    /// What is either.
    #[must_use]
    pub(super) fn or(self, other: Self) -> Self {
        let kinds = self.kinds.or(other.kinds);
        let shape = match (self.shape, other.shape) {
            (shape, _) if other.kinds == Kinds::NONE => shape,
            (_, shape) if self.kinds == Kinds::NONE => shape,
            (Shape::OneOf(left), Shape::OneOf(right)) => Shape::OneOf(left.iter().chain(&*right).cloned().collect()),
            _ => Shape::Unknown,
        };
        Self { kinds, shape }
    }

    /// The strings that it can be, where that is known.
    pub(super) fn values(&self) -> Option<&[Box<str>]> {
        match &self.shape {
            Shape::OneOf(values) => Some(values),
            _ => None,
        }
    }

    /// Whether both can only be one and the same string.
    pub(super) fn must_equal(&self, other: &Self) -> bool {
        let only = |r#type: &Self| {
            let first = r#type.values()?.first()?;
            let is_only = r#type.kinds == Kinds::STRING && r#type.values()?.iter().all(|value| value == first);
            is_only.then(|| first.clone())
        };
        only(self).is_some_and(|value| only(other) == Some(value))
    }

    /// Whether a value of the one may equal one of the other.
    pub(super) fn may_equal(&self, other: &Self) -> bool {
        let strings = match (self.values(), other.values()) {
            (Some(left), Some(right)) => left.iter().any(|value| right.contains(value)),
            _ => true,
        };
        let (left, right) = (self.kinds, other.kinds);
        left.may_equal(right) && (strings || left.without(Kinds::STRING).may_equal(right.without(Kinds::STRING)))
    }

    /// An element of the list, or a key of the map.
    pub(super) fn item(&self) -> Self {
        let key = if self.kinds.meets(Kinds::MAP) { Self::of(self.key()) } else { Self::of(Kinds::NONE) };
        if !self.kinds.meets(Kinds::LIST) {
            return key;
        }
        let element = match &self.shape {
            Shape::Elements(elements) => elements.as_ref().clone(),
            Shape::Declared(declared) => {
                let elements: Option<Vec<&FieldTree>> = declared
                    .iter()
                    .filter(|declared| kinds(declared).meets(Kinds::LIST))
                    .map(|list| list.elements())
                    .collect();
                elements.map_or(Self::of(Kinds::JSON), Self::declared)
            }
            Shape::Unknown | Shape::OneOf(_) => Self::ANY,
        };
        element.or(key)
    }

    /// What keys of the map can be.
    pub(super) const fn key(&self) -> Kinds {
        if matches!(self.shape, Shape::Declared(_)) { Kinds::STRING } else { Kinds::KEY }
    }

    /// The member called `name`.
    ///
    /// # Errors
    ///
    /// The names that are declared, where `name` is none of them.
    pub(super) fn member(&self, name: &str) -> Result<Self, Vec<&'c str>> {
        let Shape::Declared(declared) = &self.shape else { return Ok(Self::ANY) };
        let objects = || declared.iter().filter(|declared| kinds(declared).meets(Kinds::MAP));
        let members: Vec<&FieldTree> = objects().filter_map(|declared| declared.member(name)).collect();
        if !members.is_empty() {
            return Ok(Self::declared(members).or_null());
        }
        if objects().all(|declared| declared.is_closed()) && objects().count() > 0 {
            return Err(objects().flat_map(|declared| declared.names()).collect());
        }
        Ok(Self::of(Kinds::JSON))
    }
}

/// The types that JSON Schema's words stand for; `1.0` is an integer there, and a `double` here.
fn kinds(declared: &FieldTree) -> Kinds {
    if declared.types().is_empty() {
        return Kinds::JSON;
    }
    declared.types().iter().map(|name| of_word(name)).fold(Kinds::NONE, Kinds::or)
}

/// The types that one of those words stands for.
pub(super) fn of_word(word: &str) -> Kinds {
    match word {
        "null" => Kinds::NULL,
        "boolean" => Kinds::BOOL,
        "integer" | "number" => Kinds::NUMBER,
        "string" => Kinds::STRING,
        "array" => Kinds::LIST,
        "object" => Kinds::MAP,
        _ => Kinds::JSON,
    }
}

/// The type that an expression names, such as `string`.
pub(super) fn named(name: &str) -> Option<Kind> {
    Kind::NAMED.iter().find(|(_, known)| *known == name).map(|(kind, _)| *kind)
}
