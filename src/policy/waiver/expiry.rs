//! When a waiver ends.

use chrono::{DateTime, NaiveDate, SecondsFormat, Utc};
use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The moment from which on a waiver is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expiry(DateTime<Utc>);

const SECONDS_OF_DAY: f64 = 86_400.0;

impl Expiry {
    /// What is over whenever one asks.
    pub(in crate::policy) const PAST: Self = Self(DateTime::UNIX_EPOCH);

    /// Reads a date, which means its first moment in UTC, or a time (RFC 3339). None for any other text.
    pub(in crate::policy) fn parse(text: &str) -> Option<Self> {
        let of_date = || Some(text.parse::<NaiveDate>().ok()?.and_hms_opt(0, 0, 0)?.and_utc());
        // what chrono reads besides, such as `2027-6-1` or a sign before the year, is no RFC 3339
        let is_date = text.len() == 10 && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
        let time = DateTime::parse_from_rfc3339(text).ok().map(|time| time.to_utc());
        time.or_else(|| of_date().filter(|_| is_date)).filter(|time| *time >= DateTime::UNIX_EPOCH).map(Self)
    }

    fn moment(self) -> SystemTime {
        let seconds = u64::try_from(self.0.timestamp()).unwrap_or_default();
        UNIX_EPOCH + Duration::new(seconds, self.0.timestamp_subsec_nanos().min(999_999_999))
    }

    /// Whether it is over at `time`.
    pub fn is_past(self, time: SystemTime) -> bool {
        self.moment() <= time
    }

    /// The days from `time` on until it is over; below zero where it is.
    pub fn days_left(self, time: SystemTime) -> f64 {
        match self.moment().duration_since(time) {
            Ok(left) => left.as_secs_f64() / SECONDS_OF_DAY,
            Err(past) => -past.duration().as_secs_f64() / SECONDS_OF_DAY,
        }
    }
}

/// As RFC 3339, in UTC.
impl fmt::Display for Expiry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.to_rfc3339_opts(SecondsFormat::Secs, true))
    }
}

#[cfg(test)]
mod tests {
    use super::Expiry;
    use std::time::{Duration, SystemTime, UNIX_EPOCH};

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn a_date_means_its_first_moment_in_utc() {
        let expiry = Expiry::parse("2026-03-01").expect("a date");
        assert_eq!(expiry.to_string(), "2026-03-01T00:00:00Z");
        assert_eq!(Expiry::parse("2026-03-01T01:00:00+01:00"), Some(expiry));
    }

    #[test]
    fn what_is_no_date_and_no_time_is_refused() {
        for text in
            ["", "tomorrow", "2026-02-30", "2026-3-1", "+2026-03-01", "2026-03-01T00:00:00", "1969-12-31", "1772323200"]
        {
            assert_eq!(Expiry::parse(text), None, "{text}");
        }
    }

    #[test]
    fn it_is_over_from_its_moment_on() {
        let expiry = Expiry::parse("1970-01-02").expect("a date");
        assert!(!expiry.is_past(at(86_399)));
        assert!(expiry.is_past(at(86_400)));
        assert!((expiry.days_left(at(43_200)) - 0.5).abs() < 1e-9);
        assert!((expiry.days_left(at(3 * 86_400)) + 2.0).abs() < 1e-9);
    }
}
