//! From shadow to enforce: what a decision log says of the policies in force, and what others would have made of it.
//!
//! A [`Report`] counts what each policy said, so that a person knows which can be promoted and which are dead. A [`Replay`]
//! judges each recorded request again by other policies and tells what would change. Both take entries one by one, and their
//! memory is bounded whatever the log holds.

mod advice;
mod caller;
mod counts;
mod limited;
mod recorded;
mod replay;
mod report;
mod tally;

pub use advice::{Advice, Expectation};
pub use caller::caller;
pub use counts::Counts;
pub use limited::LimitUse;
pub use replay::{Change, Examples, Replay};
pub use report::{Period, PolicyUse, Report};
pub use tally::Tally;
