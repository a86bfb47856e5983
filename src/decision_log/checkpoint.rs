//! Signed checkpoints of a chain: an Ed25519 signature of its last link, which only the holder of the private key can make.
//!
//! The hashes of a chain need no key, so that a person who may write the files could make every line again. A checkpoint proves all
//! lines before it, and the public key alone verifies it.

use super::chain::ChainEnd;
use super::marker::MarkerEvent;
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{PrivatePkcs8KeyDer, SubjectPublicKeyInfoDer};
use std::fmt::Write as _;

/// Most lines between two checkpoints.
pub const EVERY: u64 = 1000;

/// What precedes the 32 bytes of the key in a `SubjectPublicKeyInfo` of Ed25519 (RFC 8410, section 4).
const SPKI_PREFIX: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// A file does not hold the key that is needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointKeyError {
    /// It has no private key.
    #[error("has no private key of Ed25519 in PEM (PKCS #8)")]
    Private,
    /// It has no public key.
    #[error("has no public key of Ed25519 in PEM")]
    Public,
}

/// Signs checkpoints with a private key.
#[derive(Debug)]
pub struct CheckpointSigner(Ed25519KeyPair);

/// A public key, which verifies checkpoints.
#[derive(Clone, Debug)]
pub struct CheckpointKey(Vec<u8>);

impl CheckpointSigner {
    /// Reads the private key from PEM.
    ///
    /// # Errors
    ///
    /// [`CheckpointKeyError::Private`].
    pub fn from_pem(pem: &[u8]) -> Result<Self, CheckpointKeyError> {
        let der = PrivatePkcs8KeyDer::from_pem_slice(pem).map_err(|_| CheckpointKeyError::Private)?;
        // OpenSSL writes the private half only, from which the public one is computed
        let key = Ed25519KeyPair::from_pkcs8_maybe_unchecked(der.secret_pkcs8_der());
        key.map(Self).map_err(|_| CheckpointKeyError::Private)
    }

    /// The line, not yet chained, that signs the chain up to `end`.
    pub fn checkpoint(&self, time: &str, end: &ChainEnd) -> String {
        let message = message(end.sequence, end.hash.as_deref());
        let mut line = MarkerEvent::Checkpoint.head(time);
        // which of several keys it is, for those who verify with another one
        line.push_str(r#","key":""#);
        push_hex(&mut line, self.0.public_key().as_ref());
        line.push_str(r#"","signature":""#);
        push_hex(&mut line, self.0.sign(message.as_bytes()).as_ref());
        line.push_str(r#""}"#);
        line
    }
}

impl CheckpointKey {
    /// Reads the public key from PEM.
    ///
    /// # Errors
    ///
    /// [`CheckpointKeyError::Public`].
    pub fn from_pem(pem: &[u8]) -> Result<Self, CheckpointKeyError> {
        let der = SubjectPublicKeyInfoDer::from_pem_slice(pem).map_err(|_| CheckpointKeyError::Public)?;
        let key = der.as_ref().strip_prefix(&SPKI_PREFIX).filter(|key| key.len() == 32);
        key.map(|key| Self(key.to_vec())).ok_or(CheckpointKeyError::Public)
    }

    /// Whether `signature`, in hexadecimal, signs the line with this sequence number and hash.
    pub fn verify(&self, sequence: u64, hash: Option<&str>, signature: &str) -> bool {
        let key = UnparsedPublicKey::new(&ED25519, &self.0);
        from_hex(signature).is_some_and(|signature| key.verify(message(sequence, hash).as_bytes(), &signature).is_ok())
    }
}

// begins with its purpose, so that a signature of anything else by the same key proves nothing here
fn message(sequence: u64, hash: Option<&str>) -> String {
    format!("portcullis decision log checkpoint\n{sequence}\n{}", hash.unwrap_or_default())
}

fn push_hex(text: &mut String, bytes: &[u8]) {
    for byte in bytes {
        // writing to a `String` cannot fail
        let _ = write!(text, "{byte:02x}");
    }
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    // only digits: `from_str_radix` takes a sign, too
    if !text.bytes().all(|digit| digit.is_ascii_hexdigit()) || !text.len().is_multiple_of(2) {
        return None;
    }
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::{CheckpointKey, CheckpointKeyError, CheckpointSigner};
    use crate::decision_log::chain::ChainEnd;

    #[test]
    fn a_signature_is_of_one_line_and_by_one_key() {
        let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
        let (private, public_pem) = (key.serialize_pem(), key.public_key_pem());
        let signer = CheckpointSigner::from_pem(private.as_bytes()).unwrap();
        let public = CheckpointKey::from_pem(public_pem.as_bytes()).unwrap();
        let end = ChainEnd { sequence: 7, hash: Some("ab".to_owned()) };
        let line: serde_json::Value = serde_json::from_str(&signer.checkpoint("t", &end)).unwrap();
        let signature = line["signature"].as_str().unwrap();
        assert!(public.verify(7, Some("ab"), signature));
        assert!(!public.verify(8, Some("ab"), signature) && !public.verify(7, Some("ac"), signature));
        assert!(
            !public.verify(7, Some("ab"), "zz") && !public.verify(7, Some("ab"), "") && !public.verify(7, None, "")
        );
        assert_eq!(CheckpointSigner::from_pem(public_pem.as_bytes()).unwrap_err(), CheckpointKeyError::Private);
        assert_eq!(CheckpointKey::from_pem(private.as_bytes()).unwrap_err(), CheckpointKeyError::Public);
        let other = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
        assert!(CheckpointSigner::from_pem(other.serialize_pem().as_bytes()).is_err());
        assert!(CheckpointKey::from_pem(other.public_key_pem().as_bytes()).is_err());
    }

    #[test]
    fn a_key_of_openssl_is_read() {
        // the example of RFC 8410, section 10.3
        let pem = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n-----END PRIVATE KEY-----\n";
        let public = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----\n";
        let (signer, key) = (CheckpointSigner::from_pem(pem.as_bytes()), CheckpointKey::from_pem(public.as_bytes()));
        let line = signer.unwrap().checkpoint("t", &ChainEnd::default());
        let line: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert!(key.unwrap().verify(0, None, line["signature"].as_str().unwrap()));
    }
}
