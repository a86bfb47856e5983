//! A CEL timestamp: a moment of the years 1 to 9999, in nanoseconds.

use super::error::EvaluationError;
use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const SECONDS_PER_DAY: i64 = 86_400;
const NANOS_PER_SECOND: i128 = 1_000_000_000;
/// `0001-01-01T00:00:00Z` and `9999-12-31T23:59:59Z`, the bounds that CEL and `google.protobuf.CelTimestamp` define.
///
/// Not jiff's `Timestamp`: that ends a day earlier, and policies use `9999-12-31` for a date that never comes.
const SECONDS: std::ops::RangeInclusive<i64> = -62_135_596_800..=253_402_300_799;

/// A moment of the years 1 to 9999.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct CelTimestamp {
    /// Since 1970, rounded down.
    seconds: i64,
    /// Within the second.
    nanos: u32,
}

/// A date and time of day in some time zone, in the proleptic Gregorian calendar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LocalTime {
    pub(super) year: i64,
    /// From 1.
    pub(super) month: i64,
    /// From 1.
    pub(super) day: i64,
    /// From 0, for 1 January.
    pub(super) day_of_year: i64,
    /// From 0, for Sunday.
    pub(super) day_of_week: i64,
    pub(super) hour: i64,
    pub(super) minute: i64,
    pub(super) second: i64,
    pub(super) millisecond: i64,
}

impl CelTimestamp {
    pub(crate) const UNIX_EPOCH: Self = Self { seconds: 0, nanos: 0 };

    /// The moment `seconds` and `nanos` after the start of 1970; `None` if it is out of range.
    pub(crate) fn new(seconds: i64, nanos: u32) -> Option<Self> {
        SECONDS.contains(&seconds).then_some(Self { seconds, nanos })
    }

    /// The moment `nanos` nanoseconds after the start of 1970; `None` if it is out of range.
    pub(super) fn from_nanos(nanos: i128) -> Option<Self> {
        let seconds = i64::try_from(nanos.div_euclid(NANOS_PER_SECOND)).ok()?;
        Self::new(seconds, u32::try_from(nanos.rem_euclid(NANOS_PER_SECOND)).ok()?)
    }

    /// `None` for a time before 1970, or past the year 9999.
    pub(crate) fn from_system_time(time: SystemTime) -> Option<Self> {
        let since = time.duration_since(UNIX_EPOCH).ok()?;
        Self::new(i64::try_from(since.as_secs()).ok()?, since.subsec_nanos())
    }

    /// `None` for a time before 1970.
    pub(crate) fn to_system_time(self) -> Option<SystemTime> {
        Some(UNIX_EPOCH + Duration::new(u64::try_from(self.seconds).ok()?, self.nanos))
    }

    /// Since 1970, rounded down.
    pub(crate) const fn seconds(self) -> i64 {
        self.seconds
    }

    /// Since 1970.
    pub(crate) fn as_nanos(self) -> i128 {
        i128::from(self.seconds) * NANOS_PER_SECOND + i128::from(self.nanos)
    }

    /// Parses a time in the format of RFC 3339, section 5.6. Digits after the ninth of a fraction are dropped.
    ///
    /// # Errors
    ///
    /// The text is not in that format, or the moment is out of range.
    pub(crate) fn parse(text: &str) -> Result<Self, EvaluationError> {
        let (seconds, nanos) = parse_rfc3339(text.as_bytes()).ok_or(EvaluationError::NotConvertible)?;
        Self::new(seconds, nanos).ok_or(EvaluationError::Arithmetic)
    }

    /// The date and time of day where clocks are `offset` seconds ahead of UTC.
    pub(super) fn civil(self, offset: i64) -> LocalTime {
        let local = self.seconds + offset;
        let (days, second_of_day) = (local.div_euclid(SECONDS_PER_DAY), local.rem_euclid(SECONDS_PER_DAY));
        let (year, month, day) = date_of_day(days);
        LocalTime {
            year,
            month,
            day,
            day_of_year: days - day_of_date(year, 1, 1),
            // 1 January 1970 was a Thursday
            day_of_week: (days + 4).rem_euclid(7),
            hour: second_of_day / 3600,
            minute: second_of_day / 60 % 60,
            second: second_of_day % 60,
            millisecond: i64::from(self.nanos / 1_000_000),
        }
    }
}

/// RFC 3339 in UTC, with as many digits of a fraction as needed.
impl fmt::Display for CelTimestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let LocalTime { year, month, day, hour, minute, second, .. } = self.civil(0);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")?;
        if self.nanos > 0 {
            write!(f, "{}", format!(".{:09}", self.nanos).trim_end_matches('0'))?;
        }
        f.write_str("Z")
    }
}

/// The day of a date, counted from 1 January 1970.
///
/// The years begin in March here, so that the leap day is the last of a year (Howard Hinnant, "chrono-compatible low-level date
/// algorithms").
const fn day_of_date(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// The year, month and day of a day counted from 1 January 1970. The inverse of [`day_of_date`].
const fn date_of_day(days: i64) -> (i64, i64, i64) {
    // the days from 1 March of the year 0 to 1 January 1970
    let days = days + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = year_of_era + era * 400;
    (if month <= 2 { year + 1 } else { year }, month, day)
}

/// The seconds since 1970, and the nanoseconds within the second; `None` if `text` is not RFC 3339.
fn parse_rfc3339(text: &[u8]) -> Option<(i64, u32)> {
    let (date, rest) = text.split_at_checked(10)?;
    let (time, rest) = rest.split_at_checked(9)?;
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = date else { return None };
    let [b'T' | b't' | b' ', h1, h2, b':', n1, n2, b':', s1, s2] = time else { return None };
    let year = number(&[*y1, *y2, *y3, *y4])?;
    let [month, day, hour, minute, second] =
        [[*m1, *m2], [*d1, *d2], [*h1, *h2], [*n1, *n2], [*s1, *s2]].map(|digits| number(&digits));
    let (month, day, hour, minute, second) = (month?, day?, hour?, minute?, second?);
    // a date that the calendar does not have, such as 30 February, does not survive the way to a day and back
    let is_date = (1..=12).contains(&month) && date_of_day(day_of_date(year, month, day)) == (year, month, day);
    if !is_date || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let (nanos, rest) = fraction(rest)?;
    // CEL has no leap seconds: one is read as the second before it
    let second_of_day = hour * 3600 + minute * 60 + second.min(59);
    Some((day_of_date(year, month, day) * SECONDS_PER_DAY + second_of_day - offset(rest)?, nanos))
}

/// The nanoseconds of a fraction at the start of `text`, if there is one, and the rest.
fn fraction(text: &[u8]) -> Option<(u32, &[u8])> {
    let Some(text) = text.strip_prefix(b".") else { return Some((0, text)) };
    let length = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, rest) = text.split_at_checked(length).filter(|(digits, _)| !digits.is_empty())?;
    // `.5` is 500 million nanoseconds
    let padded = digits.iter().copied().chain(std::iter::repeat(b'0')).take(9);
    Some((padded.fold(0, |nanos, digit| nanos * 10 + u32::from(digit - b'0')), rest))
}

/// The seconds that an offset such as `+02:00` is ahead of UTC.
fn offset(text: &[u8]) -> Option<i64> {
    match text {
        [b'Z' | b'z'] => Some(0),
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] => {
            let (hours, minutes) = (number(&[*h1, *h2])?, number(&[*m1, *m2])?);
            let seconds = (hours <= 23 && minutes <= 59).then_some(hours * 3600 + minutes * 60)?;
            Some(if *sign == b'-' { -seconds } else { seconds })
        }
        _ => None,
    }
}

fn number(digits: &[u8]) -> Option<i64> {
    digits.iter().try_fold(0, |number, digit| digit.is_ascii_digit().then(|| number * 10 + i64::from(digit - b'0')))
}

#[cfg(test)]
mod tests {
    use super::CelTimestamp;
    use proptest::prelude::*;
    use std::fmt::Write;

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_time_reads_as_by_chrono(seconds in -62_135_596_800_i64..=253_402_300_799, nanos in 0_u32..1_000_000_000) {
            let theirs = chrono::DateTime::from_timestamp(seconds, nanos).expect("a time");
            let text = theirs.to_rfc3339_opts(chrono::SecondsFormat::Nanos, true);
            let ours = CelTimestamp::parse(&text).expect("RFC 3339");
            prop_assert_eq!((ours.seconds(), ours.as_nanos()), (seconds, i128::from(seconds) * 1_000_000_000 + i128::from(nanos)));
            let civil = ours.civil(0);
            prop_assert_eq!(theirs.format("%Y-%m-%d %j %w %H:%M:%S").to_string(), {
                let mut text = format!("{:04}-{:02}-{:02} ", civil.year, civil.month, civil.day);
                write!(text, "{:03} {} ", civil.day_of_year + 1, civil.day_of_week).expect("a text");
                write!(text, "{:02}:{:02}:{:02}", civil.hour, civil.minute, civil.second).expect("a text");
                text
            });
            prop_assert_eq!(CelTimestamp::parse(&ours.to_string()), Ok(ours));
        }

        #[test]
        fn a_text_is_a_time_if_chrono_reads_it(text in "[0-9]{3,4}-[01][0-9]-[0-3][0-9][Tt ][0-2][0-9]:[0-6][0-9]:[0-6][0-9](\\.[0-9]{0,11})?([Zz]|[+-][0-2][0-9]:[0-6][0-9])") {
            let theirs = chrono::DateTime::parse_from_rfc3339(&text).ok();
            let theirs = theirs.filter(|time| (1..=9999).contains(&chrono::Datelike::year(&time.to_utc())));
            prop_assert_eq!(CelTimestamp::parse(&text).ok().map(CelTimestamp::seconds), theirs.map(|time| time.timestamp()), "{}", text);
        }
    }

    #[test]
    fn the_bounds_are_the_years_1_and_9999() {
        for text in ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999999Z", "2016-12-31T23:59:59Z"] {
            assert_eq!(CelTimestamp::parse(text).map(|time| time.to_string()).as_deref(), Ok(text));
        }
        for text in
            ["0000-12-31T23:59:59Z", "0001-01-01T00:00:00+00:01", "9999-12-31T23:59:59-00:01", "2026-02-29T00:00:00Z"]
        {
            assert!(CelTimestamp::parse(text).is_err(), "{text}");
        }
    }
}
