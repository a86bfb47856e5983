//! Points in time as text.

use std::time::{SystemTime, UNIX_EPOCH};

/// A point in time, displayed as RFC 3339 in UTC with milliseconds: `2026-05-12T08:30:00.125Z`.
#[derive(Clone, Copy, Debug)]
pub(in crate::telemetry) struct Rfc3339(pub(in crate::telemetry) SystemTime);

/// A point in time by the calendar.
struct CalendarTime {
    year: u64,
    month: u64,
    day: u64,
    second_of_day: u64,
    millis: u64,
}

impl Rfc3339 {
    /// Converts to the proleptic Gregorian calendar. Times before 1970 become the start of 1970.
    // Counts days in eras of 400 years that begin on 1 March, so that the leap day is the last of a year (Howard
    // Hinnant, "chrono-compatible low-level date algorithms").
    fn civil(self) -> CalendarTime {
        let since = self.0.duration_since(UNIX_EPOCH).unwrap_or_default();
        let days = since.as_secs() / 86_400 + 719_468;
        let (era, day_of_era) = (days / 146_097, days % 146_097);
        let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted = (5 * day_of_year + 2) / 153;
        let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
        CalendarTime {
            year: era * 400 + year_of_era + u64::from(month <= 2),
            month,
            day: day_of_year - (153 * shifted + 2) / 5 + 1,
            second_of_day: since.as_secs() % 86_400,
            millis: since.subsec_millis().into(),
        }
    }

    /// The text, in ASCII.
    // Written digit by digit: every log line has one, and `write!` takes 0.3 us for it.
    pub(in crate::telemetry) fn to_ascii(self) -> [u8; 24] {
        let CalendarTime { year, month, day, second_of_day: second, millis } = self.civil();
        let mut text = *b"0000-00-00T00:00:00.000Z";
        let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
        let parts = [
            (3, 4, year),
            (6, 2, month),
            (9, 2, day),
            (12, 2, hour),
            (15, 2, minute),
            (18, 2, second),
            (22, 3, millis),
        ];
        for (last, digits, number) in parts {
            put(&mut text, last, digits, number);
        }
        text
    }
}

/// Writes the last `digits` digits of `number`, ending at index `last`.
fn put(text: &mut [u8; 24], last: usize, digits: usize, mut number: u64) {
    for place in text.iter_mut().take(last + 1).rev().take(digits) {
        *place = b"0123456789".get((number % 10) as usize).copied().unwrap_or(b'0');
        number /= 10;
    }
}

#[cfg(test)]
mod tests {
    use super::Rfc3339;
    use std::time::{Duration, SystemTime, UNIX_EPOCH};

    fn shown(time: SystemTime) -> String {
        String::from_utf8(Rfc3339(time).to_ascii().to_vec()).unwrap()
    }

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
            assert_eq!(shown(time), text);
        }
    }

    #[test]
    fn a_clock_before_the_epoch_does_no_harm() {
        assert_eq!(shown(UNIX_EPOCH - Duration::from_secs(1)), "1970-01-01T00:00:00.000Z");
    }
}
