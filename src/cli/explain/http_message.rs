//! `--http`: a request in the form that it has on the wire, read by the gateway's own parser.

use super::input::defective;
use crate::cli::exit::CommandError;
use crate::head::{BodyFraming, read};
use bytes::Bytes;
use http::Request;
use http::header::CONTENT_LENGTH;

/// The request that `bytes` hold. A head that the gateway would refuse becomes a request with that defect.
pub(super) fn request(bytes: &[u8], longest: usize) -> Result<Request<Bytes>, CommandError> {
    let bytes = with_line_breaks(bytes);
    let (request, head) = match read(&bytes, longest) {
        Ok(Some(read)) => read,
        Ok(None) => return Err(wrong("the request's head does not end with an empty line")),
        Err(defect) => return Ok(defective(defect)),
    };
    let rest = bytes.get(head.length..).unwrap_or_default();
    let (body, behind) = match head.framing {
        BodyFraming::Length(length) => {
            let split = usize::try_from(length).ok().and_then(|length| rest.split_at_checked(length));
            let (body, behind) = split.ok_or_else(|| wrong("the body is shorter than its `Content-Length`"))?;
            (Bytes::copy_from_slice(body), behind)
        }
        BodyFraming::Chunked => chunks(rest).ok_or_else(|| wrong("the body's chunks are not framed as HTTP has it"))?,
    };
    // editors end a file with a line break
    if !matches!(behind, b"" | b"\n" | b"\r\n") {
        let (rest, has_length) = (behind.trim_ascii_end().len(), request.headers().contains_key(CONTENT_LENGTH));
        if !has_length && head.framing == BodyFraming::Length(0) {
            return Err(wrong(&format!("there is no `Content-Length`; add `Content-Length: {rest}`")));
        }
        return Err(wrong(
            "there are bytes after the end by `Content-Length`: the gateway would read them as the next request",
        ));
    }
    Ok(request.map(|()| body))
}

fn wrong(message: &str) -> CommandError {
    CommandError::Usage(format!("`--http`: {message}"))
}

/// `bytes` with the line breaks of HTTP in the head, where it has none: editors write others. A head with both is left
/// unchanged, so that its ambiguity is reported.
fn with_line_breaks(bytes: &[u8]) -> Vec<u8> {
    let end = bytes.windows(2).position(|pair| pair == b"\n\n");
    let Some((head, body)) = end.and_then(|end| bytes.split_at_checked(end + 2)) else { return bytes.to_vec() };
    if head.contains(&b'\r') {
        return bytes.to_vec();
    }
    let lines = head.split_inclusive(|byte| *byte == b'\n');
    let lines = lines.flat_map(|line| [line.strip_suffix(b"\n").unwrap_or(line), b"\r\n"]);
    lines.chain([body]).collect::<Vec<_>>().concat()
}

/// The body that the chunks at the begin of `bytes` make (RFC 9112 section 7.1), and what is behind them.
fn chunks(mut bytes: &[u8]) -> Option<(Bytes, &[u8])> {
    let mut body = Vec::new();
    loop {
        let (size, rest) = line(bytes)?;
        // chunk extensions have no meaning here (RFC 9112 section 7.1.1)
        let size = size.split(|byte| *byte == b';').next()?.trim_ascii();
        let size = usize::from_str_radix(std::str::from_utf8(size).ok()?, 16).ok()?;
        if size == 0 {
            bytes = rest;
            break;
        }
        let (data, rest) = rest.split_at_checked(size)?;
        body.extend_from_slice(data);
        bytes = rest.strip_prefix(b"\r\n")?;
    }
    loop {
        // an empty line ends the trailer fields (RFC 9112 section 7.1.2)
        let (trailer, rest) = line(bytes)?;
        bytes = rest;
        if trailer.is_empty() {
            return Some((body.into(), bytes));
        }
    }
}

fn line(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = bytes.windows(2).position(|pair| pair == b"\r\n")?;
    Some((bytes.get(..end)?, bytes.get(end + 2..)?))
}

#[cfg(test)]
mod tests {
    use super::request;
    use crate::cli::exit::CommandError;
    use crate::head::HeadDefect;

    fn read(text: &str) -> Result<(String, Option<HeadDefect>), String> {
        match request(text.as_bytes(), 4096) {
            Ok(request) => {
                let defect = request.extensions().get::<HeadDefect>().copied();
                Ok((String::from_utf8(request.into_body().to_vec()).unwrap(), defect))
            }
            Err(CommandError::Usage(message)) => Err(message),
            Err(other) => panic!("{other:?}"),
        }
    }

    #[test]
    fn line_breaks_of_editors_are_those_of_http_where_all_are() {
        let text = "PATCH /v1/users/u HTTP/1.1\nHost: a\nContent-Length: 4\n\n{\n}\n";
        assert_eq!(read(text), Ok(("{\n}\n".to_owned(), None)));
        assert_eq!(read(&text.replace('\n', "\r\n").replace(": 4", ": 6")), Ok(("{\r\n}\r\n".to_owned(), None)));
        let mixed = "PATCH / HTTP/1.1\r\nHost: a\nContent-Length: 0\r\n\r\n";
        assert_eq!(read(mixed), Ok((String::new(), Some(HeadDefect::BareLineFeed))));
    }

    #[test]
    fn a_body_goes_as_far_as_its_head_says() {
        let head = |fields: &str, body: &str| read(&format!("PATCH / HTTP/1.1\r\nHost: a\r\n{fields}\r\n{body}"));
        assert_eq!(head("Content-Length: 2\r\n", "{}\n"), Ok(("{}".to_owned(), None)));
        let chunked = "Transfer-Encoding: chunked\r\n";
        assert_eq!(head(chunked, "1;a=b\r\n{\r\n1\r\n}\r\n0\r\nA: b\r\n\r\n"), Ok(("{}".to_owned(), None)));
        for (fields, body) in [("", "{}"), ("Content-Length: 9\r\n", "{}"), (chunked, "2\n{}\n0\n\n"), (chunked, "x")] {
            assert!(head(fields, body).is_err(), "{fields} {body}");
        }
        assert!(read("GET / HTTP/1.1\nHost: a\n").is_err());
        assert_eq!(head("A : b\r\n", ""), Ok((String::new(), Some(HeadDefect::Malformed))));
    }
}
