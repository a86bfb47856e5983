//! From bytes to decision: the one pure function that proxy, command line, benches and tests call.
//!
//! ```text
//! bytes -> document -> contract's schema -> policies -> violations -> Permit, or the reason to refuse
//! ```
//!
//! All violations are collected. What cannot be judged is refused: an unreadable body, a rule that fails.

mod bundle;
mod compile;
mod decide;
mod findings;
mod head_reads;
mod observer;
mod permit;
mod proof;
mod revision;
mod shadow;
mod shadow_bundle;
mod unchanged_rules;
pub mod violation;
mod waive;
mod weaker_settings;

pub use bundle::{Bundle, BundleError, PolicyText};
pub use decide::{Judgement, decide, permit_unread};
pub use findings::above_limit;
pub use head_reads::HeadAmbiguity;
pub use observer::{JudgeStep, Observer, PolicyTraces};
pub use permit::Permit;
pub use proof::prove;
pub use shadow::{RuleDifference, ShadowDecision, ShadowJudgement, decide_shadow};
pub use shadow_bundle::ShadowChange;
pub use unchanged_rules::RuleLints;
pub use waive::{WaiverOutcomes, applied_waiver, waivers_of_limit};
