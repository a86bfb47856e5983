//! `text.format(list)`: values written into a text.

use super::arguments::List;
use crate::cel::activation::{Container, Evaluated, Value};
use crate::cel::budget::Budget;
use crate::cel::error::EvaluationError;
use crate::cel::time;
use crate::cel::unknown::EvaluationFailure;

const WRONG: EvaluationError = EvaluationError::NoSuchOverload;
/// Most digits behind the point that can be asked for; a double has no more than that.
const MAX_PRECISION: usize = 1_100;
/// What `%f` and `%e` have without a number.
const PRECISION: usize = 6;

/// How a value is written: `%s`, or `%.3f`.
#[derive(Clone, Copy, Debug)]
struct Clause {
    letter: char,
    precision: usize,
}

/// The number of values that the format takes; `None` if it is none.
pub(in crate::cel) fn values_of_format(format: &str) -> Option<usize> {
    let mut rest = format;
    let mut values = 0;
    while let Some((_, after)) = rest.split_once('%') {
        let (clause, after) = clause(after)?;
        values += usize::from(clause.is_some());
        rest = after;
    }
    Some(values)
}

/// The clause behind a `%`, or none of `%%`, and the rest of the format; `None` if there is no such clause.
fn clause(text: &str) -> Option<(Option<Clause>, &str)> {
    if let Some(rest) = text.strip_prefix('%') {
        return Some((None, rest));
    }
    let (precision, text) = match text.strip_prefix('.') {
        Some(text) => {
            let digits = text.bytes().take_while(u8::is_ascii_digit).count();
            let (digits, rest) = text.split_at_checked(digits)?;
            (Some(digits.parse().ok().filter(|digits| *digits <= MAX_PRECISION)?), rest)
        }
        None => (None, text),
    };
    let letter = text.chars().next().filter(|letter| "sdfebxXo".contains(*letter))?;
    let clause = Clause { letter, precision: precision.unwrap_or(PRECISION) };
    Some((Some(clause), text.get(1..)?))
}

/// The format with its clauses replaced by the values.
pub(super) fn format<'a, C: Container<'a>>(
    format: &str,
    values: List<'_, 'a, C>,
    budget: &mut Budget,
) -> Evaluated<'a, C> {
    let mut values = values.known_items();
    let mut out = String::new();
    let mut rest = format;
    while let Some((before, after)) = rest.split_once('%') {
        out.push_str(before);
        let (clause, after) = clause(after).ok_or(EvaluationError::NotConvertible)?;
        match clause {
            Some(clause) => {
                let value = values.next().ok_or(EvaluationError::OutOfRange)??;
                write_clause(clause, &value, &mut out, budget)?;
            }
            None => out.push('%'),
        }
        rest = after;
    }
    out.push_str(rest);
    Ok(Value::Text(out.into()))
}

fn push(text: &str, out: &mut String, budget: &mut Budget) -> Result<(), EvaluationError> {
    budget.steps(1)?;
    budget.bytes(text.len())?;
    out.push_str(text);
    Ok(())
}

fn write_clause<'a, C: Container<'a>>(
    clause: Clause,
    value: &Value<'a, C>,
    out: &mut String,
    budget: &mut Budget,
) -> Result<(), EvaluationFailure<C::Unknown>> {
    let digits = clause.precision;
    let text = match (clause.letter, value) {
        ('s', _) => return write_value(value, out, budget),
        ('d' | 'e' | 'f', Value::Double(double)) if !double.is_finite() => double_text(*double),
        ('f', Value::Double(double)) => format!("{double:.digits$}"),
        ('e', Value::Double(double)) => scientific(*double, digits)?,
        ('f' | 'e', Value::Int(_) | Value::Uint(_)) => return write_number(clause, value, out, budget),
        ('d' | 'b' | 'o' | 'x' | 'X', Value::Int(int)) => {
            whole(clause.letter, *int < 0, int.unsigned_abs()).ok_or(WRONG)?
        }
        ('d' | 'b' | 'o' | 'x' | 'X', Value::Uint(int)) => whole(clause.letter, false, *int).ok_or(WRONG)?,
        ('b', Value::Bool(value)) => u8::from(*value).to_string(),
        ('x' | 'X', Value::Bytes(bytes)) => hexadecimal(bytes, clause.letter, budget)?,
        ('x' | 'X', _) => hexadecimal(value.as_str().ok_or(WRONG)?.as_bytes(), clause.letter, budget)?,
        _ => return Err(WRONG.into()),
    };
    Ok(push(&text, out, budget)?)
}

/// An integer as a fixed-point or scientific number.
#[expect(clippy::cast_precision_loss, reason = "the nearest double is what is written")]
fn write_number<'a, C: Container<'a>>(
    clause: Clause,
    value: &Value<'a, C>,
    out: &mut String,
    budget: &mut Budget,
) -> Result<(), EvaluationFailure<C::Unknown>> {
    let double = match value {
        Value::Int(value) => *value as f64,
        Value::Uint(value) => *value as f64,
        _ => return Err(WRONG.into()),
    };
    write_clause::<C>(clause, &Value::Double(double), out, budget)
}

fn whole(letter: char, is_negative: bool, magnitude: u64) -> Option<String> {
    let sign = if is_negative { "-" } else { "" };
    Some(match letter {
        'd' => format!("{sign}{magnitude}"),
        'b' => format!("{sign}{magnitude:b}"),
        'o' => format!("{sign}{magnitude:o}"),
        'x' => format!("{sign}{magnitude:x}"),
        'X' => format!("{sign}{magnitude:X}"),
        _ => return None,
    })
}

fn hexadecimal(bytes: &[u8], letter: char, budget: &mut Budget) -> Result<String, EvaluationError> {
    budget.bytes(2 * bytes.len())?;
    Ok(bytes.iter().map(|byte| if letter == 'x' { format!("{byte:02x}") } else { format!("{byte:02X}") }).collect())
}

/// As C writes it: with a sign and two digits in the exponent.
fn scientific(double: f64, digits: usize) -> Result<String, EvaluationError> {
    let text = format!("{double:.digits$e}");
    let (mantissa, exponent) = text.split_once('e').ok_or(WRONG)?;
    let (sign, exponent) = exponent.strip_prefix('-').map_or(('+', exponent), |exponent| ('-', exponent));
    Ok(format!("{mantissa}e{sign}{exponent:0>2}"))
}

fn double_text(double: f64) -> String {
    if double.is_nan() {
        "NaN".to_owned()
    } else if double.is_infinite() {
        if double > 0.0 { "Infinity" } else { "-Infinity" }.to_owned()
    } else {
        double.to_string()
    }
}

/// `%s`: any value.
fn write_value<'a, C: Container<'a>>(
    value: &Value<'a, C>,
    out: &mut String,
    budget: &mut Budget,
) -> Result<(), EvaluationFailure<C::Unknown>> {
    if let Some(text) = value.as_str() {
        return Ok(push(text, out, budget)?);
    }
    let text = match value {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Int(value) => value.to_string(),
        Value::Uint(value) => value.to_string(),
        Value::Double(value) => double_text(*value),
        Value::Timestamp(value) => value.to_string(),
        Value::Duration(value) => time::duration_text(*value),
        Value::Type(kind) => kind.as_str().to_owned(),
        Value::Bytes(bytes) => {
            budget.bytes(bytes.len())?;
            std::str::from_utf8(bytes).map_err(|_| EvaluationError::NotConvertible)?.to_owned()
        }
        Value::Unknown(unknown) => return Err(EvaluationFailure::Unknown(*unknown)),
        _ if value.is_map() => return write_map(value, out, budget),
        _ => {
            let list = List::of(value).ok_or(WRONG)?;
            push("[", out, budget)?;
            for (position, item) in list.known_items().enumerate() {
                push(if position > 0 { ", " } else { "" }, out, budget)?;
                write_value(&item?, out, budget)?;
            }
            "]".to_owned()
        }
    };
    Ok(push(&text, out, budget)?)
}

/// A map in the order of its keys as texts.
fn write_map<'a, C: Container<'a>>(
    map: &Value<'a, C>,
    out: &mut String,
    budget: &mut Budget,
) -> Result<(), EvaluationFailure<C::Unknown>> {
    let mut entries = Vec::new();
    for key in (0..map.len().unwrap_or_default()).filter_map(|position| map.item(position)) {
        let value = map.get_entry(&key, budget)?.ok_or(EvaluationError::NoSuchKey)?.require_known()?;
        let mut name = String::new();
        write_value(&key, &mut name, budget)?;
        entries.push((name, value));
    }
    entries.sort_by(|(one, _), (other, _)| one.cmp(other));
    push("{", out, budget)?;
    for (position, (name, value)) in entries.iter().enumerate() {
        push(if position > 0 { ", " } else { "" }, out, budget)?;
        push(&[name, ": "].concat(), out, budget)?;
        write_value(value, out, budget)?;
    }
    Ok(push("}", out, budget)?)
}
