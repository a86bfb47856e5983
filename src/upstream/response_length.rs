//! The `Content-Length` of a response.

use super::error::Unreachable;
use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use http::{HeaderMap, HeaderValue};

/// Replaces the `Content-Length` by the number that it is, in one field and without leading zeros (RFC 9110 section 8.6).
///
/// # Errors
///
/// It is not one number below 2^63, or the body has another transfer coding than `chunked`.
// hyper reads it where a body follows only, and leaves the fields as they are. A client may read `2, 2` or two fields otherwise,
// and then a later response on its connection
pub(super) fn normalize(headers: &mut HeaderMap) -> Result<(), Unreachable> {
    if headers.contains_key(TRANSFER_ENCODING) {
        check_coding(headers)?;
    }
    let mut fields = headers.get_all(CONTENT_LENGTH).iter();
    let Some(first) = fields.next() else { return Ok(()) };
    // overridden, and removed before the response goes on (RFC 9112 section 6.3)
    if headers.contains_key(TRANSFER_ENCODING) {
        return Ok(());
    }
    let is_alone = fields.next().is_none();
    let mut numbers =
        headers.get_all(CONTENT_LENGTH).iter().flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    let length = numbers.next().and_then(number).ok_or(Unreachable::ContentLength)?;
    if !numbers.all(|other| number(other) == Some(length)) {
        return Err(Unreachable::ContentLength);
    }
    let is_canonical = is_alone && is_canonical(first.as_bytes());
    if !is_canonical {
        headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    }
    Ok(())
}

/// Only `chunked` is decoded. Another coding would be lost with the field, which is for one connection.
fn check_coding(headers: &HeaderMap) -> Result<(), Unreachable> {
    let mut values = headers.get_all(TRANSFER_ENCODING).iter().map(|value| value.as_bytes().trim_ascii());
    let is_chunked = values.next().is_some_and(|value| value.eq_ignore_ascii_case(b"chunked"));
    if is_chunked && values.next().is_none() { Ok(()) } else { Err(Unreachable::TransferCoding) }
}

fn number(text: &[u8]) -> Option<u64> {
    let text = text.trim_ascii();
    // `str::parse` alone would accept a sign
    let is_number = text.iter().all(u8::is_ascii_digit);
    let number: u64 = std::str::from_utf8(text).ok().filter(|_| is_number)?.parse().ok()?;
    // what some clients read it into
    i64::try_from(number).is_ok().then_some(number)
}

/// Whether it is a number without anything around it.
fn is_canonical(text: &[u8]) -> bool {
    text == b"0" || !text.starts_with(b"0") && text.iter().all(u8::is_ascii_digit)
}

#[cfg(test)]
mod tests {
    use super::normalize;
    use crate::upstream::Unreachable;
    use http::{HeaderMap, HeaderName, HeaderValue};

    fn normalized(values: &[&'static str]) -> Result<Vec<String>, Unreachable> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(HeaderName::from_static("content-length"), HeaderValue::from_static(value));
        }
        normalize(&mut headers)?;
        let values = headers.get_all("content-length").iter();
        Ok(values.map(|value| value.to_str().expect("digits").to_owned()).collect())
    }

    #[test]
    fn one_number_is_written_in_one_way() {
        for (values, expected) in [
            (&[][..], None),
            (&["0"], Some("0")),
            (&["2"], Some("2")),
            (&["02"], Some("2")),
            (&["000"], Some("0")),
            (&["2, 2"], Some("2")),
            (&["2", "2"], Some("2")),
            (&["2,02", "002"], Some("2")),
            (&["9223372036854775807"], Some("9223372036854775807")),
        ] {
            let expected: Vec<_> = expected.map(str::to_owned).into_iter().collect();
            assert_eq!(normalized(values), Ok(expected), "{values:?}");
        }
    }

    #[test]
    fn what_is_not_one_number_is_refused() {
        for values in [
            &["2, 3"][..],
            &["2", "3"],
            &["+2"],
            &["-2"],
            &["0x2"],
            &["2."],
            &["2,"],
            &[""],
            &["2 2"],
            &["9223372036854775808"],
            &["18446744073709551616"],
        ] {
            assert_eq!(normalized(values), Err(Unreachable::ContentLength), "{values:?}");
        }
    }

    #[test]
    fn a_body_in_another_coding_than_chunked_is_refused() {
        let of = |values: &[&'static str]| {
            let name = HeaderName::from_static("transfer-encoding");
            let fields = values.iter().map(|value| (name.clone(), HeaderValue::from_static(value)));
            normalize(&mut fields.collect())
        };
        assert_eq!((of(&["chunked"]), of(&["Chunked"])), (Ok(()), Ok(())));
        for values in
            [&["gzip, chunked"][..], &["gzip"], &["chunked, chunked"], &["gzip", "chunked"], &["identity"], &[""]]
        {
            assert_eq!(of(values), Err(Unreachable::TransferCoding), "{values:?}");
        }
    }
}
