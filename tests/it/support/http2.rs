//! HTTP/2 frame by frame, with nothing between that would put wrong ones right.

use std::net::SocketAddr;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

pub(crate) const DATA: u8 = 0;
pub(crate) const HEADERS: u8 = 1;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const PING: u8 = 6;
pub(crate) const GOAWAY: u8 = 7;
pub(crate) const WINDOW_UPDATE: u8 = 8;
pub(crate) const CONTINUATION: u8 = 9;

pub(crate) const END_STREAM: u8 = 1;
pub(crate) const ACK: u8 = 1;
pub(crate) const END_HEADERS: u8 = 4;
pub(crate) const PADDED: u8 = 8;

/// A connection that says what it is told to.
pub(crate) struct Http2 {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// One frame.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    pub(crate) kind: u8,
    pub(crate) flags: u8,
    pub(crate) stream: u32,
    pub(crate) payload: Vec<u8>,
}

/// What became of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// An answer: its status, and its body as text.
    Answer(u16, String),
    /// The stream was reset, with this code.
    Reset(u32),
    /// The connection was ended, with this code.
    GoAway(u32),
    /// The connection was closed without a word.
    Closed,
}

impl Outcome {
    /// Whether the request was taken for one, and answered as one that passed.
    pub(crate) fn passed(&self) -> bool {
        matches!(self, Self::Answer(200..=299, _))
    }
}

impl Http2 {
    /// A connection whose client has said its preface and no settings.
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let mut connection = Self { stream, buffer: Vec::new() };
        connection.write(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
        connection.send(SETTINGS, 0, 0, b"").await;
        connection
    }

    /// Writes bytes; that the server closed first is found out by reading.
    pub(crate) async fn write(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes).await;
    }

    pub(crate) async fn send(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) {
        self.write(&frame(kind, flags, stream, payload)).await;
    }

    /// Sends a head in one frame.
    pub(crate) async fn head(&mut self, stream: u32, fields: &[(&str, &str)], end: bool) {
        self.send(HEADERS, END_HEADERS | u8::from(end), stream, &block(fields)).await;
    }

    pub(crate) async fn data(&mut self, stream: u32, bytes: &[u8], end: bool) {
        self.send(DATA, u8::from(end), stream, bytes).await;
    }

    /// The next frame; none when the server closed.
    pub(crate) async fn frame(&mut self) -> Option<Frame> {
        while self.buffer.len() < 9 || self.buffer.len() < 9 + self.length() {
            match self.stream.read_buf(&mut self.buffer).await {
                Ok(0) | Err(_) => return None,
                Ok(_) => {}
            }
        }
        let frame: Vec<u8> = self.buffer.drain(..9 + self.length()).collect();
        let stream = u32::from_be_bytes(frame[5..9].try_into().unwrap());
        Some(Frame { kind: frame[3], flags: frame[4], stream, payload: frame[9..].to_vec() })
    }

    fn length(&self) -> usize {
        usize::from(self.buffer[0]) << 16 | usize::from(self.buffer[1]) << 8 | usize::from(self.buffer[2])
    }

    /// What becomes of `stream`; acknowledges what must be.
    pub(crate) async fn outcome(&mut self, stream: u32) -> Outcome {
        let mut answer = (0, Vec::new());
        while let Some(frame) = self.frame().await {
            match frame.kind {
                SETTINGS | PING if frame.flags & ACK == 0 => {
                    let payload = if frame.kind == PING { frame.payload } else { Vec::new() };
                    self.send(frame.kind, ACK, 0, &payload).await;
                }
                GOAWAY if code(&frame.payload[4..]) != 0 => return Outcome::GoAway(code(&frame.payload[4..])),
                RST_STREAM if frame.stream == stream => return Outcome::Reset(code(&frame.payload)),
                HEADERS if frame.stream == stream => answer.0 = status(&frame.payload),
                DATA if frame.stream == stream => answer.1.extend(&frame.payload),
                _ => {}
            }
            if frame.stream == stream && frame.kind <= HEADERS && frame.flags & END_STREAM != 0 {
                return Outcome::Answer(answer.0, String::from_utf8(answer.1).unwrap());
            }
        }
        Outcome::Closed
    }
}

pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// Fields as HPACK writes those that it shall not remember: names and values as they are.
pub(crate) fn block(fields: &[(&str, &str)]) -> Vec<u8> {
    fields.iter().flat_map(|(name, value)| [vec![0], text(name), text(value)].concat()).collect()
}

fn text(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text.len();
    if rest < 127 {
        bytes.push(u8::try_from(rest).unwrap());
    } else {
        bytes.push(127);
        rest -= 127;
        while rest >= 128 {
            bytes.push(u8::try_from(rest % 128).unwrap() | 128);
            rest /= 128;
        }
        bytes.push(u8::try_from(rest).unwrap());
    }
    bytes.extend(text.bytes());
    bytes
}

fn code(bytes: &[u8]) -> u32 {
    u32::from_be_bytes(bytes[..4].try_into().unwrap())
}

/// The status of the first answer on a connection: HPACK's table is as it was at the start.
fn status(block: &[u8]) -> u16 {
    match block[0] {
        // indexed: `:status` 200, 204, 206, 304, 400, 404, 500
        indexed @ 0x88..=0x8e => [200, 204, 206, 304, 400, 404, 500][usize::from(indexed - 0x88)],
        // a literal by the name `:status`, in Huffman's code
        0x08 | 0x48 => digits(&block[2..2 + usize::from(block[1] & 0x7f)]),
        other => panic!("not the first answer: {other:#x}"),
    }
}

/// Digits in HPACK's Huffman code: 0 to 2 take five bits, the others six.
fn digits(coded: &[u8]) -> u16 {
    let bits: Vec<u8> = coded.iter().flat_map(|byte| (0..8).rev().map(move |at| byte >> at & 1)).collect();
    let number = |bits: &[u8]| bits.iter().fold(0_u16, |number, bit| number * 2 + u16::from(*bit));
    let (mut at, mut status) = (0, 0);
    for _ in 0..3 {
        let short = number(&bits[at..at + 5]);
        let (digit, length) = if short < 3 { (short, 5) } else { (number(&bits[at..at + 6]) - 0x19 + 3, 6) };
        (at, status) = (at + length, status * 10 + digit);
    }
    status
}
