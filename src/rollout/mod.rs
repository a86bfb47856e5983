//! From shadow to enforce: what a decision log says of the policies in force, and what others would have made of it.
//!
//! A [`RolloutReport`] counts what each policy said, so that a person knows which can be promoted and which are dead. A [`Replay`]
//! judges each recorded request again by other policies and tells what would change. Both take entries one by one, and their
//! memory is bounded whatever the log holds.

mod accumulator;
mod advice;
mod caller;
mod limit_use;
mod recorded_request;
mod replay;
mod report;
mod tally;

pub use accumulator::Accumulator;
pub use advice::{Advice, PromotionCriteria};
pub use caller::caller;
pub use limit_use::LimitUse;
pub use replay::{Examples, PolicyChange, Replay};
pub use report::{ObservedPeriod, PolicyUse, RolloutReport};
pub use tally::Tally;
