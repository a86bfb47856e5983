//! From shadow to enforcement: counts a decision log by policy, and replays it with other policies.
//!
//! A [`RolloutReport`] counts the outcomes of each policy, which shows the policies to promote and those that never match. A
//! [`Replay`] judges each recorded request again by other policies and counts what changes. Both take entries one by one, in
//! memory that is bounded whatever the log holds.

mod accumulator;
mod advice;
mod caller;
mod example_decisions;
mod limit_use;
mod policy_replay;
mod recorded_request;
mod replay;
mod report;
mod shadow_use;
mod tally;

pub use accumulator::Accumulator;
pub use advice::{Advice, PromotionCriteria};
pub use caller::caller;
pub use example_decisions::ExampleDecisions;
pub use limit_use::LimitUse;
pub use replay::{PolicyChange, Replay};
pub use report::{ObservedPeriod, PolicyUse, RolloutReport};
pub use shadow_use::{ShadowRuleUse, ShadowUse};
pub use tally::Tally;
