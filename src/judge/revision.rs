//! The revision of a bundle: a hash by which records identify the bundle.

use super::bundle::PolicyText;
use crate::contract::Contract;
use crate::contract::strictness::Strictness;
use aws_lc_rs::digest;
use std::fmt::Write;
use std::sync::Arc;

/// The first 12 hex digits of a SHA-256 over everything that decides: the contract and its strictness, the policy texts in
/// order, and the version of the program.
pub(super) fn revision(contract: &Contract, texts: &[PolicyText], strictness: &Strictness) -> Arc<str> {
    let mut context = digest::Context::new(&digest::SHA256);
    let version = contract.default_version();
    let settings = format!("{}\0{version}\0{strictness:?}\0", env!("CARGO_PKG_VERSION"));
    context.update(settings.as_bytes());
    // Another version of the program may judge the same files otherwise, so it is part of the hash, above.
    context.update(contract.fingerprint());
    for text in texts {
        // The length separates the texts: without it, moving the end of one file to the start of the next gives the same hash.
        context.update(&text.text.len().to_le_bytes());
        context.update(text.text.as_bytes());
    }
    let mut revision = String::new();
    // 48 bits identify a bundle among the few that a gateway ever has, and fit on a line of a log.
    for byte in context.finish().as_ref().iter().take(6) {
        // writing to a `String` cannot fail
        let _ = write!(revision, "{byte:02x}");
    }
    revision.into()
}
