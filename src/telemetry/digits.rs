//! Numbers and addresses as text in a buffer, without the formatting machinery, which takes as long for an address as all the
//! rest of a span.

use std::io::Write as _;
use std::net::IpAddr;

/// Appends `address` as text.
pub(super) fn address(bytes: &mut Vec<u8>, address: IpAddr) {
    let IpAddr::V4(address) = address else {
        // writing to a Vec can't fail
        let _ = write!(bytes, "{address}");
        return;
    };
    for (place, octet) in address.octets().into_iter().enumerate() {
        if place > 0 {
            bytes.push(b'.');
        }
        if octet >= 100 {
            bytes.push(b'0' + octet / 100);
        }
        if octet >= 10 {
            bytes.push(b'0' + octet / 10 % 10);
        }
        bytes.push(b'0' + octet % 10);
    }
}

/// `N` bytes as `M`, twice as many, lower-case hex digits.
pub(super) fn hex<const N: usize, const M: usize>(bytes: [u8; N]) -> [u8; M] {
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
    use super::{address, hex};
    use std::net::IpAddr;

    #[test]
    fn an_address_reads_as_the_standard_library_writes_it() {
        for text in ["0.0.0.0", "127.0.0.1", "10.20.30.40", "255.199.99.9", "::1", "2001:db8::8:800:200c:417a"] {
            let mut bytes = Vec::new();
            address(&mut bytes, text.parse::<IpAddr>().unwrap());
            assert_eq!(String::from_utf8(bytes).unwrap(), text);
        }
    }

    #[test]
    fn hex_has_two_digits_a_byte() {
        assert_eq!(&hex::<3, 6>([0x00, 0x9a, 0xff]), b"009aff");
    }
}
