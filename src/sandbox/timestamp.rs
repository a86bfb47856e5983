//! Times in Clerk's forms: milliseconds since 1970 in responses, RFC 3339 in requests.

use jiff::Timestamp;
use std::time::{SystemTime, UNIX_EPOCH};

/// Milliseconds since 1970.
pub(super) type Millis = i64;

/// The time now.
pub(super) fn now() -> Millis {
    // a clock before 1970 is no reason to fail a demo
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Millis::try_from(since_1970.as_millis()).unwrap_or(Millis::MAX)
}

/// Parses RFC 3339; `None` if `text` is not that.
pub(super) fn parse(text: &str) -> Option<Millis> {
    text.parse().ok().map(Timestamp::as_millisecond)
}
