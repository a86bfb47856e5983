//! Messages on a byte stream: the base protocol of LSP, which is JSON-RPC with a header in front of each message.
//!
//! What is not a message is skipped and reported, and the stream goes on: an editor that loses its server loses more than one request.

use serde_json::Value;
use std::io::{self, BufRead, Read, Write};

/// Longest message that is read, in bytes. No file of ours comes near it.
const LONGEST_MESSAGE: u64 = 64 * 1024 * 1024;
/// Longest line of a header, in bytes.
const LONGEST_LINE: u64 = 8 * 1024;

/// What was read.
#[derive(Debug)]
pub(super) enum Received {
    /// A message, as JSON.
    Message(Value),
    /// Bytes that are no message, and why.
    Garbage(&'static str),
}

/// Reads the next message. `None` at the end of the stream.
///
/// # Errors
///
/// The stream cannot be read.
pub(super) fn read(input: &mut impl BufRead) -> io::Result<Option<Received>> {
    let Some(length) = read_header(input)? else { return Ok(None) };
    if length > LONGEST_MESSAGE {
        io::copy(&mut input.by_ref().take(length), &mut io::sink())?;
        return Ok(Some(Received::Garbage("the message is too long")));
    }
    let mut body = Vec::new();
    // not `read_exact` into a buffer of that size: the length is a claim
    if input.by_ref().take(length).read_to_end(&mut body)? < usize::try_from(length).unwrap_or(usize::MAX) {
        return Ok(None);
    }
    Ok(Some(serde_json::from_slice(&body).map_or(Received::Garbage("the message is not JSON"), Received::Message)))
}

/// The length of the message that follows. Lines that are no header are skipped up to one that is. `None` at the end of the stream.
fn read_header(input: &mut impl BufRead) -> io::Result<Option<u64>> {
    let mut length = None;
    loop {
        let mut line = Vec::new();
        if input.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line)? == 0 {
            return Ok(None);
        }
        let line = line.trim_ascii();
        match (line.is_empty(), length) {
            (true, Some(length)) => return Ok(Some(length)),
            (true, None) => {}
            (false, _) => length = content_length(line).or(length),
        }
    }
}

fn content_length(line: &[u8]) -> Option<u64> {
    let (name, value) = std::str::from_utf8(line).ok()?.split_once(':')?;
    name.trim().eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
}

/// Writes a message.
///
/// # Errors
///
/// The stream cannot be written.
pub(super) fn write(output: &mut impl Write, message: &Value) -> io::Result<()> {
    let body = message.to_string();
    write!(output, "Content-Length: {}\r\n\r\n{body}", body.len())?;
    output.flush()
}

#[cfg(test)]
mod tests {
    use super::{LONGEST_MESSAGE, Received, read, write};
    use serde_json::json;

    fn all(mut bytes: &[u8]) -> Vec<String> {
        let mut found = Vec::new();
        while let Some(received) = read(&mut bytes).unwrap() {
            found.push(match received {
                Received::Message(message) => message.to_string(),
                Received::Garbage(why) => why.to_owned(),
            });
        }
        found
    }

    #[test]
    fn messages_are_found_between_garbage() {
        let stream = b"noise\r\n\r\n\r\ncontent-type: x\r\nCONTENT-LENGTH:2\r\n\r\n{}Content-Length: 3\r\n\r\n{{{\xff\xfe\r\nContent-Length: 1\n\n7Content-Length: -1\r\n\r\nContent-Length: 90\r\n\r\n{";
        assert_eq!(all(stream), ["{}", "the message is not JSON", "7"]);
    }

    #[test]
    fn a_message_that_claims_too_much_is_skipped() {
        let mut stream = format!("Content-Length: {}\r\n\r\n", LONGEST_MESSAGE + 1).into_bytes();
        stream.resize(stream.len() + usize::try_from(LONGEST_MESSAGE + 1).unwrap(), b' ');
        write(&mut stream, &json!({ "a": "é" })).unwrap();
        assert_eq!(all(&stream), ["the message is too long", "{\"a\":\"é\"}"]);
    }
}
