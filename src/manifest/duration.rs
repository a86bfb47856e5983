//! Times in configuration files: `500ms`, `10s`, `1m`.

use std::time::Duration;

// a longer time is a typing error, and its sum with a clock could overflow
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// The help of an error about a time.
pub(crate) const HELP: &str = "write a whole number and `ms`, `s`, `m` or `h`, such as `500ms` or `10s`";

/// Parses a time that is longer than zero. The error is the predicate of a message.
pub(crate) fn parse(text: &str) -> Result<Duration, &'static str> {
    match parse_or_zero(text)? {
        // it would refuse every request
        Duration::ZERO => Err("must be longer than zero"),
        duration => Ok(duration),
    }
}

/// As [`parse`], where zero means that there is nothing to wait for.
pub(crate) fn parse_or_zero(text: &str) -> Result<Duration, &'static str> {
    let digits = text.find(|it: char| !it.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(digits).unwrap_or((text, ""));
    let milliseconds = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "" if !number.is_empty() => return Err("must have a unit"),
        _ => return Err("must be a time"),
    };
    if number.is_empty() {
        return Err("must be a time");
    }
    // it has digits only, so it can fail to parse only because it is too large
    let number: u64 = number.parse().unwrap_or(u64::MAX);
    match Duration::from_millis(number.saturating_mul(milliseconds)) {
        long if long > LONGEST => Err("must be at most `24h`"),
        duration => Ok(duration),
    }
}

#[cfg(test)]
mod tests {
    use super::parse;
    use std::time::Duration;

    #[test]
    fn times_are_read_in_every_unit() {
        for (text, milliseconds) in [("500ms", 500), ("10s", 10_000), ("1m", 60_000), ("24h", 86_400_000)] {
            assert_eq!(parse(text), Ok(Duration::from_millis(milliseconds)), "{text}");
        }
    }

    #[test]
    fn an_error_names_the_reason() {
        for (text, reason) in [
            ("10", "must have a unit"),
            ("s", "must be a time"),
            ("", "must be a time"),
            ("1.5s", "must be a time"),
            ("-1s", "must be a time"),
            ("10 s", "must be a time"),
            ("10S", "must be a time"),
            ("0s", "must be longer than zero"),
            ("25h", "must be at most `24h`"),
            ("99999999999999999999999s", "must be at most `24h`"),
        ] {
            assert_eq!(parse(text), Err(reason), "{text}");
        }
    }
}
