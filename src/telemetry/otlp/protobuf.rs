//! A writer of Protocol Buffers (<https://protobuf.dev/programming-guides/encoding/>), as far as OTLP needs it.

use crate::telemetry::attribute_cache::{AttributeCache, SharedAttributes};
use std::cell::RefCell;
use std::thread::LocalKey;

const VARINT: u32 = 0;
const FIXED_64: u32 = 1;
const DELIMITED: u32 = 2;
const FIXED_32: u32 = 5;

/// A message that is being written at the end of a buffer. Fields may come in any order. Their numbers are those of the
/// message's `.proto`.
// Our own encoder, because encoding happens for every request. The SDK converts its span to generated messages and
// those to bytes, which took 10 us for the three spans of a request, most of it in the allocator; this takes 1 us and
// writes into a buffer that is reused.
pub(super) struct Message<'b> {
    bytes: &'b mut Vec<u8>,
}

impl<'b> Message<'b> {
    /// Writes at the end of `bytes`.
    pub(super) const fn new(bytes: &'b mut Vec<u8>) -> Self {
        Self { bytes }
    }

    /// An integer, a boolean or an enumeration.
    pub(super) fn varint(&mut self, field: u32, value: u64) {
        self.tag(field, VARINT);
        varint(self.bytes, value);
    }

    /// A `fixed64`, such as a point in time.
    pub(super) fn fixed64(&mut self, field: u32, value: u64) {
        self.tag(field, FIXED_64);
        self.bytes.extend_from_slice(&value.to_le_bytes());
    }

    /// A `double`, such as a duration in seconds.
    pub(super) fn double(&mut self, field: u32, value: f64) {
        self.fixed64(field, value.to_bits());
    }

    /// A `fixed32`, such as the flags of a span.
    pub(super) fn fixed32(&mut self, field: u32, value: u32) {
        self.tag(field, FIXED_32);
        self.bytes.extend_from_slice(&value.to_le_bytes());
    }

    /// Bytes, or a string.
    pub(super) fn bytes(&mut self, field: u32, value: &[u8]) {
        self.tag(field, DELIMITED);
        varint(self.bytes, value.len() as u64);
        self.bytes.extend_from_slice(value);
    }

    /// A string that `write` appends.
    pub(super) fn text(&mut self, field: u32, write: impl FnOnce(&mut Vec<u8>)) {
        self.write_delimited::<1>(field, write);
    }

    /// A nested message.
    pub(super) fn message(&mut self, field: u32, write: impl FnOnce(&mut Message<'_>)) {
        self.write_delimited::<1>(field, |bytes| write(&mut Message { bytes }));
    }

    /// A nested message that most likely has 128 bytes or more.
    pub(super) fn long_message(&mut self, field: u32, write: impl FnOnce(&mut Message<'_>)) {
        self.write_delimited::<2>(field, |bytes| write(&mut Message { bytes }));
    }

    /// The tag and length in front of a message of `length` bytes.
    pub(super) fn begin(&mut self, field: u32, length: usize) {
        self.tag(field, DELIMITED);
        varint(self.bytes, length as u64);
    }

    /// Fields that many messages share, from `cache` if it has them.
    pub(super) fn append_shared(
        &mut self,
        cache: &'static LocalKey<RefCell<AttributeCache>>,
        shared: &SharedAttributes<'_>,
        write: fn(&mut Message<'_>, &SharedAttributes<'_>),
    ) {
        cache.with_borrow_mut(|cache| cache.append(self.bytes, shared, |bytes| write(&mut Message { bytes }, shared)));
    }

    /// Fields in encoded form.
    pub(super) fn append_encoded(&mut self, written: &[u8]) {
        self.bytes.extend_from_slice(written);
    }

    fn tag(&mut self, field: u32, kind: u32) {
        varint(self.bytes, u64::from(field << 3 | kind));
    }

    /// A field that `write` appends, with its length in front.
    // The length is known last and itself takes one to five bytes. `GUESS` bytes are left for it; a wrong guess moves
    // the field, which a second pass to compute lengths would cost always.
    fn write_delimited<const GUESS: usize>(&mut self, field: u32, write: impl FnOnce(&mut Vec<u8>)) {
        self.tag(field, DELIMITED);
        let before = self.bytes.len();
        self.bytes.extend_from_slice(&[0; GUESS]);
        let start = self.bytes.len();
        write(self.bytes);
        let length = Varint::of((self.bytes.len() - start) as u64);
        match self.bytes.get_mut(before..start) {
            Some(place) if place.len() == length.bytes().len() => place.copy_from_slice(length.bytes()),
            _ => drop(self.bytes.splice(before..start, length.bytes().iter().copied())),
        }
    }
}

/// An integer in groups of seven bits, the lowest first. All bytes but the last have the highest bit set.
struct Varint {
    bytes: [u8; 10],
    length: usize,
}

impl Varint {
    fn of(mut value: u64) -> Self {
        let (mut bytes, mut length) = ([0; 10], 1);
        for byte in &mut bytes {
            *byte = (value & 0x7f) as u8;
            value >>= 7;
            if value == 0 {
                break;
            }
            *byte |= 0x80;
            length += 1;
        }
        Self { bytes, length }
    }

    fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}

fn varint(bytes: &mut Vec<u8>, value: u64) {
    match u8::try_from(value) {
        // nearly all of them: tags and lengths
        Ok(short) if short < 0x80 => bytes.push(short),
        _ => bytes.extend_from_slice(Varint::of(value).bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::Message;

    fn written(write: impl FnOnce(&mut Message<'_>)) -> Vec<u8> {
        let mut bytes = Vec::new();
        write(&mut Message::new(&mut bytes));
        bytes
    }

    #[test]
    fn the_examples_of_the_encoding_guide_come_out() {
        assert_eq!(written(|message| message.varint(1, 150)), [0x08, 0x96, 0x01]);
        assert_eq!(written(|message| message.bytes(2, b"testing")), b"\x12\x07testing");
        assert_eq!(written(|message| message.message(3, |inner| inner.varint(1, 150))), [0x1a, 0x03, 0x08, 0x96, 0x01]);
        assert_eq!(written(|message| message.text(2, |text| text.extend_from_slice(b"16"))), b"\x12\x0216");
        assert_eq!(written(|message| message.fixed32(16, 1)), [0x85, 0x01, 1, 0, 0, 0]);
    }

    #[test]
    fn a_message_has_its_length_before_it_however_long() {
        for length in [0, 1, 127, 128, 300, 16_383, 16_384, 100_000, 2_097_152] {
            let inner = written(|message| message.bytes(2, &vec![7; length]));
            let told = written(|message| message.bytes(1, &inner));
            assert_eq!(written(|message| message.message(1, |it| it.append_encoded(&inner))), told, "{length}");
            assert_eq!(written(|message| message.long_message(1, |it| it.append_encoded(&inner))), told, "{length}");
        }
    }

    #[test]
    fn the_largest_integer_has_ten_bytes() {
        let max = written(|message| message.varint(1, u64::MAX));
        assert_eq!(max, [0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]);
    }
}
