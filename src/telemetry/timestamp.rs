//! Points in time as text.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

/// A point in time, shown as RFC 3339 in UTC with milliseconds: `2026-05-12T08:30:00.125Z`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Timestamp(pub(super) SystemTime);

/// The calendar form of a point in time.
struct Civil {
    year: u64,
    month: u64,
    day: u64,
    second_of_day: u64,
    millis: u32,
}

impl Timestamp {
    /// Days to year, month and day in the proleptic Gregorian calendar, by counting in eras of 400 years that begin on
    /// 1 March (Howard Hinnant, "chrono-compatible low-level date algorithms"). Times before 1970 show as its start.
    fn civil(self) -> Civil {
        let since = self.0.duration_since(UNIX_EPOCH).unwrap_or_default();
        let days = since.as_secs() / 86_400 + 719_468;
        let (era, day_of_era) = (days / 146_097, days % 146_097);
        let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted = (5 * day_of_year + 2) / 153;
        let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
        Civil {
            year: era * 400 + year_of_era + u64::from(month <= 2),
            month,
            day: day_of_year - (153 * shifted + 2) / 5 + 1,
            second_of_day: since.as_secs() % 86_400,
            millis: since.subsec_millis(),
        }
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Civil { year, month, day, second_of_day: second, millis } = self.civil();
        let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z")
    }
}

#[cfg(test)]
mod tests {
    use super::Timestamp;
    use std::time::{Duration, UNIX_EPOCH};

    #[test]
    fn known_points_in_time() {
        let known = [
            (0, "1970-01-01T00:00:00.125Z"),
            (951_782_399, "2000-02-28T23:59:59.125Z"),
            (951_782_400, "2000-02-29T00:00:00.125Z"),
            (1_709_251_200, "2024-03-01T00:00:00.125Z"),
            (1_767_225_599, "2025-12-31T23:59:59.125Z"),
            (4_107_542_400, "2100-03-01T00:00:00.125Z"),
        ];
        for (seconds, text) in known {
            let time = UNIX_EPOCH + Duration::new(seconds, 125_999_999);
            assert_eq!(Timestamp(time).to_string(), text);
        }
    }

    #[test]
    fn a_clock_before_the_epoch_does_no_harm() {
        assert_eq!(Timestamp(UNIX_EPOCH - Duration::from_secs(1)).to_string(), "1970-01-01T00:00:00.000Z");
    }
}
