//! The functions that expressions may call.

use super::activation::{Container, Value};
use super::budget::Budget;
use super::convert;
use super::error::EvaluationError;
use super::kind::Kinds;
use super::library::encoders::{self, EncoderFunction};
use super::library::lists::{self, ListFunction};
use super::library::math::{self, MathFunction};
use super::library::network::{self, NetworkFunction};
use super::library::sets::{self, SetFunction};
use super::library::strings::{self, StringFunction};
use super::signature::{ResultShape, Signature, Style};
use super::size;
use super::time::{self, TimeField};
use super::unknown::EvaluationFailure;
use std::sync::LazyLock;

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
    /// As [`Function::Matches`].
    Find,
    /// As [`Function::Matches`].
    FindAll,
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
    /// The value, or `null` if it is empty, zero or false.
    NonZero,
    /// The value, which must not be `null`.
    Present,
    /// A field of a timestamp or duration.
    Field(TimeField),
    Strings(StringFunction),
    Lists(ListFunction),
    Sets(SetFunction),
    Math(MathFunction),
    Encoders(EncoderFunction),
    Network(NetworkFunction),
}

/// A field of a timestamp, which takes a time zone, or of a duration, which takes none.
const fn field(name: &'static str, takes: &'static [Kinds], field: TimeField) -> Signature<Function> {
    Signature::member(name, takes, Kinds::INT, Function::Field(field)).with_optional(&[Kinds::STRING])
}

const SIZED: &[Kinds] = &[Kinds::STRING.or(Kinds::BYTES).or(Kinds::LIST).or(Kinds::MAP)];
const TWO_STRINGS: &[Kinds] = &[Kinds::STRING, Kinds::STRING];
const TIME: &[Kinds] = &[Kinds::TIMESTAMP];
const TIME_OR_DURATION: &[Kinds] = &[Kinds::TIMESTAMP.or(Kinds::DURATION)];

/// The functions that CEL has without extensions, and ours.
const STANDARD: [Signature<Function>; 31] = [
    Signature::new("size", Style::Either, SIZED, Kinds::INT, Function::Size),
    Signature::new(
        "json.size",
        Style::Plain,
        &[Kinds::STRING.or(Kinds::LIST).or(Kinds::MAP).or(Kinds::NULL)],
        Kinds::INT,
        Function::JsonSize,
    ),
    Signature::new("contains", Style::Member, TWO_STRINGS, Kinds::BOOL, Function::Contains),
    Signature::new("startsWith", Style::Member, TWO_STRINGS, Kinds::BOOL, Function::StartsWith),
    Signature::new("endsWith", Style::Member, TWO_STRINGS, Kinds::BOOL, Function::EndsWith),
    Signature::new("matches", Style::Either, TWO_STRINGS, Kinds::BOOL, Function::Matches),
    Signature::member("find", TWO_STRINGS, Kinds::STRING, Function::Find),
    Signature::member("findAll", TWO_STRINGS, Kinds::LIST, Function::FindAll)
        .with_optional(&[Kinds::INT])
        .with_shape(ResultShape::Texts),
    Signature::new("bool", Style::Plain, &[Kinds::BOOL.or(Kinds::STRING)], Kinds::BOOL, Function::Bool),
    Signature::new(
        "int",
        Style::Plain,
        &[Kinds::NUMBER.or(Kinds::STRING).or(Kinds::TIMESTAMP)],
        Kinds::INT,
        Function::Int,
    ),
    Signature::new("uint", Style::Plain, &[Kinds::NUMBER.or(Kinds::STRING)], Kinds::UINT, Function::Uint),
    Signature::new("double", Style::Plain, &[Kinds::NUMBER.or(Kinds::STRING)], Kinds::DOUBLE, Function::Double),
    Signature::new(
        "string",
        Style::Plain,
        &[Kinds::ANY.without(Kinds::NULL.or(Kinds::LIST).or(Kinds::MAP).or(Kinds::TYPE))],
        Kinds::STRING,
        Function::String,
    ),
    Signature::new("bytes", Style::Plain, &[Kinds::STRING.or(Kinds::BYTES)], Kinds::BYTES, Function::Bytes),
    Signature::new(
        "timestamp",
        Style::Plain,
        &[Kinds::STRING.or(Kinds::INT).or(Kinds::TIMESTAMP)],
        Kinds::TIMESTAMP,
        Function::Timestamp,
    ),
    Signature::new("duration", Style::Plain, &[Kinds::STRING.or(Kinds::DURATION)], Kinds::DURATION, Function::Duration),
    Signature::new("type", Style::Plain, &[Kinds::ANY], Kinds::TYPE, Function::Type),
    Signature::new("dyn", Style::Plain, &[Kinds::ANY], Kinds::ANY, Function::Dyn),
    Signature::plain("optional.of", &[Kinds::ANY], Kinds::ANY, Function::Dyn).with_shape(ResultShape::Same),
    Signature::plain("optional.ofNonZeroValue", &[Kinds::ANY], Kinds::ANY, Function::NonZero),
    Signature::member("value", &[Kinds::ANY], Kinds::ANY.without(Kinds::NULL), Function::Present),
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

/// Every signature.
pub(super) static FUNCTIONS: LazyLock<Vec<Signature<Function>>> = LazyLock::new(|| {
    let mut all = STANDARD.to_vec();
    all.extend(strings::SIGNATURES.map(|it| it.map(Function::Strings)));
    all.extend(lists::SIGNATURES.map(|it| it.map(Function::Lists)));
    all.extend(sets::SIGNATURES.map(|it| it.map(Function::Sets)));
    all.extend(math::SIGNATURES.map(|it| it.map(Function::Math)));
    all.extend(encoders::SIGNATURES.map(|it| it.map(Function::Encoders)));
    all.extend(network::SIGNATURES.map(|it| it.map(Function::Network)));
    all
});

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
            Self::NonZero => Ok(if is_zero(first) { Value::Null } else { first.clone() }),
            Self::Present if matches!(first, Value::Null) => Err(EvaluationError::NoSuchKey.into()),
            Self::Present => Ok(first.clone()),
            Self::Type => first.kind().map(Value::Type).map_err(EvaluationFailure::Unknown),
            Self::Strings(function) => match list_function(function) {
                // of a value that may be a text or a list, the check knows only the name of the function
                Some(function) if first.as_str().is_none() => function.call(arguments, budget),
                _ => function.call(arguments, budget),
            },
            Self::Lists(function) => function.call(arguments, budget),
            Self::Sets(function) => function.call(arguments, budget),
            Self::Math(function) => function.call(arguments, budget),
            Self::Encoders(function) => function.call(arguments, budget),
            Self::Network(function) => function.call(arguments, budget),
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
            _ => Err(WRONG),
        }
    }
}

/// The function of a list that has the name of this one of a text.
const fn list_function(function: StringFunction) -> Option<ListFunction> {
    Some(match function {
        StringFunction::IndexOf => ListFunction::IndexOf,
        StringFunction::LastIndexOf => ListFunction::LastIndexOf,
        StringFunction::Reverse => ListFunction::Reverse,
        _ => return None,
    })
}

/// Whether the value is empty, zero or false.
fn is_zero<'a, C: Container<'a>>(value: &Value<'a, C>) -> bool {
    match value {
        Value::Null | Value::Bool(false) | Value::Int(0) | Value::Uint(0) | Value::Duration(0) => true,
        Value::Double(double) => *double == 0.0,
        Value::Bytes(bytes) => bytes.is_empty(),
        _ => value.as_str().map_or(value.len() == Some(0), str::is_empty),
    }
}
