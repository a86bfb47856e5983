//! W3C Trace Context (<https://www.w3.org/TR/trace-context/>): the ids that connect our spans to the caller's and the
//! upstream's.

use super::trace_state;
use crate::telemetry::format::hex;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use std::fmt;

/// The header that carries the ids of a trace.
pub const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// The place of a request in a trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceContext {
    /// The trace: the caller's if it sent exactly one valid `traceparent`, otherwise a new one.
    pub trace_id: [u8; 16],
    /// The caller's span.
    pub parent_span_id: Option<[u8; 8]>,
    /// The id of our SERVER span.
    pub server_span_id: [u8; 8],
    /// The id of our CLIENT span, which is the parent in `traceparent` to the upstream.
    pub client_span_id: [u8; 8],
    /// Whether the trace is sampled.
    pub sampled: bool,
    /// Whether the trace id is random, as far as its creator knows (level 2 of the specification).
    pub random: bool,
    /// The entries of other tracing systems: the caller's `tracestate`, if its trace is continued.
    pub state: Option<HeaderValue>,
    /// The trace context that the upstream gets.
    pub upstream: UpstreamTrace,
}

/// The trace context that the upstream gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpstreamTrace {
    /// Ours, with the `tracestate` of the caller.
    Continued,
    /// The caller's `traceparent`, if it is valid.
    Passed,
    /// None.
    Withheld,
}

impl TraceContext {
    /// A context below `parent`, or of a new trace. It is not sampled until a sampler decides.
    pub fn below(parent: Option<&Parent>) -> Self {
        Self {
            trace_id: parent.map_or_else(random_id, |parent| parent.trace_id),
            parent_span_id: parent.map(|parent| parent.span_id),
            server_span_id: random_id(),
            client_span_id: random_id(),
            sampled: false,
            // our own ids are
            random: parent.is_none_or(|parent| parent.random),
            state: None,
            upstream: UpstreamTrace::Continued,
        }
    }

    /// Keeps the `tracestate` of the caller, whose trace this is.
    #[must_use]
    pub fn with_state_of(self, headers: &HeaderMap) -> Self {
        Self { state: trace_state::list_of(headers), ..self }
    }

    /// The flags of `traceparent`: sampled and random.
    // others are not defined, and have to be zero (section 2.2.5 of level 2)
    pub fn flags(&self) -> u8 {
        u8::from(self.sampled) | u8::from(self.random) << 1
    }

    /// The trace id as hex.
    pub fn id(&self) -> impl fmt::Display {
        let digits = hex::<16, 32>(self.trace_id);
        String::from_utf8_lossy(&digits).into_owned()
    }

    /// The `traceparent` for the upstream: version 00, with our CLIENT span as parent.
    pub fn to_traceparent(&self) -> HeaderValue {
        let mut text = Vec::with_capacity(55);
        text.extend_from_slice(b"00-");
        text.extend_from_slice(&hex::<16, 32>(self.trace_id));
        text.push(b'-');
        text.extend_from_slice(&hex::<8, 16>(self.client_span_id));
        text.push(b'-');
        text.extend_from_slice(&hex::<1, 2>([self.flags()]));
        // hex digits and dashes are always a valid header value; an empty one would be ignored by its receiver
        HeaderValue::from_maybe_shared(Bytes::from(text)).unwrap_or_else(|_| HeaderValue::from_static(""))
    }
}

/// A caller's `traceparent`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parent {
    /// The caller's trace id.
    pub trace_id: [u8; 16],
    /// The caller's span.
    pub span_id: [u8; 8],
    /// Whether the caller samples the trace.
    pub sampled: bool,
    /// Whether the trace id is random, as far as the caller knows.
    pub random: bool,
}

impl Parent {
    /// Reads `traceparent`. `None` unless there is exactly one, which is valid.
    // An invalid one is not an error of the request: a new trace begins instead (section 4.3).
    pub fn of(headers: &HeaderMap) -> Option<Self> {
        let mut values = headers.get_all(TRACEPARENT).iter();
        let value = values.next()?;
        if values.next().is_some() {
            return None;
        }
        Self::parse(value.as_bytes())
    }

    /// Parses one `traceparent` (section 3.2). A version later than 00 may have more after a dash.
    fn parse(value: &[u8]) -> Option<Self> {
        let (head, rest) = value.split_at_checked(55)?;
        let [version] = from_hex(head.get(..2)?)?;
        let complete = match version {
            0xff => false,
            0 => rest.is_empty(),
            _ => rest.is_empty() || rest.starts_with(b"-"),
        };
        let dashes = [2, 35, 52].iter().all(|&at| head.get(at) == Some(&b'-'));
        let trace_id: [u8; 16] = from_hex(head.get(3..35)?)?;
        let span_id: [u8; 8] = from_hex(head.get(36..52)?)?;
        let [flags] = from_hex(head.get(53..)?)?;
        let valid = complete && dashes && trace_id != [0; 16] && span_id != [0; 8];
        valid.then_some(Self { trace_id, span_id, sampled: flags & 1 == 1, random: flags & 2 == 2 })
    }
}

/// Exactly `N` bytes from lower-case hex digits.
// Upper case is invalid by section 3.2.2, which most hex parsers accept.
fn from_hex<const N: usize>(digits: &[u8]) -> Option<[u8; N]> {
    let (pairs, []) = digits.as_chunks::<2>() else { return None };
    let mut bytes = [0; N];
    if pairs.len() != N {
        return None;
    }
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        *byte = nibble(*high)? << 4 | nibble(*low)?;
    }
    Some(bytes)
}

const fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

/// A random id. Never zero, which both W3C and OpenTelemetry define as "no id".
fn random_id<const N: usize>() -> [u8; N] {
    loop {
        let mut id = [0; N];
        rand::fill(&mut id[..]);
        if id != [0; N] {
            return id;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Parent, TRACEPARENT, TraceContext};
    use http::{HeaderMap, HeaderValue};

    const VALID: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn parent(values: &[&str]) -> Option<Parent> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(TRACEPARENT, HeaderValue::from_str(value).unwrap());
        }
        Parent::of(&headers)
    }

    #[test]
    fn one_valid_header_is_the_parent() {
        let read = parent(&[VALID]).unwrap();
        assert_eq!(u128::from_be_bytes(read.trace_id), 0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736);
        assert_eq!(u64::from_be_bytes(read.span_id), 0x00f0_67aa_0ba9_02b7);
        assert!(read.sampled);
        assert!(!parent(&[&VALID.replace("-01", "-02")]).unwrap().sampled);
    }

    #[test]
    fn a_future_version_may_say_more_after_a_dash() {
        for future in [VALID.replacen("00", "01", 1), format!("{}-what-is-new", VALID.replacen("00", "cc", 1))] {
            assert!(parent(&[&future]).is_some(), "{future}");
        }
        assert!(parent(&[&format!("{}.x", VALID.replacen("00", "cc", 1))]).is_none());
    }

    #[test]
    fn anything_else_is_no_parent() {
        let invalid = [
            String::new(),
            "junk".repeat(2048),
            VALID.chars().take(54).collect(),
            format!("{VALID}-more"),
            VALID.to_ascii_uppercase(),
            VALID.replacen("00", "ff", 1),
            VALID.replacen('-', "_", 1),
            VALID.replace("4bf92f3577b34da6a3ce929d0e0e4736", &"0".repeat(32)),
            VALID.replace("00f067aa0ba902b7", &"0".repeat(16)),
            VALID.replace("-01", "-0g"),
        ];
        for value in &invalid {
            assert_eq!(parent(&[value]), None, "{value}");
        }
        assert_eq!(parent(&[VALID, VALID]), None);
        assert_eq!(parent(&[]), None);
    }

    #[test]
    fn the_upstream_gets_the_trace_with_our_client_span() {
        let read = parent(&[VALID]).unwrap();
        let mut context = TraceContext::below(Some(&read));
        context.client_span_id = [0xab; 8];
        context.sampled = true;
        assert_eq!(context.parent_span_id, Some(read.span_id));
        assert_eq!(context.to_traceparent(), "00-4bf92f3577b34da6a3ce929d0e0e4736-abababababababab-01");
    }

    #[test]
    fn of_the_flags_sampled_is_ours_and_random_is_kept() {
        for (flags, sampled, sent) in
            [("00", true, "01"), ("02", true, "03"), ("03", false, "02"), ("ff", true, "03"), ("01", false, "00")]
        {
            let read = parent(&[&VALID.replace("-01", &format!("-{flags}"))]).unwrap();
            let context = TraceContext { sampled, ..TraceContext::below(Some(&read)) };
            assert!(context.to_traceparent().to_str().unwrap().ends_with(&format!("-{sent}")), "{flags}");
        }
        assert_eq!(TraceContext::below(None).flags(), 2, "our own id is random");
    }

    #[test]
    fn a_trace_without_parent_has_ids_of_its_own() {
        let (one, other) = (TraceContext::below(None), TraceContext::below(None));
        assert_ne!(one.trace_id, other.trace_id);
        assert_ne!(one.server_span_id, one.client_span_id);
        assert_eq!(one.parent_span_id, None);
    }
}
