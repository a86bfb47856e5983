//! HTTP/2 frames (RFC 9113), written by hand, and the part of HPACK (RFC 7541) that a request and the first status need.

// not a library: one would correct or refuse the malformed requests that the corpus consists of

/// A field, possibly malformed.
pub(super) type Field = (Vec<u8>, Vec<u8>);

/// The connection preface of a client, with empty SETTINGS.
pub(super) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
/// The acknowledgement of SETTINGS.
pub(super) const SETTINGS_READ: &[u8] = b"\0\0\0\x04\x01\0\0\0\0";

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RESET: u8 = 3;
pub(super) const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;
const CONTINUATION: u8 = 9;

const END_STREAM: u8 = 1;
pub(super) const ACK: u8 = 1;
const END_HEADERS: u8 = 4;
const PADDED: u8 = 8;

/// Maximum payload of a frame in bytes, with room for padding below the limit of every server.
const MAX_PAYLOAD: usize = 16_384 - 256;

/// A received frame.
pub(super) struct Http2Frame {
    pub(super) kind: u8,
    pub(super) flags: u8,
    stream: u32,
    payload: Vec<u8>,
}

/// The meaning of a frame for the request.
pub(super) enum FrameEvent {
    /// The status of the response.
    Status(u16),
    /// There will be no response.
    NoAnswer,
    Nothing,
}

/// The bytes of a connection with one request: its head, the pieces of its body, one frame each, and its trailers.
pub(super) fn request(head: &[Field], pieces: &[Vec<u8>], padding: Option<u8>, trailers: &[Field]) -> Vec<u8> {
    let mut bytes = PREFACE.to_vec();
    let (has_body, has_trailers) = (!pieces.is_empty(), !trailers.is_empty());
    fields(head, !has_body && !has_trailers, &mut bytes);
    let pieces: Vec<&[u8]> = pieces.iter().flat_map(|piece| piece.chunks(MAX_PAYLOAD)).collect();
    for piece in &pieces {
        match padding {
            Some(length) => {
                let zeros = vec![0; usize::from(length)];
                frame(DATA, PADDED, &[&[length], *piece, &zeros].concat(), &mut bytes);
            }
            None => frame(DATA, 0, piece, &mut bytes),
        }
    }
    if has_trailers {
        fields(trailers, true, &mut bytes);
    } else if has_body {
        frame(DATA, END_STREAM, b"", &mut bytes);
    }
    bytes
}

/// Writes a block of fields, in HEADERS and CONTINUATION frames.
fn fields(fields: &[Field], is_end: bool, bytes: &mut Vec<u8>) {
    let mut block = Vec::new();
    for (name, value) in fields {
        // a literal field without indexing, which leaves the dynamic table empty
        block.push(0);
        text(name, &mut block);
        text(value, &mut block);
    }
    let last = block.chunks(MAX_PAYLOAD).count().saturating_sub(1);
    for (number, piece) in block.chunks(MAX_PAYLOAD).enumerate() {
        let end = if is_end && number == 0 { END_STREAM } else { 0 };
        let whole = if number == last { END_HEADERS } else { 0 };
        frame(if number == 0 { HEADERS } else { CONTINUATION }, end | whole, piece, bytes);
    }
}

fn frame(kind: u8, flags: u8, payload: &[u8], bytes: &mut Vec<u8>) {
    let length = u32::try_from(payload.len()).unwrap_or(u32::MAX).to_be_bytes();
    // the length has 24 bits
    bytes.extend(length.iter().skip(1));
    // always stream 1, the first of a client
    bytes.extend([kind, flags, 0, 0, 0, 1]);
    bytes.extend_from_slice(payload);
}

/// Writes a string literal without Huffman code (RFC 7541, section 5.2).
fn text(text: &[u8], block: &mut Vec<u8>) {
    // a prefix of 7 bits, then 7 bits a byte (RFC 7541, section 5.1)
    let mut rest = text.len();
    if let Some(more) = rest.checked_sub(127) {
        block.push(127);
        rest = more;
        while rest >= 128 {
            block.push(rest.to_le_bytes()[0] | 128);
            rest >>= 7;
        }
    }
    block.push(rest.to_le_bytes()[0]);
    block.extend_from_slice(text);
}

/// Moves the first frame out of `buffer`; `None` if it is incomplete.
pub(super) fn take(buffer: &mut Vec<u8>) -> Option<Http2Frame> {
    let (head, rest) = buffer.split_first_chunk::<9>()?;
    let [a, b, c, kind, flags, stream @ ..] = *head;
    let length = u32::from_be_bytes([0, a, b, c]) as usize;
    let payload = rest.get(..length)?.to_vec();
    buffer.drain(..9 + length);
    Some(Http2Frame { kind, flags, stream: u32::from_be_bytes(stream), payload })
}

impl Http2Frame {
    /// The meaning of the frame for the only request of the connection.
    pub(super) fn event(&self) -> FrameEvent {
        match self.kind {
            HEADERS if self.stream == 1 => match status(&self.payload) {
                Some(status @ 200..) => FrameEvent::Status(status),
                Some(_) => FrameEvent::Nothing,
                None => FrameEvent::NoAnswer,
            },
            RESET if self.stream == 1 => FrameEvent::NoAnswer,
            // a GOAWAY without an error announces a shutdown; the response still comes
            GOAWAY if self.payload.get(4..8).is_some_and(|code| code != [0; 4]) => FrameEvent::NoAnswer,
            _ => FrameEvent::Nothing,
        }
    }
}

/// The status in the first block of fields of a connection, when HPACK's dynamic table is still empty.
fn status(block: &[u8]) -> Option<u16> {
    let (first, rest) = block.split_first()?;
    match first {
        // a dynamic table size update, in one byte
        0x20..0x3f => status(rest),
        // indexed: a status of the static table (RFC 7541, appendix A)
        0x88..=0x8e => [200, 204, 206, 304, 400, 404, 500].get(usize::from(first - 0x88)).copied(),
        // a literal with the name `:status`, with or without indexing
        0x08..=0x0e | 0x18..=0x1e | 0x48..=0x4e => match rest.split_first()? {
            (3, digits) => std::str::from_utf8(digits.get(..3)?).ok()?.parse().ok(),
            (length @ 0x81..=0x83, coded) => digits(coded.get(..usize::from(length & 0x7f))?),
            _ => None,
        },
        _ => None,
    }
}

/// Three digits in HPACK's Huffman code (RFC 7541, appendix B): 0 to 2 take five bits, the others six.
fn digits(coded: &[u8]) -> Option<u16> {
    let mut bits = coded.iter().flat_map(|byte| (0..8).rev().map(move |at| u16::from(byte >> at & 1)));
    let mut status = 0;
    for _ in 0..3 {
        let short = bits.by_ref().take(5).fold(0, |number, bit| number * 2 + bit);
        let digit = if short < 3 { short } else { (short * 2 + bits.next()?).checked_sub(0x19 - 3)? };
        status = status * 10 + digit;
    }
    Some(status)
}

#[cfg(test)]
mod tests {
    use super::{status, take, text};

    #[test]
    fn a_status_is_read_however_it_is_written() {
        assert_eq!(status(&[0x88]), Some(200));
        assert_eq!(status(&[0x3e, 0x8c]), Some(400));
        assert_eq!(status(b"\x08\x03422"), Some(422));
        // 4 is 011010, 2 is 00010, 9 is 011111
        assert_eq!(status(&[0x48, 0x82, 0b0110_1000, 0b0100_0101]), None, "two bytes hold no three digits of 6 bits");
        assert_eq!(status(&[0x48, 0x82, 0b0110_1000, 0b0100_0010]), Some(422));
        assert_eq!(status(&[0x48, 0x83, 0b0110_1000, 0b0100_1111, 0b1111_1111]), Some(429));
        assert_eq!(status(&[]), None);
    }

    #[test]
    fn lengths_take_as_many_bytes_as_they_need() {
        let length = |bytes: usize| {
            let mut block = Vec::new();
            text(&vec![b'a'; bytes], &mut block);
            block.into_iter().take_while(|byte| *byte != b'a').collect::<Vec<_>>()
        };
        assert_eq!(length(126), [126]);
        assert_eq!(length(127), [127, 0]);
        assert_eq!(length(127 + 300), [127, 0xac, 2]);
    }

    #[test]
    fn frames_are_taken_when_they_are_whole() {
        let mut buffer = b"\0\0\x02\x04\x01\0\0\0\x00a".to_vec();
        assert!(take(&mut buffer).is_none());
        buffer.extend(b"bc");
        assert_eq!(take(&mut buffer).map(|frame| (frame.kind, frame.flags)), Some((4, 1)));
        assert_eq!(buffer, b"c");
    }
}
