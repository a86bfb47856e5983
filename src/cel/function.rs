//! The functions that expressions may call.

use super::activation::{Container, Value};
use super::budget::Budget;
use super::convert;
use super::error::EvaluationError;
use super::kind::Kinds;
use super::size;
use super::time::{self, TimeField};
use super::unknown::EvaluationFailure;

/// The functions and methods that expressions can call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Function {
    Size,
    JsonSize,
    Contains,
    StartsWith,
    EndsWith,
    /// Compiled apart, because its pattern is.
    Matches,
    Bool,
    Int,
    Uint,
    Double,
    String,
    Bytes,
    Timestamp,
    Duration,
    Type,
    Dyn,
    /// A field of a timestamp or duration.
    Field(TimeField),
}

/// How a function is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    /// `f(x)`
    Plain,
    /// `x.f()`
    Member,
    /// Both.
    Either,
}

/// What a function takes and gives. `x.f(y)` takes `x`, then `y`.
#[derive(Debug)]
pub(super) struct Signature {
    pub(super) name: &'static str,
    pub(super) style: Style,
    pub(super) takes: &'static [Kinds],
    /// What may follow.
    pub(super) optional: Option<Kinds>,
    pub(super) gives: Kinds,
    pub(super) function: Function,
}

const fn signature(
    name: &'static str,
    style: Style,
    takes: &'static [Kinds],
    gives: Kinds,
    function: Function,
) -> Signature {
    Signature { name, style, takes, optional: None, gives, function }
}

/// A field of a timestamp, which takes a time zone, or of a duration, which takes none.
const fn field(name: &'static str, takes: &'static [Kinds], field: TimeField) -> Signature {
    Signature {
        name,
        style: Style::Member,
        takes,
        optional: Some(Kinds::STRING),
        gives: Kinds::INT,
        function: Function::Field(field),
    }
}

const SIZED: &[Kinds] = &[Kinds::STRING.or(Kinds::BYTES).or(Kinds::LIST).or(Kinds::MAP)];
const TWO_STRINGS: &[Kinds] = &[Kinds::STRING, Kinds::STRING];
const TIME: &[Kinds] = &[Kinds::TIMESTAMP];
const TIME_OR_DURATION: &[Kinds] = &[Kinds::TIMESTAMP.or(Kinds::DURATION)];

/// Every function.
pub(super) static FUNCTIONS: [Signature; 26] = [
    signature("size", Style::Either, SIZED, Kinds::INT, Function::Size),
    signature(
        "json.size",
        Style::Plain,
        &[Kinds::STRING.or(Kinds::LIST).or(Kinds::MAP).or(Kinds::NULL)],
        Kinds::INT,
        Function::JsonSize,
    ),
    signature("contains", Style::Member, TWO_STRINGS, Kinds::BOOL, Function::Contains),
    signature("startsWith", Style::Member, TWO_STRINGS, Kinds::BOOL, Function::StartsWith),
    signature("endsWith", Style::Member, TWO_STRINGS, Kinds::BOOL, Function::EndsWith),
    signature("matches", Style::Either, TWO_STRINGS, Kinds::BOOL, Function::Matches),
    signature("bool", Style::Plain, &[Kinds::BOOL.or(Kinds::STRING)], Kinds::BOOL, Function::Bool),
    signature("int", Style::Plain, &[Kinds::NUMBER.or(Kinds::STRING).or(Kinds::TIMESTAMP)], Kinds::INT, Function::Int),
    signature("uint", Style::Plain, &[Kinds::NUMBER.or(Kinds::STRING)], Kinds::UINT, Function::Uint),
    signature("double", Style::Plain, &[Kinds::NUMBER.or(Kinds::STRING)], Kinds::DOUBLE, Function::Double),
    signature(
        "string",
        Style::Plain,
        &[Kinds::ANY.without(Kinds::NULL.or(Kinds::LIST).or(Kinds::MAP).or(Kinds::TYPE))],
        Kinds::STRING,
        Function::String,
    ),
    signature("bytes", Style::Plain, &[Kinds::STRING.or(Kinds::BYTES)], Kinds::BYTES, Function::Bytes),
    signature(
        "timestamp",
        Style::Plain,
        &[Kinds::STRING.or(Kinds::INT).or(Kinds::TIMESTAMP)],
        Kinds::TIMESTAMP,
        Function::Timestamp,
    ),
    signature("duration", Style::Plain, &[Kinds::STRING.or(Kinds::DURATION)], Kinds::DURATION, Function::Duration),
    signature("type", Style::Plain, &[Kinds::ANY], Kinds::TYPE, Function::Type),
    signature("dyn", Style::Plain, &[Kinds::ANY], Kinds::ANY, Function::Dyn),
    field("getFullYear", TIME, TimeField::FullYear),
    field("getMonth", TIME, TimeField::Month),
    field("getDate", TIME, TimeField::Date),
    field("getDayOfMonth", TIME, TimeField::DayOfMonth),
    field("getDayOfWeek", TIME, TimeField::DayOfWeek),
    field("getDayOfYear", TIME, TimeField::DayOfYear),
    field("getHours", TIME_OR_DURATION, TimeField::Hours),
    field("getMinutes", TIME_OR_DURATION, TimeField::Minutes),
    field("getSeconds", TIME_OR_DURATION, TimeField::Seconds),
    field("getMilliseconds", TIME_OR_DURATION, TimeField::Milliseconds),
];

const WRONG: EvaluationError = EvaluationError::NoSuchOverload;

impl Function {
    /// Whether it may give something for a hidden value.
    pub(super) const fn takes_unknown(self) -> bool {
        matches!(self, Self::Size | Self::Type | Self::Dyn)
    }

    /// What the function gives for `arguments`.
    pub(super) fn call<'a, C: Container<'a>>(
        self,
        arguments: &[Value<'a, C>],
        budget: &mut Budget,
    ) -> Result<Value<'a, C>, EvaluationFailure<C::Unknown>> {
        let first = arguments.first().ok_or(WRONG)?;
        match self {
            Self::Size => size::size(first, budget),
            Self::JsonSize => size::json_size(first, budget),
            // an unknown value has a type if it can have only one
            Self::Type => first.kind().map(Value::Type).map_err(EvaluationFailure::Unknown),
            _ => Ok(self.convert(first, arguments.get(1), budget)?),
        }
    }

    /// What those give that look at scalars alone.
    fn convert<'a, C: Container<'a>>(
        self,
        first: &Value<'a, C>,
        second: Option<&Value<'a, C>>,
        budget: &mut Budget,
    ) -> Result<Value<'a, C>, EvaluationError> {
        match self {
            Self::Contains | Self::StartsWith | Self::EndsWith => {
                let (text, part) = (first.as_str().ok_or(WRONG)?, second.and_then(Value::as_str).ok_or(WRONG)?);
                // a search may read all of the text; a prefix or suffix only the length of the part
                if self == Self::Contains {
                    budget.bytes(text.len() + part.len())?;
                    return Ok(Value::Bool(text.contains(part)));
                }
                let is_start = self == Self::StartsWith;
                budget.bytes(part.len().min(text.len()))?;
                Ok(Value::Bool(if is_start { text.starts_with(part) } else { text.ends_with(part) }))
            }
            Self::Field(field) => time::field(field, first, second.map(|zone| zone.as_str().ok_or(WRONG)).transpose()?),
            Self::Dyn => Ok(first.clone()),
            Self::Bool => convert::bool(first),
            Self::Int => convert::int(first, budget),
            Self::Uint => convert::uint(first, budget),
            Self::Double => convert::double(first, budget),
            Self::String => convert::string(first, budget),
            Self::Bytes => convert::bytes(first, budget),
            Self::Timestamp => convert::timestamp(first),
            Self::Duration => convert::duration(first, budget),
            // never called by this path: the checker compiles `matches` to a node, the others are above
            Self::Matches | Self::Size | Self::JsonSize | Self::Type => Err(WRONG),
        }
    }
}
