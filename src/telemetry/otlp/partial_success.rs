//! What a collector reports of a batch that it accepted (<https://opentelemetry.io/docs/specs/otlp/#partial-success>).

use bytes::Bytes;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use prost::Message as _;
use std::fmt::Write as _;

/// Most bytes of the collector's message that are logged.
const LONGEST: usize = 256;

/// What a collector reports of a batch that it accepted.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct PartialSuccess {
    /// The number of items that it rejected.
    pub(super) rejected: u64,
    /// Its message, escaped and bounded. `None` if it has none.
    pub(super) message: Option<String>,
}

impl PartialSuccess {
    /// Reads the response to a batch of `sent` items. Nothing was rejected if it can't be read.
    // The responses of all signals have the same fields. No collector can have rejected more than it was sent
    pub(super) fn read(response: Bytes, sent: u64) -> Self {
        let response = ExportTraceServiceResponse::decode(response).unwrap_or_default();
        let Some(partial) = response.partial_success else { return Self::default() };
        let rejected = partial.rejected_spans.max(0).cast_unsigned().min(sent);
        Self { rejected, message: Some(escape(&partial.error_message)).filter(|message| !message.is_empty()) }
    }
}

/// Printable ASCII verbatim, everything else as `\u{..}`, cut between characters.
// of another program, and written to logs and terminals
fn escape(message: &str) -> String {
    let mut shown = String::with_capacity(message.len().min(LONGEST));
    for character in message.chars() {
        let length = shown.len();
        if matches!(character, ' '..='~') && character != '\\' {
            shown.push(character);
        } else {
            // writing to a `String` cannot fail
            let _ = write!(shown, "\\u{{{:x}}}", u32::from(character));
        }
        if shown.len() > LONGEST {
            shown.truncate(length);
            break;
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::{LONGEST, PartialSuccess};
    use bytes::Bytes;
    use opentelemetry_proto::tonic::collector::logs::v1::{ExportLogsPartialSuccess, ExportLogsServiceResponse};
    use opentelemetry_proto::tonic::collector::metrics::v1::{
        ExportMetricsPartialSuccess, ExportMetricsServiceResponse,
    };
    use prost::Message as _;

    fn rejected(response: impl Into<Bytes>) -> u64 {
        PartialSuccess::read(response.into(), 9).rejected
    }

    #[test]
    fn a_partial_success_counts_what_was_rejected() {
        assert_eq!(rejected(&b"\x0a\x02\x08\x03"[..]), 3);
        assert_eq!((rejected(Bytes::new()), rejected(&b"<html>"[..])), (0, 0));
        let logs = ExportLogsPartialSuccess { rejected_log_records: 4, ..Default::default() };
        assert_eq!(rejected(ExportLogsServiceResponse { partial_success: Some(logs) }.encode_to_vec()), 4);
        let metrics = ExportMetricsPartialSuccess { rejected_data_points: 5, ..Default::default() };
        assert_eq!(rejected(ExportMetricsServiceResponse { partial_success: Some(metrics) }.encode_to_vec()), 5);
        let lie = ExportMetricsPartialSuccess { rejected_data_points: i64::MAX, ..Default::default() };
        let lie = ExportMetricsServiceResponse { partial_success: Some(lie) };
        assert_eq!(rejected(lie.encode_to_vec()), 9, "more than it was sent");
    }

    #[test]
    fn the_message_of_a_collector_is_escaped_and_bounded() {
        let message = |error_message: &str| {
            let partial = ExportLogsPartialSuccess { error_message: error_message.to_owned(), ..Default::default() };
            let response = ExportLogsServiceResponse { partial_success: Some(partial) };
            PartialSuccess::read(response.encode_to_vec().into(), 9).message
        };
        assert_eq!(message(""), None);
        assert_eq!(message("quota of 10% is used").as_deref(), Some("quota of 10% is used"));
        assert_eq!(message("a\n\u{1b}[31m\\\u{202e}").as_deref(), Some(r"a\u{a}\u{1b}[31m\u{5c}\u{202e}"));
        assert_eq!(message(&"a".repeat(1000)).unwrap().len(), LONGEST);
        let escapes = message(&"\u{7f}".repeat(1000)).unwrap();
        assert!(escapes.len() <= LONGEST && escapes.ends_with('}'), "{escapes}");
    }
}
