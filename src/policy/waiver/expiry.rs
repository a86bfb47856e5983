//! The expiry of a waiver.

use crate::cel::CelTimestamp;
use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

/// The moment at which a waiver ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Expiry(CelTimestamp);

const SECONDS_OF_DAY: f64 = 86_400.0;

impl Expiry {
    /// An expiry that is always past.
    pub(in crate::policy) const PAST: Self = Self(CelTimestamp::UNIX_EPOCH);

    /// Parses a date, which means its first moment in UTC, or a time (RFC 3339); `None` for any other text, and for a time before
    /// 1970.
    pub(in crate::policy) fn parse(text: &str) -> Option<Self> {
        // not jiff: `9999-12-31` stands for a waiver without an end, and is past its last moment
        let first_moment = || CelTimestamp::parse(&format!("{text}T00:00:00Z"));
        let time = CelTimestamp::parse(text).or_else(|_| first_moment()).ok()?;
        (time >= CelTimestamp::UNIX_EPOCH).then_some(Self(time))
    }

    fn moment(self) -> SystemTime {
        self.0.to_system_time().unwrap_or(UNIX_EPOCH)
    }

    /// Whether it is past at `time`.
    pub fn is_past(self, time: SystemTime) -> bool {
        self.moment() <= time
    }

    /// The days from `time` to the expiry; negative if it is past.
    pub fn days_left(self, time: SystemTime) -> f64 {
        match self.moment().duration_since(time) {
            Ok(left) => left.as_secs_f64() / SECONDS_OF_DAY,
            Err(past) => -past.duration().as_secs_f64() / SECONDS_OF_DAY,
        }
    }
}

/// As RFC 3339 in UTC, without a fraction.
impl fmt::Display for Expiry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", CelTimestamp::new(self.0.seconds(), 0).unwrap_or(self.0))
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
