//! `cel.ext.math`: numbers.

use super::arguments::Arguments;
use super::lists::most;
use crate::cel::activation::{Container, Evaluated, Value};
use crate::cel::budget::Budget;
use crate::cel::error::EvaluationError;
use crate::cel::kind::Kinds;
use crate::cel::signature::{ResultShape, Signature};
use std::cmp::Ordering;

/// A function of numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cel) enum MathFunction {
    Abs,
    BitAnd,
    BitNot,
    BitOr,
    BitShiftLeft,
    BitShiftRight,
    BitXor,
    Ceil,
    Floor,
    Greatest,
    IsFinite,
    IsInf,
    IsNan,
    Least,
    Round,
    Sign,
    Sqrt,
    Trunc,
}

use MathFunction as F;

const WRONG: EvaluationError = EvaluationError::NoSuchOverload;
const WHOLE: Kinds = Kinds::INT.or(Kinds::UINT);
const NUMBER: &[Kinds] = &[Kinds::NUMBER];
const DOUBLE: &[Kinds] = &[Kinds::DOUBLE];
const INTS: &[Kinds] = &[Kinds::INT, Kinds::INT];
const UINTS: &[Kinds] = &[Kinds::UINT, Kinds::UINT];
const SHIFT: &[Kinds] = &[WHOLE, Kinds::INT];

const fn of_double(name: &'static str, gives: Kinds, function: F) -> Signature<F> {
    Signature::plain(name, DOUBLE, gives, function)
}

pub(in crate::cel) const SIGNATURES: [Signature<F>; 23] = [
    Signature::plain("math.abs", NUMBER, Kinds::NUMBER, F::Abs).with_shape(ResultShape::Same),
    Signature::plain("math.bitAnd", INTS, Kinds::INT, F::BitAnd),
    Signature::plain("math.bitAnd", UINTS, Kinds::UINT, F::BitAnd),
    Signature::plain("math.bitNot", &[WHOLE], WHOLE, F::BitNot),
    Signature::plain("math.bitOr", INTS, Kinds::INT, F::BitOr),
    Signature::plain("math.bitOr", UINTS, Kinds::UINT, F::BitOr),
    Signature::plain("math.bitShiftLeft", SHIFT, WHOLE, F::BitShiftLeft),
    Signature::plain("math.bitShiftRight", SHIFT, WHOLE, F::BitShiftRight),
    Signature::plain("math.bitXor", INTS, Kinds::INT, F::BitXor),
    Signature::plain("math.bitXor", UINTS, Kinds::UINT, F::BitXor),
    of_double("math.ceil", Kinds::DOUBLE, F::Ceil),
    of_double("math.floor", Kinds::DOUBLE, F::Floor),
    Signature::plain("math.greatest", NUMBER, Kinds::NUMBER, F::Greatest).with_repeats(),
    Signature::plain("math.greatest", &[Kinds::LIST], Kinds::NUMBER, F::Greatest),
    of_double("math.isFinite", Kinds::BOOL, F::IsFinite),
    of_double("math.isInf", Kinds::BOOL, F::IsInf),
    of_double("math.isNaN", Kinds::BOOL, F::IsNan),
    Signature::plain("math.least", NUMBER, Kinds::NUMBER, F::Least).with_repeats(),
    Signature::plain("math.least", &[Kinds::LIST], Kinds::NUMBER, F::Least),
    of_double("math.round", Kinds::DOUBLE, F::Round),
    Signature::plain("math.sign", NUMBER, Kinds::NUMBER, F::Sign).with_shape(ResultShape::Same),
    Signature::plain("math.sqrt", NUMBER, Kinds::DOUBLE, F::Sqrt),
    of_double("math.trunc", Kinds::DOUBLE, F::Trunc),
];

impl MathFunction {
    /// What the function gives for `arguments`, of which each is known.
    pub(in crate::cel) fn call<'a, C: Container<'a>>(
        self,
        arguments: &[Value<'a, C>],
        budget: &mut Budget,
    ) -> Evaluated<'a, C> {
        let all = Arguments(arguments);
        let first = all.get(0)?;
        match self {
            Self::Greatest | Self::Least => {
                let wanted = if self == Self::Least { Ordering::Less } else { Ordering::Greater };
                let most = match all.list(0) {
                    Ok(list) => {
                        budget.steps(list.len())?;
                        let items = list.known_items().collect::<Result<Vec<_>, _>>()?;
                        most(items.iter(), wanted, budget)?.clone()
                    }
                    Err(_) => most(arguments.iter(), wanted, budget)?.clone(),
                };
                number(most)
            }
            Self::Abs | Self::Sign | Self::Sqrt => self.of_number(first),
            Self::BitAnd | Self::BitOr | Self::BitXor | Self::BitNot => self.of_bits(first, arguments.get(1)),
            Self::BitShiftLeft | Self::BitShiftRight => self.shift(first, all.int(1)?),
            _ => match first {
                Value::Double(double) => self.of_double(*double),
                _ => Err(WRONG.into()),
            },
        }
    }

    fn of_number<'a, C: Container<'a>>(self, value: &Value<'a, C>) -> Evaluated<'a, C> {
        #[expect(clippy::cast_precision_loss, reason = "the nearest double is what CEL asks for")]
        let double = match value {
            Value::Int(value) => *value as f64,
            Value::Uint(value) => *value as f64,
            Value::Double(value) => *value,
            _ => return Err(WRONG.into()),
        };
        Ok(match (self, value) {
            (Self::Sqrt, _) => Value::Double(double.sqrt()),
            (Self::Abs, Value::Int(value)) => Value::Int(value.checked_abs().ok_or(EvaluationError::Arithmetic)?),
            (Self::Abs, Value::Uint(value)) => Value::Uint(*value),
            (Self::Abs, _) => Value::Double(double.abs()),
            (_, Value::Int(value)) => Value::Int(value.signum()),
            (_, Value::Uint(value)) => Value::Uint((*value).min(1)),
            // neither zero nor what is no number has a sign
            _ if double == 0.0 || double.is_nan() => Value::Double(double),
            _ => Value::Double(double.signum()),
        })
    }

    fn of_double<'a, C: Container<'a>>(self, double: f64) -> Evaluated<'a, C> {
        Ok(match self {
            Self::Ceil => Value::Double(double.ceil()),
            Self::Floor => Value::Double(double.floor()),
            Self::Round => Value::Double(double.round()),
            Self::Trunc => Value::Double(double.trunc()),
            Self::IsFinite => Value::Bool(double.is_finite()),
            Self::IsInf => Value::Bool(double.is_infinite()),
            Self::IsNan => Value::Bool(double.is_nan()),
            _ => return Err(WRONG.into()),
        })
    }

    fn of_bits<'a, C: Container<'a>>(self, one: &Value<'a, C>, other: Option<&Value<'a, C>>) -> Evaluated<'a, C> {
        Ok(match (one, other) {
            (Value::Int(one), Some(Value::Int(other))) => Value::Int(match self {
                Self::BitAnd => one & other,
                Self::BitOr => one | other,
                _ => one ^ other,
            }),
            (Value::Uint(one), Some(Value::Uint(other))) => Value::Uint(match self {
                Self::BitAnd => one & other,
                Self::BitOr => one | other,
                _ => one ^ other,
            }),
            (Value::Int(one), None) => Value::Int(!one),
            (Value::Uint(one), None) => Value::Uint(!one),
            _ => return Err(WRONG.into()),
        })
    }

    fn shift<'a, C: Container<'a>>(self, value: &Value<'a, C>, by: i64) -> Evaluated<'a, C> {
        // more than all bits leave none
        let by = u32::try_from(by.min(64)).map_err(|_| EvaluationError::OutOfRange)?;
        let shifted = |bits: u64| {
            let shifted = if self == Self::BitShiftLeft { bits.checked_shl(by) } else { bits.checked_shr(by) };
            shifted.unwrap_or_default()
        };
        match value {
            // the sign is a bit as the others are
            Value::Int(value) => Ok(Value::Int(shifted(value.cast_unsigned()).cast_signed())),
            Value::Uint(value) => Ok(Value::Uint(shifted(*value))),
            _ => Err(WRONG.into()),
        }
    }
}

fn number<'a, C: Container<'a>>(value: Value<'a, C>) -> Evaluated<'a, C> {
    let is_number = matches!(value, Value::Int(_) | Value::Uint(_) | Value::Double(_));
    if is_number { Ok(value) } else { Err(WRONG.into()) }
}
