//! Numbers: parsed without rounding, compared by value across types, calculated within one type.

use super::activation::{Container, Value};
use super::error::EvaluationError;
use super::syntax::Operator;
use crate::decimal::DecimalText;
use std::cmp::Ordering;

/// 2^53: up to there a double holds each integer, and something between each two.
const MOST_EXACT: f64 = 9_007_199_254_740_992.0;

/// A JSON number: an `int` or `uint` if it is written as one that fits, else a `double`.
///
/// No rounding makes an integer of what is none, or another integer of one: `4.9999999999999999999999` is below 5, and
/// `9007199254740993.0` is an `int`.
pub(crate) fn parse<'a, C: Container<'a>>(text: &str) -> Value<'a, C> {
    // `int` before `uint`: a literal without `u` is an `int`, and most numbers fit
    if let Ok(value) = text.parse() {
        return Value::Int(value);
    }
    match text.parse() {
        Ok(value) => Value::Uint(value),
        Err(_) => parse_double(text),
    }
}

fn parse_double<'a, C: Container<'a>>(text: &str) -> Value<'a, C> {
    let double: f64 = text.parse().unwrap_or(f64::NAN);
    let decimal = DecimalText::of(text);
    if double.abs() < MOST_EXACT {
        // order among integers is what policies ask for: the next double on the side that the digits are on
        let is_rounded = double.fract() == 0.0 && !decimal.is_integer();
        return Value::Double(if is_rounded { beside(double, decimal) } else { double });
    }
    let Some(whole) = decimal.whole_part().filter(|_| decimal.is_integer()) else { return Value::Double(double) };
    let int = i128::from(whole) * if decimal.is_negative { -1 } else { 1 };
    // an integer that a double holds stays one, as `1.0` does
    match (order_with_double(int, double), i64::try_from(int)) {
        (Some(Ordering::Equal), _) => Value::Double(double),
        (_, Ok(int)) => Value::Int(int),
        (_, Err(_)) if !decimal.is_negative => Value::Uint(whole),
        _ => Value::Double(double),
    }
}

/// The double next to `integer`, on the side of `decimal`, which was rounded to it.
fn beside(integer: f64, decimal: DecimalText<'_>) -> f64 {
    let is_beyond = decimal
        .whole_part()
        .is_some_and(|whole| order_with_double(whole.into(), integer.abs()).is_some_and(Ordering::is_eq));
    let magnitude = if is_beyond { integer.abs().next_up() } else { integer.abs().next_down() };
    if decimal.is_negative { -magnitude } else { magnitude }
}

/// The exact order of two numbers by value; `None` if one is not a number, or NaN.
pub(super) fn order<'a, C: Container<'a>>(left: &Value<'a, C>, right: &Value<'a, C>) -> Option<Ordering> {
    match (left, right) {
        (Value::Double(left), Value::Double(right)) => left.partial_cmp(right),
        (Value::Double(left), _) => order_with_double(whole(right)?, *left).map(Ordering::reverse),
        (_, Value::Double(right)) => order_with_double(whole(left)?, *right),
        _ => Some(whole(left)?.cmp(&whole(right)?)),
    }
}

fn whole<'a, C: Container<'a>>(value: &Value<'a, C>) -> Option<i128> {
    match value {
        Value::Int(value) => Some(i128::from(*value)),
        Value::Uint(value) => Some(i128::from(*value)),
        _ => None,
    }
}

fn order_with_double(whole: i128, double: f64) -> Option<Ordering> {
    if double.is_nan() {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, reason = "casts saturate, far outside of what an int or uint can be")]
    let truncated = double.trunc() as i128;
    // the integer is never rounded to a double: 2^53 + 1 would equal 2^53
    let fraction = || 0.0_f64.partial_cmp(&double.fract()).unwrap_or(Ordering::Equal);
    Some(whole.cmp(&truncated).then_with(fraction))
}

/// A position in a list: an `int`, a `uint`, or a `double` without a fraction; `None` if it is past every list.
pub(super) fn position<'a, C: Container<'a>>(value: &Value<'a, C>) -> Result<Option<usize>, EvaluationError> {
    match value {
        Value::Double(double) if double.fract() == 0.0 => {
            Ok(int_of_double(*double).ok().and_then(|whole| usize::try_from(whole).ok()))
        }
        _ => Ok(usize::try_from(whole(value).ok_or(EvaluationError::NoSuchOverload)?).ok()),
    }
}

/// The `int` of a double, truncated.
#[expect(clippy::cast_possible_truncation, reason = "checked to be in range; truncation is the definition")]
pub(super) fn int_of_double(double: f64) -> Result<i64, EvaluationError> {
    // 2^63; the bound itself is excluded, as in cel-go
    const BOUND: f64 = 9_223_372_036_854_775_808.0;
    if double > -BOUND && double < BOUND { Ok(double as i64) } else { Err(EvaluationError::Arithmetic) }
}

/// The `uint` of a double, truncated.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked to be in range")]
pub(super) fn uint_of_double(double: f64) -> Result<u64, EvaluationError> {
    // 2^64
    const BOUND: f64 = 18_446_744_073_709_551_616.0;
    if (0.0..BOUND).contains(&double) { Ok(double as u64) } else { Err(EvaluationError::Arithmetic) }
}

/// `left operator right` for two numbers of one type.
pub(super) fn calculate<'a, C: Container<'a>>(
    operator: Operator,
    left: &Value<'a, C>,
    right: &Value<'a, C>,
) -> Result<Value<'a, C>, EvaluationError> {
    let value = match (left, right) {
        (Value::Int(left), Value::Int(right)) => match operator {
            Operator::Add => left.checked_add(*right),
            Operator::Subtract => left.checked_sub(*right),
            Operator::Multiply => left.checked_mul(*right),
            Operator::Divide => left.checked_div(*right),
            Operator::Remainder => left.checked_rem(*right),
        }
        .map(Value::Int),
        (Value::Uint(left), Value::Uint(right)) => match operator {
            Operator::Add => left.checked_add(*right),
            Operator::Subtract => left.checked_sub(*right),
            Operator::Multiply => left.checked_mul(*right),
            Operator::Divide => left.checked_div(*right),
            Operator::Remainder => left.checked_rem(*right),
        }
        .map(Value::Uint),
        (Value::Double(left), Value::Double(right)) => Some(Value::Double(match operator {
            Operator::Add => left + right,
            Operator::Subtract => left - right,
            Operator::Multiply => left * right,
            Operator::Divide => left / right,
            // CEL has no `%` for doubles
            Operator::Remainder => return Err(EvaluationError::NoSuchOverload),
        })),
        _ => return Err(EvaluationError::NoSuchOverload),
    };
    value.ok_or(EvaluationError::Arithmetic)
}

/// `-value`
pub(super) fn negate<'a, C: Container<'a>>(value: &Value<'a, C>) -> Result<Value<'a, C>, EvaluationError> {
    match value {
        Value::Int(value) => value.checked_neg().map(Value::Int).ok_or(EvaluationError::Arithmetic),
        Value::Double(value) => Ok(Value::Double(-value)),
        _ => Err(EvaluationError::NoSuchOverload),
    }
}

#[cfg(test)]
mod tests {
    use super::{order, parse};
    use crate::cel::activation::NoContainer;
    use crate::cel::activation::Value;
    use std::cmp::Ordering;

    #[test]
    fn numbers_compare_by_value_and_nothing_is_rounded() {
        for (left, right, expected) in [
            (
                Value::<NoContainer>::Int(9_007_199_254_740_993),
                Value::Double(9_007_199_254_740_992.0),
                Some(Ordering::Greater),
            ),
            (Value::Uint(u64::MAX), Value::Double(18_446_744_073_709_551_616.0), Some(Ordering::Less)),
            (Value::Int(-1), Value::Uint(u64::MAX), Some(Ordering::Less)),
            (Value::Int(1), Value::Double(1.5), Some(Ordering::Less)),
            (Value::Int(-1), Value::Double(-1.5), Some(Ordering::Greater)),
            (Value::Int(0), Value::Double(-0.0), Some(Ordering::Equal)),
            (Value::Int(i64::MAX), Value::Double(f64::INFINITY), Some(Ordering::Less)),
            (Value::Double(f64::NAN), Value::Int(1), None),
            (Value::Null, Value::Int(1), None),
        ] {
            assert_eq!(order(&left, &right), expected, "{left:?} {right:?}");
            assert_eq!(order(&right, &left), expected.map(Ordering::reverse), "{right:?} {left:?}");
        }
    }

    #[test]
    fn no_number_of_the_body_is_rounded_to_an_integer() {
        let double = |text| match parse::<NoContainer>(text) {
            Value::Double(double) => double,
            other => panic!("{text}: {other:?}"),
        };
        for (below, integer) in [("4.9999999999999999999999", 5), ("-5.0000000000000000000001", -5), ("-1e-400", 0)] {
            assert_eq!(order(&parse::<NoContainer>(below), &Value::Int(integer)), Some(Ordering::Less), "{below}");
        }
        for (above, integer) in [("5.0000000000000000000001", 5), ("-4.9999999999999999999999", -5), ("1e-400", 0)] {
            assert_eq!(order(&parse::<NoContainer>(above), &Value::Int(integer)), Some(Ordering::Greater), "{above}");
        }
        assert_eq!(
            (double("5.0"), double("1e2"), double("0.1"), double("1e18"), double("-0.0")),
            (5.0, 100.0, 0.1, 1e18, 0.0)
        );
        assert!(double("1e999").is_infinite());
        assert!(matches!(parse::<NoContainer>("9007199254740993.0"), Value::Int(9_007_199_254_740_993)));
        assert!(matches!(parse::<NoContainer>("-9007199254740993e0"), Value::Int(-9_007_199_254_740_993)));
        assert!(matches!(parse::<NoContainer>("18446744073709551615.0"), Value::Uint(u64::MAX)));
    }

    #[test]
    fn a_number_of_the_body_is_read_as_it_is_written() {
        assert!(matches!(parse::<NoContainer>("-9223372036854775808"), Value::Int(i64::MIN)));
        assert!(matches!(parse::<NoContainer>("18446744073709551615"), Value::Uint(u64::MAX)));
        assert!(matches!(parse::<NoContainer>("18446744073709551616"), Value::Double(_)));
        assert!(matches!(parse::<NoContainer>("1.0"), Value::Double(_)));
        assert!(matches!(parse::<NoContainer>("-0"), Value::Int(0)));
    }
}
