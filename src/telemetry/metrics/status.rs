//! The status of a response as a label: a closed list, so that no upstream can increase the number of series.

use crate::telemetry::record::error_type::ErrorType;

/// The status itself if it is registered (IANA, HTTP Status Codes), else the first of its class: 299 is 200.
///
/// RFC 9110 section 15 has a client treat an unknown status as the `x00` of its class, and one outside 100 to 599 as a 5xx. The
/// conventions of OpenTelemetry have no word such as `_OTHER` for this attribute, which is an integer.
pub(super) const fn status_label(status: u16) -> u16 {
    match status {
        100..=103
        | 200..=208
        | 226
        | 300..=305
        | 307
        | 308
        | 400..=417
        | 421..=426
        | 428
        | 429
        | 431
        | 451
        | 500..=508
        | 510
        | 511 => status,
        100..=599 => status / 100 * 100,
        _ => 500,
    }
}

/// The same for the status in an error.
pub(super) fn error_label(error: Option<ErrorType>) -> Option<ErrorType> {
    error.map(|error| match error {
        ErrorType::Status(status) => ErrorType::Status(status_label(status)),
        word @ ErrorType::Word(_) => word,
    })
}

#[cfg(test)]
mod tests {
    use super::status_label;
    use std::collections::BTreeSet;

    #[test]
    fn an_unregistered_status_is_its_class() {
        for (status, label) in [
            (200, 200),
            (404, 404),
            (299, 200),
            (306, 300),
            (418, 400),
            (520, 500),
            (599, 500),
            (104, 100),
            (600, 500),
            (999, 500),
        ] {
            assert_eq!(status_label(status), label, "{status}");
        }
        let labels: BTreeSet<u16> = (100..1000).map(status_label).collect();
        assert!(labels.len() < 70, "{}", labels.len());
    }
}
