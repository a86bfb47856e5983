//! The static type of an expression, which the checker computes when a policy is loaded.

use super::activation::Value;
use super::kind::Kinds;
use super::schema::ValueSchema;
use std::collections::BTreeSet;
use std::rc::Rc;

/// A static type: the kinds that a value may have, and its structure if that is known.
#[derive(Clone, Debug)]
pub(crate) struct Type<'c> {
    pub(super) kinds: Kinds,
    shape: Shape<'c>,
}

#[derive(Clone, Debug)]
enum Shape<'c> {
    Unknown,
    /// Has one of these schemas; there are several if a policy matches several operations or versions.
    Declared(Vec<&'c dyn ValueSchema>),
    /// A list with elements of this type.
    Elements(Rc<Type<'c>>),
    /// A string that is one of these.
    OneOf(Rc<[Box<str>]>),
}

impl<'c> Type<'c> {
    pub(crate) const ANY: Self = Self::of(Kinds::ANY);

    pub(crate) const fn of(kinds: Kinds) -> Self {
        Self { kinds, shape: Shape::Unknown }
    }

    /// The type of an enumeration: no string but these can occur.
    pub(crate) fn one_of<T: Into<Box<str>>>(values: impl IntoIterator<Item = T>) -> Self {
        let values: BTreeSet<Box<str>> = values.into_iter().map(Into::into).collect();
        Self { kinds: Kinds::STRING, shape: Shape::OneOf(values.into_iter().collect()) }
    }

    pub(crate) fn list_of(elements: Self) -> Self {
        Self { kinds: Kinds::LIST, shape: Shape::Elements(Rc::new(elements)) }
    }

    /// A value that has one of `schemas`.
    pub(crate) fn from_schemas(schemas: Vec<&'c dyn ValueSchema>) -> Self {
        let kinds = schemas.iter().map(|schema| schema.kinds()).fold(Kinds::NONE, Kinds::or);
        Self { kinds, shape: Shape::Declared(schemas) }
    }

    /// The type of a constant.
    pub(super) fn of_constant(value: &Value<'static>) -> Self {
        match (value.as_str(), value.items()) {
            (Some(text), _) => Self::one_of([text]),
            (None, Some(items)) => {
                Self::list_of(items.iter().map(Self::of_constant).fold(Self::of(Kinds::NONE), Self::or))
            }
            // a map literal has no declared structure: its members are of any type
            (None, None) => Self::of(value.as_unknown().kinds),
        }
    }

    /// The same type, or null.
    #[must_use]
    pub(crate) fn or_null(mut self) -> Self {
        self.kinds = self.kinds.or(Kinds::NULL);
        self
    }

    /// The same type, but for null.
    #[must_use]
    pub(super) fn without_null(mut self) -> Self {
        self.kinds = self.kinds.without(Kinds::NULL);
        self
    }

    /// The union of both.
    #[must_use]
    pub(super) fn or(self, other: Self) -> Self {
        let kinds = self.kinds.or(other.kinds);
        let shape = match (self.shape, other.shape) {
            (shape, _) if other.kinds == Kinds::NONE => shape,
            (_, shape) if self.kinds == Kinds::NONE => shape,
            (Shape::OneOf(left), Shape::OneOf(right)) => Shape::OneOf(left.iter().chain(&*right).cloned().collect()),
            // nothing is claimed of a union of different structures: a false error would reject a correct policy
            _ => Shape::Unknown,
        };
        Self { kinds, shape }
    }

    /// The strings that it can be, if they are known.
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
        // if no string is in both, values of another kind may still be equal
        left.may_equal(right) && (strings || left.without(Kinds::STRING).may_equal(right.without(Kinds::STRING)))
    }

    /// The type of an element of the list, or of a key of the map.
    pub(super) fn item(&self) -> Self {
        let key = if self.kinds.meets(Kinds::MAP) { Self::of(self.key()) } else { Self::of(Kinds::NONE) };
        if !self.kinds.meets(Kinds::LIST) {
            return key;
        }
        let element = match &self.shape {
            Shape::Elements(elements) => elements.as_ref().clone(),
            Shape::Declared(schemas) => {
                let lists = schemas.iter().filter(|schema| schema.kinds().meets(Kinds::LIST));
                let elements: Option<Vec<&dyn ValueSchema>> = lists.map(|list| list.elements()).collect();
                elements.map_or(Self::of(Kinds::JSON), Self::from_schemas)
            }
            Shape::Unknown | Shape::OneOf(_) => Self::ANY,
        };
        element.or(key)
    }

    /// The kinds of its values.
    pub(crate) const fn kinds(&self) -> Kinds {
        self.kinds
    }

    /// The names of the members that are declared.
    pub(crate) fn member_names(&self) -> Vec<&'c str> {
        let Shape::Declared(schemas) = &self.shape else { return Vec::new() };
        schemas.iter().flat_map(|schema| schema.names()).collect()
    }

    /// The kinds of a key of the map.
    pub(super) const fn key(&self) -> Kinds {
        // a declared map is a JSON object, whose keys are strings
        if matches!(self.shape, Shape::Declared(_)) { Kinds::STRING } else { Kinds::KEY }
    }

    /// The type of the member called `name`.
    ///
    /// # Errors
    ///
    /// Returns the declared names if `name` is not one of them.
    pub(super) fn member(&self, name: &str) -> Result<Self, Vec<&'c str>> {
        let Shape::Declared(schemas) = &self.shape else { return Ok(Self::ANY) };
        let objects = || schemas.iter().filter(|schema| schema.kinds().meets(Kinds::MAP));
        let members: Vec<&dyn ValueSchema> = objects().filter_map(|schema| schema.member(name)).collect();
        if !members.is_empty() {
            return Ok(Self::from_schemas(members).or_null());
        }
        let names: Vec<Vec<&'c str>> = objects().map(|schema| schema.names()).collect();
        if !names.is_empty() && names.iter().all(|names| !names.is_empty()) {
            return Err(names.concat());
        }
        // an open schema takes any name
        Ok(Self::of(Kinds::JSON))
    }
}
