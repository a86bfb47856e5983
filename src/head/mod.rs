//! The bytes of a request's head: its framing, or the defect for which it is refused.
//!
//! hyper accepts a bare line feed as the end of a line, lets `Transfer-Encoding` override `Content-Length`, keeps one of two
//! equal `Content-Length`s and drops a fragment, without a trace in the parsed request. Request smuggling is made of these.

mod chunked;
mod defect;

pub(crate) use chunked::{ChunkProgress, ChunkTracker};
pub use defect::HeadDefect;

use httparse::{Header, Request, Status};
use memchr::{memchr, memchr_iter};
use std::mem::MaybeUninit;

/// Most header lines, the number that hyper reads.
const MOST_FIELDS: usize = 100;

/// Longest target that hyper reads.
const LONGEST_TARGET: usize = u16::MAX as usize - 1;

/// A head that is unambiguous.
#[derive(Debug, PartialEq, Eq)]
pub struct RequestHead {
    /// Its length in bytes, including the empty line at its end.
    pub length: usize,
    /// The framing of the body after it.
    pub framing: BodyFraming,
}

/// The framing of a body (RFC 9112 section 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyFraming {
    /// This many bytes; 0 without a body.
    Length(u64),
    /// `Transfer-Encoding: chunked`.
    Chunked,
}

/// Examines the head at the start of `bytes`, which may be `longest` bytes long. `None` if it is incomplete.
///
/// # Errors
///
/// The defect, if the head is ambiguous, invalid or too long.
pub fn examine(bytes: &[u8], longest: usize) -> Result<Option<RequestHead>, HeadDefect> {
    // parsed by httparse, which hyper uses too, so that the two cannot disagree on what a line is
    let mut fields = [const { MaybeUninit::<Header<'_>>::uninit() }; MOST_FIELDS];
    let mut request = Request::new(&mut []);
    let length = match request.parse_with_uninit_headers(bytes, &mut fields) {
        Ok(Status::Complete(length)) if length <= longest => length,
        Ok(Status::Partial) if bytes.len() < longest => return Ok(None),
        Ok(_) | Err(httparse::Error::TooManyHeaders) => return Err(HeadDefect::TooLong),
        Err(httparse::Error::Version) => return Err(HeadDefect::Version),
        Err(_) => return Err(HeadDefect::Malformed),
    };
    check_lines(bytes.get(..length).unwrap_or_default())?;
    check_target(request.path.unwrap_or_default())?;
    let framing = framing(request.headers, request.version == Some(1))?;
    Ok(Some(RequestHead { length, framing }))
}

/// Parses the request whose head is at the start of `bytes`, after [`examine`] has accepted it.
///
/// # Errors
///
/// As [`examine`].
pub fn read(bytes: &[u8], longest: usize) -> Result<Option<(http::Request<()>, RequestHead)>, HeadDefect> {
    let Some(head) = examine(bytes, longest)? else { return Ok(None) };
    let mut fields = [httparse::EMPTY_HEADER; MOST_FIELDS];
    let mut parsed = Request::new(&mut fields);
    parsed.parse(bytes).map_err(|_| HeadDefect::Malformed)?;
    let version = if parsed.version == Some(1) { http::Version::HTTP_11 } else { http::Version::HTTP_10 };
    let (method, path) = (parsed.method.unwrap_or_default(), parsed.path.unwrap_or_default());
    let mut request = http::Request::builder().method(method).uri(path).version(version);
    for field in parsed.headers.iter() {
        request = request.header(field.name, field.value);
    }
    let request = request.body(()).map_err(|_| HeadDefect::Malformed)?;
    Ok(Some((request, head)))
}

/// Whether the bytes from `start` on can have completed the head.
// a cheap test before each parse: a client that sends a head byte by byte must not cost a parse for each
pub(crate) fn may_be_whole(bytes: &[u8], start: usize) -> bool {
    let tail = bytes.get(start.saturating_sub(3)..).unwrap_or_default();
    let is_end = |at| tail.get(at + 1..).is_some_and(|rest| rest.starts_with(b"\n") || rest.starts_with(b"\r\n"));
    memchr_iter(b'\n', tail).any(is_end)
}

fn check_lines(head: &[u8]) -> Result<(), HeadDefect> {
    let is_bare = |at: usize| at.checked_sub(1).and_then(|before| head.get(before)) != Some(&b'\r');
    if memchr_iter(b'\n', head).any(is_bare) { Err(HeadDefect::BareLineFeed) } else { Ok(()) }
}

fn check_target(target: &str) -> Result<(), HeadDefect> {
    if memchr(b'#', target.as_bytes()).is_some() {
        return Err(HeadDefect::Fragment);
    }
    if target.len() > LONGEST_TARGET {
        return Err(HeadDefect::TooLong);
    }
    // hyper itself would answer a target that is no URI, in a form that no SDK reads; most targets are plain, and not parsed
    let is_plain =
        |byte: u8| matches!(byte, b'a'..=b'z' | b'A'..=b'Z' | b'-'..=b'9' | b'_' | b'?' | b'=' | b'&' | b'%');
    let is_uri = target.starts_with('/') && target.bytes().all(is_plain) || target.parse::<http::Uri>().is_ok();
    if is_uri { Ok(()) } else { Err(HeadDefect::Malformed) }
}

fn framing(fields: &[Header<'_>], has_chunks: bool) -> Result<BodyFraming, HeadDefect> {
    let (mut length, mut is_chunked) = (None, false);
    for field in fields {
        // by length first: hardly any other name has 14 or 17 letters, which saves a comparison for each line
        match field.name.len() {
            14 if field.name.eq_ignore_ascii_case("content-length") => {
                let value = number(field.value).filter(|_| length.is_none());
                length = Some(value.ok_or(HeadDefect::ContentLength)?);
            }
            17 if field.name.eq_ignore_ascii_case("transfer-encoding") => {
                let is_valid = has_chunks && !is_chunked && field.value.eq_ignore_ascii_case(b"chunked");
                is_chunked = is_valid.then_some(true).ok_or(HeadDefect::TransferEncoding)?;
            }
            _ => {}
        }
    }
    match (length, is_chunked) {
        (Some(_), true) => Err(HeadDefect::TwoFramings),
        (None, true) => Ok(BodyFraming::Chunked),
        (length, false) => Ok(BodyFraming::Length(length.unwrap_or_default())),
    }
}

/// A `Content-Length`: a number of digits only (RFC 9110 section 8.6), below 2^63.
// `str::parse` alone would accept a sign, which other servers reject or ignore. Many servers read it into a signed number, in
// which a larger one is negative or another number
pub(crate) fn number(value: &[u8]) -> Option<u64> {
    let digits = value.iter().all(u8::is_ascii_digit);
    let number: u64 = std::str::from_utf8(value).ok().filter(|_| digits)?.parse().ok()?;
    i64::try_from(number).is_ok().then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(head: &str) -> Result<Option<BodyFraming>, HeadDefect> {
        examine(head.as_bytes(), 1024).map(|head| head.map(|head| head.framing))
    }

    fn with(fields: &str) -> Result<Option<BodyFraming>, HeadDefect> {
        of(&format!("PATCH /v1/users/u HTTP/1.1\r\nHost: a\r\n{fields}\r\n"))
    }

    #[test]
    fn a_valid_head_has_a_framing() {
        assert_eq!(with(""), Ok(Some(BodyFraming::Length(0))));
        assert_eq!(with("content-LENGTH: 12 \r\n"), Ok(Some(BodyFraming::Length(12))));
        let most = i64::MAX.unsigned_abs();
        assert_eq!(with(&format!("Content-Length: {most}\r\n")), Ok(Some(BodyFraming::Length(most))));
        assert_eq!(with("Transfer-Encoding:Chunked\r\n"), Ok(Some(BodyFraming::Chunked)));
        let two = b"\r\nGET / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n";
        assert_eq!(examine(two, 1024), Ok(Some(RequestHead { length: 20, framing: BodyFraming::Length(0) })));
    }

    #[test]
    fn what_hyper_would_accept_is_refused() {
        for (fields, defect) in [
            ("A: b\nC: d\r\n", HeadDefect::BareLineFeed),
            ("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", HeadDefect::TwoFramings),
            ("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", HeadDefect::TwoFramings),
            ("Content-Length: 5\r\nContent-Length: 5\r\n", HeadDefect::ContentLength),
            ("Content-Length: 5, 5\r\n", HeadDefect::ContentLength),
            ("Content-Length: +5\r\n", HeadDefect::ContentLength),
            ("Content-Length:\r\n", HeadDefect::ContentLength),
            ("Content-Length: 18446744073709551616\r\n", HeadDefect::ContentLength),
            ("Content-Length: 9223372036854775808\r\n", HeadDefect::ContentLength),
            ("Transfer-Encoding: gzip, chunked\r\n", HeadDefect::TransferEncoding),
            ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", HeadDefect::TransferEncoding),
            ("A: b\r\n c\r\n", HeadDefect::Malformed),
            ("A : b\r\n", HeadDefect::Malformed),
        ] {
            assert_eq!(with(fields), Err(defect), "{fields}");
        }
        let chunks_before_their_time = "PATCH / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n";
        assert_eq!(of(chunks_before_their_time), Err(HeadDefect::TransferEncoding));
        assert_eq!(of("GET / HTTP/1.2\r\n\r\n"), Err(HeadDefect::Version));
        assert_eq!(of("GET /a#b HTTP/1.1\r\n\r\n"), Err(HeadDefect::Fragment));
        assert_eq!(of("GET /<> HTTP/1.1\r\n\r\n"), Err(HeadDefect::Malformed));
    }

    #[test]
    fn a_head_is_waited_for_up_to_its_longest() {
        assert_eq!(of("GET / HTTP/1.1\r\nA: b"), Ok(None));
        assert_eq!(of(&format!("GET / HTTP/1.1\r\nA: {}", "b".repeat(1024))), Err(HeadDefect::TooLong));
        assert_eq!(with(&"A: b\r\n".repeat(100)), Err(HeadDefect::TooLong));
    }

    #[test]
    fn only_an_empty_line_can_end_a_head() {
        let head = b"GET / HTTP/1.1\r\nA: b\r\n\r\n";
        for end in 1..=head.len() {
            let (seen, whole) = (&head[..end], end == head.len());
            assert_eq!(may_be_whole(seen, end - 1), whole, "{end}");
        }
        assert!(may_be_whole(b"GET / HTTP/1.1\n\n", 15));
    }
}
