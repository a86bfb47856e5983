//! `timestamp()` and `duration()`, and what they are made of.

use super::EvaluationError;
use super::activation::Container;
use super::syntax::Operator;
use super::value::Value;
use chrono::{DateTime, Datelike, SecondsFormat, TimeDelta, TimeZone, Timelike, Utc};
use chrono_tz::Tz;

/// A part of a timestamp or duration.
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

/// The timestamp that `text` (RFC 3339) stands for.
pub(super) fn timestamp<'a, S: Container<'a>>(text: &str) -> Result<Value<'a, S>, EvaluationError> {
    let time = DateTime::parse_from_rfc3339(text).map_err(|_| EvaluationError::NotConvertible)?;
    in_range(Some(time.to_utc()))
}

/// The timestamp `seconds` after the start of 1970.
pub(super) fn timestamp_of_seconds<'a, S: Container<'a>>(seconds: i64) -> Result<Value<'a, S>, EvaluationError> {
    in_range(DateTime::from_timestamp(seconds, 0))
}

/// CEL knows the years 1 to 9999.
fn in_range<'a, S: Container<'a>>(time: Option<DateTime<Utc>>) -> Result<Value<'a, S>, EvaluationError> {
    let time = time.filter(|time| (1..=9999).contains(&time.year()));
    time.map(Value::Timestamp).ok_or(EvaluationError::Arithmetic)
}

/// A duration fits into 64 bits of nanoseconds.
fn bounded<'a, S: Container<'a>>(length: Option<TimeDelta>) -> Result<Value<'a, S>, EvaluationError> {
    let length = length.filter(|length| length.num_nanoseconds().is_some());
    length.map(Value::Duration).ok_or(EvaluationError::Arithmetic)
}

/// The duration that `text` stands for, such as `1h30m` or `-1.5s`.
pub(super) fn duration<'a, S: Container<'a>>(text: &str) -> Result<Value<'a, S>, EvaluationError> {
    let (sign, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Ok(Value::Duration(TimeDelta::zero()));
    }
    if rest.is_empty() {
        return Err(EvaluationError::NotConvertible);
    }
    let mut sum: i128 = 0;
    while !rest.is_empty() {
        let (nanoseconds, after) = component(rest).ok_or(EvaluationError::NotConvertible)?;
        sum = sum.checked_add(nanoseconds).ok_or(EvaluationError::Arithmetic)?;
        rest = after;
    }
    let sum = i64::try_from(sign * sum).map_err(|_| EvaluationError::Arithmetic)?;
    Ok(Value::Duration(TimeDelta::nanoseconds(sum)))
}

/// The nanoseconds of the first number with a unit, and what follows it.
fn component(text: &str) -> Option<(i128, &str)> {
    const UNITS: [(&str, i128); 8] = [
        ("ns", 1),
        ("us", 1_000),
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
        digit_worth /= 10;
        sum += digit_worth * i128::from(digit.to_digit(10)?);
    }
    Some((sum, rest.get(unit.len()..)?))
}

/// `left operator right` where one is a timestamp or duration.
pub(super) fn calculate<'a, S: Container<'a>>(
    operator: Operator,
    left: &Value<'a, S>,
    right: &Value<'a, S>,
) -> Result<Value<'a, S>, EvaluationError> {
    match (operator, left, right) {
        (Operator::Add, Value::Timestamp(time), Value::Duration(length))
        | (Operator::Add, Value::Duration(length), Value::Timestamp(time)) => {
            in_range(time.checked_add_signed(*length))
        }
        (Operator::Subtract, Value::Timestamp(time), Value::Duration(length)) => {
            in_range(time.checked_sub_signed(*length))
        }
        (Operator::Subtract, Value::Timestamp(left), Value::Timestamp(right)) => {
            bounded(Some(left.signed_duration_since(right)))
        }
        (Operator::Add, Value::Duration(left), Value::Duration(right)) => bounded(left.checked_add(right)),
        (Operator::Subtract, Value::Duration(left), Value::Duration(right)) => bounded(left.checked_sub(right)),
        _ => Err(EvaluationError::NoSuchOverload),
    }
}

/// A part of `value`; of a timestamp in the time zone `zone`, in UTC where there is none.
pub(super) fn part<'a, S: Container<'a>>(
    part: TimeField,
    value: &Value<'a, S>,
    zone: Option<&str>,
) -> Result<Value<'a, S>, EvaluationError> {
    let number = match (value, zone) {
        (Value::Duration(length), None) => part_of_duration(part, *length)?,
        (Value::Timestamp(time), None) => part_of_time(part, time),
        (Value::Timestamp(time), Some(zone)) => {
            if let Some(offset) = fixed_offset(zone) {
                part_of_time(part, &time.with_timezone(&offset?))
            } else {
                let zone: Tz = if zone.is_empty() { Tz::UTC } else { named(zone)? };
                part_of_time(part, &time.with_timezone(&zone))
            }
        }
        _ => return Err(EvaluationError::NoSuchOverload),
    };
    Ok(Value::Int(number))
}

/// Whether `zone` is the name of a time zone, or an offset such as `+02:00`.
pub(super) fn is_zone(zone: &str) -> bool {
    fixed_offset(zone).map_or_else(|| zone.is_empty() || named(zone).is_ok(), |offset| offset.is_ok())
}

fn named(zone: &str) -> Result<Tz, EvaluationError> {
    zone.parse().map_err(|_| EvaluationError::NotConvertible)
}

/// The offset that `zone` says; none where it has no colon, and so is a name.
fn fixed_offset(zone: &str) -> Option<Result<chrono::FixedOffset, EvaluationError>> {
    let (hours, minutes) = zone.split_once(':')?;
    let seconds = || {
        let sign = if hours.starts_with('-') { -1 } else { 1 };
        let hours: i32 = hours.parse().ok().filter(|hours| (-23..=23).contains(hours))?;
        let minutes: i32 = minutes.parse().ok().filter(|minutes| (0..=59).contains(minutes))?;
        chrono::FixedOffset::east_opt(hours * 3600 + sign * minutes * 60)
    };
    Some(seconds().ok_or(EvaluationError::NotConvertible))
}

fn part_of_duration(part: TimeField, length: TimeDelta) -> Result<i64, EvaluationError> {
    match part {
        TimeField::Hours => Ok(length.num_hours()),
        TimeField::Minutes => Ok(length.num_minutes()),
        TimeField::Seconds => Ok(length.num_seconds()),
        TimeField::Milliseconds => Ok(length.num_milliseconds()),
        _ => Err(EvaluationError::NoSuchOverload),
    }
}

fn part_of_time<Z: TimeZone>(part: TimeField, time: &DateTime<Z>) -> i64 {
    match part {
        TimeField::FullYear => i64::from(time.year()),
        TimeField::Month => i64::from(time.month0()),
        TimeField::Date => i64::from(time.day()),
        TimeField::DayOfMonth => i64::from(time.day0()),
        TimeField::DayOfWeek => i64::from(time.weekday().num_days_from_sunday()),
        TimeField::DayOfYear => i64::from(time.ordinal0()),
        TimeField::Hours => i64::from(time.hour()),
        TimeField::Minutes => i64::from(time.minute()),
        TimeField::Seconds => i64::from(time.second()),
        TimeField::Milliseconds => i64::from(time.timestamp_subsec_millis()),
    }
}

/// As CEL writes a timestamp: in UTC, with as many digits behind the point as it takes.
pub(super) fn timestamp_text(time: &DateTime<Utc>) -> String {
    let text = time.to_rfc3339_opts(SecondsFormat::Nanos, true);
    let text = text.trim_end_matches('Z').trim_end_matches('0').trim_end_matches('.');
    format!("{text}Z")
}

/// As CEL writes a duration: in seconds, with as many digits behind the point as it takes.
pub(super) fn duration_text(length: TimeDelta) -> String {
    let nanoseconds = length.num_nanoseconds().unwrap_or_default();
    let sign = if nanoseconds < 0 { "-" } else { "" };
    let (whole, rest) = (nanoseconds.unsigned_abs() / 1_000_000_000, nanoseconds.unsigned_abs() % 1_000_000_000);
    let fraction = format!(".{rest:09}");
    format!("{sign}{whole}{}s", fraction.trim_end_matches('0').trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use super::{duration, duration_text, is_zone, timestamp, timestamp_text};
    use crate::cel::activation::NoContainer;
    use crate::cel::value::Value;

    #[test]
    fn durations_are_read_and_written() {
        for (text, written) in [
            ("1h30m", "5400s"),
            ("-1.5s", "-1.5s"),
            ("1ms1us1ns", "0.001001001s"),
            ("0", "0s"),
            ("+.5m", "30s"),
            ("1.5ns", "0.000000001s"),
        ] {
            let Ok(Value::Duration(length)) = duration::<NoContainer>(text) else { panic!("{text}") };
            assert_eq!(duration_text(length), written, "{text}");
        }
        for text in ["", "1", "h", "1h junk", "1.2.3s", ".s", "300000000000h", "-"] {
            assert!(duration::<NoContainer>(text).is_err(), "{text}");
        }
    }

    #[test]
    fn timestamps_are_read_and_written_in_utc() {
        let Ok(Value::Timestamp(time)) = timestamp::<NoContainer>("2026-01-01T02:00:00.250+02:00") else {
            panic!("a timestamp")
        };
        assert_eq!(timestamp_text(&time), "2026-01-01T00:00:00.25Z");
        assert!(timestamp::<NoContainer>("0000-01-01T00:00:00Z").is_err());
        assert!(timestamp::<NoContainer>("2026-13-01T00:00:00Z").is_err());
    }

    #[test]
    fn time_zones_are_names_or_offsets() {
        for zone in ["Europe/Berlin", "", "+02:00", "-05:30", "05:30"] {
            assert!(is_zone(zone), "{zone}");
        }
        for zone in ["Europe/Atlantis", "+24:00", "1:99", ":"] {
            assert!(!is_zone(zone), "{zone}");
        }
    }
}
