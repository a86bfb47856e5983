//! How long a collector asks to wait before the next request (<https://opentelemetry.io/docs/specs/otlp/#failures>).

use http::HeaderMap;
use http::header::RETRY_AFTER;
use prost::Message;
use std::time::{Duration, SystemTime};

/// Longest time that is waited because of one response.
// a collector with a broken clock must not end the export for good
const LONGEST: Duration = Duration::from_secs(3600);

/// `google.rpc.Status`, of which gRPC has an encoded copy in `grpc-status-details-bin`.
#[derive(Clone, PartialEq, Message)]
struct RpcStatus {
    #[prost(message, repeated, tag = "3")]
    details: Vec<StatusDetail>,
}

/// `google.protobuf.Any`.
#[derive(Clone, PartialEq, Message)]
struct StatusDetail {
    #[prost(string, tag = "1")]
    type_url: String,
    #[prost(bytes = "vec", tag = "2")]
    value: Vec<u8>,
}

/// `google.rpc.RetryInfo`.
#[derive(Clone, PartialEq, Message)]
struct RetryInfo {
    #[prost(message, optional, tag = "1")]
    retry_delay: Option<ProtobufDuration>,
}

/// `google.protobuf.Duration`.
#[derive(Clone, PartialEq, Message)]
struct ProtobufDuration {
    #[prost(int64, tag = "1")]
    seconds: i64,
    #[prost(int32, tag = "2")]
    nanos: i32,
}

/// The delay of `Retry-After` (RFC 9110 section 10.2.3): seconds, or a date after `now`.
pub(super) fn from_headers(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let delay = if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        // more digits than fit are more than the longest, too
        value.parse().map_or(LONGEST, Duration::from_secs)
    } else {
        httpdate::parse_http_date(value).ok()?.duration_since(now).unwrap_or_default()
    };
    Some(delay.min(LONGEST))
}

/// The delay of `RetryInfo` in the details of a gRPC status. Zero if it has none: the status can be retried at any time.
pub(super) fn from_details(details: &[u8]) -> Option<Duration> {
    let status = RpcStatus::decode(details).ok()?;
    let info = status.details.iter().find(|detail| detail.type_url.ends_with("google.rpc.RetryInfo"))?;
    let delay = RetryInfo::decode(&*info.value).ok()?.retry_delay.unwrap_or_default();
    let (seconds, nanos) = (u64::try_from(delay.seconds).ok()?, u32::try_from(delay.nanos).ok()?);
    Some(Duration::from_secs(seconds).saturating_add(Duration::from_nanos(nanos.into())).min(LONGEST))
}

#[cfg(test)]
mod tests {
    use super::{LONGEST, ProtobufDuration, RetryInfo, RpcStatus, StatusDetail, from_details, from_headers};
    use http::{HeaderMap, HeaderName, HeaderValue};
    use prost::Message as _;
    use std::time::{Duration, SystemTime};

    #[test]
    fn a_delay_is_in_seconds_or_until_a_date() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        let delay = |value| {
            from_headers(
                &HeaderMap::from_iter([(HeaderName::from_static("retry-after"), HeaderValue::from_static(value))]),
                now,
            )
        };
        assert_eq!(delay("60"), Some(Duration::from_secs(60)));
        assert_eq!(delay("Sun, 06 Nov 1994 08:49:47 GMT"), Some(Duration::from_secs(10)));
        assert_eq!(delay("Sun, 06 Nov 1994 08:49:07 GMT"), Some(Duration::ZERO), "it is over");
        assert_eq!((delay("99999999999999999999"), delay("4000")), (Some(LONGEST), Some(LONGEST)));
        assert_eq!((delay("-1"), delay("soon"), delay("")), (None, None, None));
        assert_eq!(from_headers(&HeaderMap::new(), now), None);
    }

    #[test]
    fn a_status_has_its_delay_among_the_details() {
        let detail =
            |name: &str, value: Vec<u8>| StatusDetail { type_url: format!("type.googleapis.com/{name}"), value };
        let info = |seconds, nanos| {
            let info = RetryInfo { retry_delay: Some(ProtobufDuration { seconds, nanos }) };
            let details =
                vec![detail("google.rpc.Help", vec![1]), detail("google.rpc.RetryInfo", info.encode_to_vec())];
            from_details(&RpcStatus { details }.encode_to_vec())
        };
        assert_eq!(info(2, 500_000_000), Some(Duration::from_millis(2500)));
        assert_eq!((info(0, 0), info(i64::MAX, 0), info(-1, 0)), (Some(Duration::ZERO), Some(LONGEST), None));
        assert_eq!((from_details(b""), from_details(b"<html>")), (None, None));
    }
}
