//! Lints: what loads and yet is likely an error, such as a rule that another operation bypasses.
//!
//! `portcullis check` reports them as warnings, with `--strict` as errors.

pub(super) mod bypass;
mod identity;
mod instance;
pub(super) mod null_guard;
pub(super) mod operation_types;
mod params;
mod shadowed;
pub(super) mod unused;
pub(super) mod value_guard;
mod waiver;

pub use identity::{ProvableIdentity, lint_identity};
pub use instance::lint_instance;
pub use params::lint_params;
pub use shadowed::lint_shadowed;
pub use waiver::lint_waiver;

use super::Policy;
use super::limit::{Limit, RequestLimit};
use super::source::RequestPolicy;
use crate::contract::Contract;
use crate::diagnostic::Diagnostic;
use crate::manifest::Manifest;

/// The lints of one policy, in the order in which `portcullis check` prints them.
pub fn lint_policy(manifest: &Manifest<RequestPolicy>, policy: &Policy, contract: &Contract) -> Vec<Diagnostic> {
    let mut lints = bypass::lint_policy(manifest, policy, contract);
    let null_guards = null_guard::lint_policy(manifest, policy, contract);
    // an expression that takes no null is to be mended first: it may fail for other values for the same reason
    if null_guards.is_empty() {
        lints.extend(value_guard::lint_policy(manifest, policy, contract));
    }
    lints.extend(null_guards);
    lints.extend(operation_types::lint_policy(manifest, policy, contract));
    lints.extend(unused::lint_policy(manifest));
    lints
}

/// The lints of one limit.
pub fn lint_limit(manifest: &Manifest<RequestLimit>, limit: &Limit, contract: &Contract) -> Vec<Diagnostic> {
    let mut lints = bypass::lint_limit(manifest, limit, contract);
    let null_guards = null_guard::lint_limit(manifest, limit, contract);
    // an expression that takes no null is to be mended first: it may fail for other values for the same reason
    if null_guards.is_empty() {
        lints.extend(value_guard::lint_limit(manifest, limit, contract));
    }
    lints.extend(null_guards);
    lints.extend(unused::lint_limit(manifest));
    lints
}
