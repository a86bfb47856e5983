//! Addresses, ids and times as text.
//!
//! They are written digit by digit: every span and log line has them, and `write!` takes as long for one address as the
//! rest of a span.

mod timestamp;

pub(super) use timestamp::Rfc3339;

use std::fmt::{self, Write as _};
use std::net::IpAddr;

/// Longest text of an address.
const LONGEST: usize = "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255".len();

/// An IP address in text form, without an allocation.
pub(in crate::telemetry) struct AddressText {
    text: [u8; LONGEST],
    length: usize,
}

impl AddressText {
    pub(in crate::telemetry) fn of(address: IpAddr) -> Self {
        let mut text = Self { text: [0; LONGEST], length: 0 };
        let IpAddr::V4(address) = address else {
            // the buffer has room for the longest address
            let _ = write!(text, "{address}");
            return text;
        };
        for (place, octet) in address.octets().into_iter().enumerate() {
            if place > 0 {
                text.push(b'.');
            }
            if octet >= 100 {
                text.push(b'0' + octet / 100);
            }
            if octet >= 10 {
                text.push(b'0' + octet / 10 % 10);
            }
            text.push(b'0' + octet % 10);
        }
        text
    }

    pub(in crate::telemetry) fn ascii(&self) -> &[u8] {
        self.text.get(..self.length).unwrap_or_default()
    }

    fn push(&mut self, character: u8) {
        if let Some(place) = self.text.get_mut(self.length) {
            *place = character;
            self.length += 1;
        }
    }
}

impl fmt::Write for AddressText {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        text.bytes().for_each(|character| self.push(character));
        Ok(())
    }
}

/// `N` bytes as `M = 2 * N` lower-case hex digits.
pub(in crate::telemetry) fn hex<const N: usize, const M: usize>(bytes: [u8; N]) -> [u8; M] {
    const { assert!(M == 2 * N) };
    let mut digits = [0; M];
    for (pair, byte) in digits.as_chunks_mut::<2>().0.iter_mut().zip(bytes) {
        *pair = [digit(byte >> 4), digit(byte & 15)];
    }
    digits
}

const fn digit(nibble: u8) -> u8 {
    if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 }
}

#[cfg(test)]
mod tests {
    use super::{AddressText, hex};
    use std::net::IpAddr;

    #[test]
    fn an_address_reads_as_the_standard_library_writes_it() {
        for text in [
            "0.0.0.0",
            "127.0.0.1",
            "10.20.30.40",
            "255.199.99.9",
            "::1",
            "2001:db8::8:800:200c:417a",
            "::ffff:255.255.255.255",
        ] {
            assert_eq!(AddressText::of(text.parse::<IpAddr>().unwrap()).ascii(), text.as_bytes());
        }
    }

    #[test]
    fn hex_has_two_digits_a_byte() {
        assert_eq!(&hex::<3, 6>([0x00, 0x9a, 0xff]), b"009aff");
    }
}
