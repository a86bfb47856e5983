//! What of a request may be shown, and in which form.

/// A keyed fingerprint of a secret: equal secrets have equal fingerprints within one process, and nothing else follows from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Fingerprint(pub u64);

/// Placeholder until the redaction branch lands.
pub fn escaped_name(name: &str) -> String {
    name.chars().take(64).collect()
}
