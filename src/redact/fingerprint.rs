//! Keyed fingerprints, by which equal secrets are recognised without being shown.

use aws_lc_rs::hmac;
use std::fmt;
use zeroize::Zeroize as _;

/// A keyed fingerprint of a secret. Equal secrets have equal fingerprints under one key; it reveals nothing else.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint(pub u64);

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Makes fingerprints (HMAC-SHA256, RFC 2104, cut to 64 bits).
///
/// Without the key, a guessed secret cannot be compared with a log line. Each process has a random key, so lines of two processes
/// cannot be joined by it.
#[derive(Clone)]
pub struct Fingerprinter {
    key: hmac::Key,
}

impl Fingerprinter {
    /// A fingerprinter with a random key.
    pub fn random() -> Self {
        let mut key: [u8; 32] = rand::random();
        let fingerprinter = Self::with_key(&key);
        // `hmac::Key` holds a copy of its own; this one would stay on the stack
        key.zeroize();
        fingerprinter
    }

    /// A fingerprinter with this key.
    pub fn with_key(key: &[u8]) -> Self {
        Self { key: hmac::Key::new(hmac::HMAC_SHA256, key) }
    }

    /// The fingerprint of `secret`. Costs about 0.3 us, since the key's blocks are hashed once, in [`Fingerprinter::with_key`].
    pub fn fingerprint(&self, secret: &[u8]) -> Fingerprint {
        let tag = hmac::sign(&self.key, secret);
        // 64 bits are enough to tell the keys of one process apart, and fit a log field
        Fingerprint(tag.as_ref().iter().take(8).fold(0, |bits, byte| bits << 8 | u64::from(*byte)))
    }
}

impl fmt::Debug for Fingerprinter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // without the key
        f.write_str("Fingerprinter")
    }
}

#[cfg(test)]
mod tests {
    use super::{Fingerprint, Fingerprinter};

    #[test]
    fn one_secret_has_one_fingerprint_under_one_key_and_another_under_another() {
        let (one, other) = (Fingerprinter::random(), Fingerprinter::random());
        let secret = b"sk_test_portcullis";
        assert_eq!(one.fingerprint(secret), one.clone().fingerprint(secret));
        assert_ne!(one.fingerprint(secret), other.fingerprint(secret));
        assert_ne!(one.fingerprint(secret), one.fingerprint(b"sk_test_portculliS"));
    }

    #[test]
    fn a_fingerprint_is_sixteen_hex_digits() {
        assert_eq!(Fingerprint(0xab).to_string(), "00000000000000ab");
        assert_eq!(format!("{:?}", Fingerprint(u64::MAX)), "ffffffffffffffff");
    }
}
