//! `timestamp()` and `duration()`, and their fields.

use super::activation::{Container, Value};
use super::error::EvaluationError;
use super::syntax::Operator;
use super::timestamp::{CelTimestamp, LocalTime};
use jiff::tz::{TimeZone, TimeZoneDatabase};
use std::sync::LazyLock;

const NANOS_PER_MILLI: i64 = 1_000_000;
const NANOS_PER_SECOND: i64 = 1_000 * NANOS_PER_MILLI;
const NANOS_PER_MINUTE: i64 = 60 * NANOS_PER_SECOND;
const NANOS_PER_HOUR: i64 = 60 * NANOS_PER_MINUTE;

/// The time zones that are compiled into the program. The files of the system are never read: evaluation does no I/O, and a minimal
/// container image has none.
static TIME_ZONES: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// A field of a timestamp or duration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TimeField {
    FullYear,
    Month,
    Date,
    DayOfMonth,
    DayOfWeek,
    DayOfYear,
    Hours,
    Minutes,
    Seconds,
    Milliseconds,
}

/// Parses a timestamp (RFC 3339).
pub(super) fn timestamp<'a, C: Container<'a>>(text: &str) -> Result<Value<'a, C>, EvaluationError> {
    CelTimestamp::parse(text).map(Value::Timestamp)
}

/// The timestamp `seconds` after the start of 1970.
pub(super) fn timestamp_of_seconds<'a, C: Container<'a>>(seconds: i64) -> Result<Value<'a, C>, EvaluationError> {
    CelTimestamp::new(seconds, 0).map(Value::Timestamp).ok_or(EvaluationError::Arithmetic)
}

/// Parses a duration, such as `1h30m` or `-1.5s`.
pub(super) fn duration<'a, C: Container<'a>>(text: &str) -> Result<Value<'a, C>, EvaluationError> {
    let (sign, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Ok(Value::Duration(0));
    }
    if rest.is_empty() {
        return Err(EvaluationError::NotConvertible);
    }
    // 128 bits: a sum of components may pass the range before the sign is applied
    let mut sum: i128 = 0;
    while !rest.is_empty() {
        let (nanoseconds, after) = component(rest).ok_or(EvaluationError::NotConvertible)?;
        sum = sum.checked_add(nanoseconds).ok_or(EvaluationError::Arithmetic)?;
        rest = after;
    }
    let sum = i64::try_from(sign * sum).map_err(|_| EvaluationError::Arithmetic)?;
    Ok(Value::Duration(sum))
}

/// The nanoseconds of the first number with its unit, and the rest of the text.
fn component(text: &str) -> Option<(i128, &str)> {
    const UNITS: [(&str, i128); 8] = [
        ("ns", 1),
        ("us", 1_000),
        // the micro sign; the Greek letter is below, as Go reads both
        ("\u{b5}s", 1_000),
        ("ms", 1_000_000),
        ("s", 1_000_000_000),
        ("m", 60_000_000_000),
        ("h", 3_600_000_000_000),
        ("\u{3bc}s", 1_000),
    ];
    let number_end = text.find(|character: char| !character.is_ascii_digit() && character != '.')?;
    let (number, rest) = text.split_at(number_end);
    let (unit, nanoseconds) = UNITS.into_iter().find(|(unit, _)| rest.starts_with(unit))?;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if number == "." || fraction.contains('.') || number.is_empty() {
        return None;
    }
    let whole: i128 = if whole.is_empty() { 0 } else { whole.parse::<u64>().ok()?.into() };
    let mut sum = whole.checked_mul(nanoseconds)?;
    let mut digit_worth = nanoseconds;
    for digit in fraction.chars() {
        // digits below a nanosecond are dropped, as in Go
        digit_worth /= 10;
        sum += digit_worth * i128::from(digit.to_digit(10)?);
    }
    Some((sum, rest.get(unit.len()..)?))
}

/// `left operator right`, if one is a timestamp or duration.
pub(super) fn calculate<'a, C: Container<'a>>(
    operator: Operator,
    left: &Value<'a, C>,
    right: &Value<'a, C>,
) -> Result<Value<'a, C>, EvaluationError> {
    // both as nanoseconds in 128 bits, where no sum of them overflows
    let value = match (operator, left, right) {
        (Operator::Add, Value::Timestamp(time), Value::Duration(length))
        | (Operator::Add, Value::Duration(length), Value::Timestamp(time)) => {
            CelTimestamp::from_nanos(time.as_nanos() + i128::from(*length)).map(Value::Timestamp)
        }
        (Operator::Subtract, Value::Timestamp(time), Value::Duration(length)) => {
            CelTimestamp::from_nanos(time.as_nanos() - i128::from(*length)).map(Value::Timestamp)
        }
        (Operator::Subtract, Value::Timestamp(left), Value::Timestamp(right)) => {
            i64::try_from(left.as_nanos() - right.as_nanos()).ok().map(Value::Duration)
        }
        (Operator::Add, Value::Duration(left), Value::Duration(right)) => left.checked_add(*right).map(Value::Duration),
        (Operator::Subtract, Value::Duration(left), Value::Duration(right)) => {
            left.checked_sub(*right).map(Value::Duration)
        }
        _ => return Err(EvaluationError::NoSuchOverload),
    };
    value.ok_or(EvaluationError::Arithmetic)
}

/// A field of `value`; of a timestamp in the time zone `zone`, in UTC if `None`.
pub(super) fn field<'a, C: Container<'a>>(
    field: TimeField,
    value: &Value<'a, C>,
    zone: Option<&str>,
) -> Result<Value<'a, C>, EvaluationError> {
    let number = match (value, zone) {
        (Value::Duration(length), None) => duration_field(field, *length)?,
        (Value::Timestamp(time), None) => timestamp_field(field, &time.civil(0)),
        (Value::Timestamp(time), Some(zone)) => timestamp_field(field, &time.civil(zone_offset(zone, *time)?)),
        _ => return Err(EvaluationError::NoSuchOverload),
    };
    Ok(Value::Int(number))
}

/// Whether `zone` is the name of a time zone, or an offset such as `+02:00`.
pub(super) fn is_zone(zone: &str) -> bool {
    zone_offset(zone, CelTimestamp::UNIX_EPOCH).is_ok()
}

/// The seconds by which `zone` is ahead of UTC at `time`.
fn zone_offset(zone: &str, time: CelTimestamp) -> Result<i64, EvaluationError> {
    if let Some(offset) = fixed_offset(zone) {
        return offset;
    }
    if zone.is_empty() {
        return Ok(0);
    }
    // jiff ends a day before CEL; no zone has a rule for that day
    let moment = jiff::Timestamp::from_second(time.seconds()).unwrap_or(jiff::Timestamp::MAX);
    Ok(time_zone(zone)?.to_offset(moment).seconds().into())
}

fn time_zone(name: &str) -> Result<TimeZone, EvaluationError> {
    let zone = TIME_ZONES.get(name).map_err(|_| EvaluationError::NotConvertible)?;
    // jiff ignores the case of names, and knows two that are placeholders for a zone
    let is_exact = zone.iana_name() == Some(name) && !matches!(name, "Etc/Unknown" | "Factory");
    is_exact.then_some(zone).ok_or(EvaluationError::NotConvertible)
}

/// The seconds of an offset such as `+02:00` or `2:30`; `None` if it has no colon, so that it is a name.
fn fixed_offset(zone: &str) -> Option<Result<i64, EvaluationError>> {
    let (hours, minutes) = zone.split_once(':')?;
    let seconds = || {
        // from the text: the hours of `-00:30` are not negative
        let sign = if hours.starts_with('-') { -1 } else { 1 };
        let hours: i64 = hours.parse().ok().filter(|hours| (-23..=23).contains(hours))?;
        let minutes: i64 = minutes.parse().ok().filter(|minutes| (0..=59).contains(minutes))?;
        Some(hours * 3600 + sign * minutes * 60)
    };
    Some(seconds().ok_or(EvaluationError::NotConvertible))
}

const fn duration_field(field: TimeField, nanos: i64) -> Result<i64, EvaluationError> {
    match field {
        TimeField::Hours => Ok(nanos / NANOS_PER_HOUR),
        TimeField::Minutes => Ok(nanos / NANOS_PER_MINUTE),
        TimeField::Seconds => Ok(nanos / NANOS_PER_SECOND),
        TimeField::Milliseconds => Ok(nanos / NANOS_PER_MILLI),
        _ => Err(EvaluationError::NoSuchOverload),
    }
}

/// Months and `getDayOfMonth` count from 0, as in JavaScript; `getDate` counts from 1.
const fn timestamp_field(field: TimeField, time: &LocalTime) -> i64 {
    match field {
        TimeField::FullYear => time.year,
        TimeField::Month => time.month - 1,
        TimeField::Date => time.day,
        TimeField::DayOfMonth => time.day - 1,
        TimeField::DayOfWeek => time.day_of_week,
        TimeField::DayOfYear => time.day_of_year,
        TimeField::Hours => time.hour,
        TimeField::Minutes => time.minute,
        TimeField::Seconds => time.second,
        TimeField::Milliseconds => time.millisecond,
    }
}

/// A duration in CEL's notation: in seconds, with as many digits of a fraction as needed.
pub(super) fn duration_text(nanoseconds: i64) -> String {
    let sign = if nanoseconds < 0 { "-" } else { "" };
    let (whole, rest) = (nanoseconds.unsigned_abs() / 1_000_000_000, nanoseconds.unsigned_abs() % 1_000_000_000);
    let fraction = format!(".{rest:09}");
    format!("{sign}{whole}{}s", fraction.trim_end_matches('0').trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use super::{duration, duration_text, is_zone, timestamp};
    use crate::cel::activation::NoContainer;
    use crate::cel::activation::Value;

    #[test]
    fn durations_are_parsed_and_formatted() {
        for (text, expected) in [
            ("1h30m", "5400s"),
            ("-1.5s", "-1.5s"),
            ("1ms1us1ns", "0.001001001s"),
            ("0", "0s"),
            ("+.5m", "30s"),
            ("1.5ns", "0.000000001s"),
        ] {
            let Ok(Value::Duration(length)) = duration::<NoContainer>(text) else { panic!("{text}") };
            assert_eq!(duration_text(length), expected, "{text}");
        }
        for text in ["", "1", "h", "1h junk", "1.2.3s", ".s", "300000000000h", "-"] {
            assert!(duration::<NoContainer>(text).is_err(), "{text}");
        }
    }

    #[test]
    fn timestamps_are_parsed_and_formatted_in_utc() {
        let Ok(Value::Timestamp(time)) = timestamp::<NoContainer>("2026-01-01T02:00:00.250+02:00") else {
            panic!("a timestamp")
        };
        assert_eq!(time.to_string(), "2026-01-01T00:00:00.25Z");
        assert!(timestamp::<NoContainer>("0000-01-01T00:00:00Z").is_err());
        assert!(timestamp::<NoContainer>("2026-13-01T00:00:00Z").is_err());
    }

    #[test]
    fn time_zones_are_names_or_offsets() {
        for zone in ["Europe/Berlin", "", "+02:00", "-05:30", "05:30"] {
            assert!(is_zone(zone), "{zone}");
        }
        for zone in ["Europe/Atlantis", "europe/berlin", "Etc/Unknown", "Factory", "+24:00", "1:99", ":"] {
            assert!(!is_zone(zone), "{zone}");
        }
    }
}
