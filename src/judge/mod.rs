//! From bytes to decision: the one pure function that proxy, command line, benches and tests call.
//!
//! ```text
//! bytes -> document -> contract's schema -> policies -> violations -> Permit, or the reason there is none
//! ```
//!
//! All violations are collected. Whatever could not be judged is refused: an unreadable body, a rule that fails.

mod bundle;
mod decide;
mod permit;
pub mod violation;
mod waive;

pub(crate) use bundle::manifests;
pub use bundle::{Bundle, BundleError, PolicyText};
pub use decide::{Judgement, Step, decide, decide_in_steps, decide_recorded, permit_unread};
pub use permit::{Content, Permit};
