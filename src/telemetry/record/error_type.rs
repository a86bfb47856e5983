//! `error.type` of OpenTelemetry's conventions, the same for metrics and spans.

use crate::redact::OTHER;
use crate::telemetry::record::{Outcome, RequestRecord, UpstreamCall};
use prometheus_client::encoding::{EncodeLabelValue, LabelValueEncoder};
use std::fmt::{self, Write as _};

/// The kind of an error: a word of ours, or the status of the response.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::telemetry) enum ErrorType {
    Word(&'static str),
    Status(u16),
}

impl ErrorType {
    /// The error of a request, if the gateway or the upstream failed.
    // A refusal is the gateway doing its job, and a client that disconnects is not our error: the conventions leave 4xx
    // of a server unset.
    pub(in crate::telemetry) fn of_request(record: &RequestRecord) -> Option<Self> {
        match record.outcome {
            Outcome::Failed => Some(Self::Word(record.reason.map_or(OTHER, |reason| reason.as_str()))),
            _ => Some(Self::Status(record.status)).filter(|_| record.status >= 500),
        }
    }

    /// The error of a call to the upstream, including a response that broke off.
    // For a client span the conventions count 4xx as an error, too: this client's request was not fulfilled.
    pub(in crate::telemetry) fn of_call(record: &RequestRecord, call: &UpstreamCall) -> Option<Self> {
        match (record.outcome, record.reason, call.status) {
            (Outcome::Failed, Some(reason), _) | (_, Some(reason), None) => Some(Self::Word(reason.as_str())),
            (Outcome::Aborted, None, None) => Some(Self::Word("aborted")),
            (_, None, None) => Some(Self::Word(OTHER)),
            (_, _, Some(status)) => Some(Self::Status(status)).filter(|_| status >= 400),
        }
    }
}

impl fmt::Display for ErrorType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Word(word) => f.write_str(word),
            Self::Status(status) => status.fmt(f),
        }
    }
}

impl EncodeLabelValue for ErrorType {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> fmt::Result {
        write!(encoder, "{self}")
    }
}

#[cfg(test)]
mod tests {
    use super::ErrorType::{self, Status, Word};
    use crate::reason::Reason;
    use crate::telemetry::record::{Outcome, RequestRecord, samples};

    fn both(record: &RequestRecord) -> [Option<ErrorType>; 2] {
        let call = record.upstream.as_ref().and_then(|call| ErrorType::of_call(record, call));
        [ErrorType::of_request(record), call]
    }

    #[test]
    fn a_status_is_an_error_where_the_conventions_say_so() {
        for (status, expected) in
            [(200, [None, None]), (404, [None, Some(Status(404))]), (500, [Some(Status(500)), Some(Status(500))])]
        {
            let mut record = samples::allowed_request();
            (record.status, record.upstream.as_mut().unwrap().status) = (status, Some(status));
            assert_eq!(both(&record), expected, "{status}");
        }
        assert_eq!(both(&samples::denied_request()), [None, None]);
    }

    #[test]
    fn a_failure_has_our_word_for_it_even_in_the_middle_of_an_answer() {
        let timeout = Some(Word("upstream_timeout"));
        assert_eq!(both(&samples::failed_request()), [timeout, timeout]);
        let mut broken_off = samples::allowed_request();
        (broken_off.outcome, broken_off.reason) = (Outcome::Failed, Some(Reason::UpstreamUnreachable));
        assert_eq!(both(&broken_off), [Some(Word("upstream_unreachable")); 2]);
    }

    #[test]
    fn a_call_that_was_given_up_says_why() {
        let mut record = samples::failed_request();
        (record.outcome, record.reason, record.status) = (Outcome::Aborted, None, 0);
        assert_eq!(both(&record), [None, Some(Word("aborted"))]);
        (record.outcome, record.reason, record.status) = (Outcome::Denied, Some(Reason::BodyTimeout), 408);
        assert_eq!(both(&record), [None, Some(Word("body_timeout"))]);
        // the answer's head had come
        record.upstream.as_mut().unwrap().status = Some(200);
        (record.outcome, record.reason, record.status) = (Outcome::Aborted, None, 200);
        assert_eq!(both(&record), [None, None]);
    }
}
