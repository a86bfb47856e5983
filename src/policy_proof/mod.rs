//! Proofs of a change of policies: for each rule and for all of them, whether the new version is stricter or looser for some request.
//!
//! A difference is shown by a request that both versions judged. That there is none is proven by enumeration of what the
//! expressions read ([`crate::policy`] compares the versions). What is neither shown nor proven is not decided. All of it is pure.

mod bundle;
mod limit;
mod request_maker;
mod rule;
#[cfg(test)]
mod tests;
mod verdict;

pub use bundle::{BundleProof, prove};
pub use rule::{RuleKind, RuleProof};
pub use verdict::{ChangeVerdict, Difference, Direction, Finding};
