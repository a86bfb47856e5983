//! Representative values of the names that an expression compares with literals: equal to one, between two, beyond all, null, or
//! absent.

use super::activation::Value;
use super::declarations::Declarations;
use super::function::Function;
use super::ids::{AttributeId, NamespaceId};
use super::kind::Kinds;
use super::node::{Node, Op};
use super::time::TimeField;
use super::types::Type;
use std::ops::RangeInclusive;

/// Beyond 2^53 not every whole number is a `double`.
pub(super) const MAX_EXACT: f64 = 9_007_199_254_740_992.0;

/// A part of an expression that has a value of its own, independent of the other parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Atom {
    Entry(NamespaceId, String),
    Attribute(AttributeId),
    /// The JSON size of an entry.
    JsonSize(NamespaceId, String),
    /// A field of an attribute that is a timestamp, in a time zone.
    Time(AttributeId, TimeField, Option<String>),
}

impl Atom {
    /// The atom that `node` reads, or whose presence it tests.
    pub(super) fn of(declarations: &dyn Declarations, node: &Node) -> Option<Self> {
        let name_in = |namespace: NamespaceId, name: &str| declarations.canonical_name(namespace, name);
        match &node.op {
            Op::Entry(namespace, name) => Some(Self::Entry(*namespace, name_in(*namespace, name))),
            Op::HasEntry(namespace, key) => match &key.op {
                Op::Constant(name) => Some(Self::Entry(*namespace, name_in(*namespace, name.as_str()?))),
                _ => None,
            },
            Op::Attribute(attribute) => Some(Self::Attribute(*attribute)),
            Op::Call(Function::JsonSize, arguments) => match arguments.as_ref() {
                [Node { op: Op::Entry(namespace, name), .. }] => {
                    Some(Self::JsonSize(*namespace, name_in(*namespace, name)))
                }
                _ => None,
            },
            Op::Call(Function::Field(field), arguments) => match arguments.as_ref() {
                [Node { op: Op::Attribute(time), .. }] => Some(Self::Time(*time, *field, None)),
                [Node { op: Op::Attribute(time), .. }, Node { op: Op::Constant(zone), .. }] => {
                    Some(Self::Time(*time, *field, Some(zone.as_str()?.to_owned())))
                }
                _ => None,
            },
            _ => None,
        }
    }

    /// Its type, and its range if it is a whole number.
    pub(super) fn r#type<'c>(
        &self,
        declarations: &'c dyn Declarations,
    ) -> Option<(Type<'c>, Option<RangeInclusive<f64>>)> {
        Some(match self {
            Self::Entry(namespace, name) => (declarations.entry_type(*namespace, name).ok()?, None),
            Self::Attribute(attribute) => {
                (declarations.attribute_type(*attribute), declarations.attribute_range(*attribute))
            }
            Self::JsonSize(..) => (Type::of(Kinds::INT), Some(0.0..=MAX_EXACT)),
            Self::Time(_, field, _) => (Type::of(Kinds::INT), Some(range(*field))),
        })
    }
}

/// The range of a field of a timestamp.
const fn range(field: TimeField) -> RangeInclusive<f64> {
    match field {
        TimeField::FullYear => 1.0..=9999.0,
        TimeField::Month => 0.0..=11.0,
        TimeField::Date => 1.0..=31.0,
        TimeField::DayOfMonth => 0.0..=30.0,
        TimeField::DayOfWeek => 0.0..=6.0,
        TimeField::DayOfYear => 0.0..=365.0,
        TimeField::Hours => 0.0..=23.0,
        TimeField::Minutes | TimeField::Seconds => 0.0..=59.0,
        TimeField::Milliseconds => 0.0..=999.0,
    }
}

/// The representative values of a name of this type; `None` for a type without them.
pub(super) fn values(
    r#type: &Type<'_>,
    range: Option<RangeInclusive<f64>>,
    literals: &[Value<'static>],
) -> Option<Vec<Value<'static>>> {
    let kinds = r#type.kinds;
    // a timestamp or type has no representative values here, so nothing can be proven of it
    if !Kinds::JSON.contains(kinds) {
        return None;
    }
    let mut values = Vec::new();
    if kinds.meets(Kinds::NULL) {
        values.push(Value::Null);
    }
    if kinds.meets(Kinds::BOOL) {
        values.extend([Value::Bool(true), Value::Bool(false)]);
    }
    if kinds.meets(Kinds::NUMBER) {
        values.extend(numbers(range, literals)?.into_iter().map(Value::Double));
    }
    if kinds.meets(Kinds::STRING) {
        match r#type.values() {
            Some(only) => values.extend(only.iter().map(|text| Value::Text(text.as_ref().into()))),
            None => values.extend(texts(literals)),
        }
    }
    // a value that no literal is equal to
    let other = || Value::Text("\u{1}another".into());
    if kinds.meets(Kinds::LIST) {
        values.extend([Value::OwnList([].into()), Value::OwnList([other()].into())]);
        values.extend(literals.iter().filter(|literal| literal.items().is_some()).cloned());
    }
    if kinds.meets(Kinds::MAP) {
        values.extend([Value::OwnMap([].into()), Value::OwnMap([(other(), Value::Null)].into())]);
        values.extend(literals.iter().filter(|literal| literal.entries().is_some()).cloned());
    }
    Some(values)
}

/// The literals, a number between each two, and one beyond all; whole numbers only, if there is a range.
fn numbers(range: Option<RangeInclusive<f64>>, literals: &[Value<'static>]) -> Option<Vec<f64>> {
    let mut points: Vec<f64> = literals.iter().filter_map(number).collect();
    // rounding would make two literals one
    if points.iter().any(|point| point.abs() >= MAX_EXACT) {
        return None;
    }
    // without any literal there is still one point to be below, at and above
    points.push(0.0);
    points.sort_by(f64::total_cmp);
    points.dedup();
    let mut numbers: Vec<f64> = if let Some(range) = range {
        // the whole numbers around each literal: `> 2.5` and `>= 3` are the same for them
        let near =
            points.iter().flat_map(|point| [point.floor() - 1.0, point.floor(), point.ceil(), point.ceil() + 1.0]);
        near.chain([*range.start(), *range.end()]).filter(|point| range.contains(point)).collect()
    } else {
        let between = points.iter().zip(points.iter().skip(1)).map(|(one, other)| f64::midpoint(*one, *other));
        let beyond = [points.first().map(|first| first - 1.0), points.last().map(|last| last + 1.0)];
        points.iter().copied().chain(between).chain(beyond.into_iter().flatten()).collect()
    };
    numbers.sort_by(f64::total_cmp);
    numbers.dedup();
    Some(numbers)
}

#[expect(clippy::cast_precision_loss, reason = "the caller discards numbers too large for a `double`")]
const fn number(literal: &Value<'static>) -> Option<f64> {
    match literal {
        Value::Int(number) => Some(*number as f64),
        Value::Uint(number) => Some(*number as f64),
        Value::Double(number) => Some(*number),
        _ => None,
    }
}

/// The literals, the text right after each, and the least of all texts.
fn texts(literals: &[Value<'static>]) -> Vec<Value<'static>> {
    let known = literals.iter().filter_map(Value::as_str);
    let mut texts: Vec<String> = known.flat_map(|text| [text.to_owned(), format!("{text}\0")]).collect();
    texts.extend([String::new(), "\u{1}another".to_owned()]);
    texts.sort();
    texts.dedup();
    texts.into_iter().map(|text| Value::Text(text.into())).collect()
}
