//! The layers that a request passes, each in a file of its own; [`stack`] puts them together.
//!
//! ```text
//! Observe > Limit > Admit > Inspect > Meter > Forward
//!    |         |       |        |        |       |
//!  record     429   400/405    4xx      429   502/504
//! ```
//!
//! What a layer hands to the next says what has been done: a [`Call`] is observed, an [`Admitted`] has a head with one
//! meaning, a [`Permitted`] holds the judge's permit. A layer that will not go on returns a [`Refusal`], which [`observe`]
//! turns into an answer.

mod admit;
mod answer;
mod authority;
mod budget;
mod call;
mod drain;
mod dry_run;
mod forward;
mod gate;
mod headers;
mod inspect;
mod limit;
mod media_type;
mod meter;
mod observe;
mod onward;
mod policy_layer;
mod refuse;
mod shared;
mod stack;
mod time_left;
mod void;

pub use answer::{AnswerBody, BrokenOff};
pub use call::{Admitted, Call, Charge, Permitted};
pub use dry_run::{DryRun, JudgedRun, Way};
pub use gate::Gate;
pub use meter::{Clock, MeteredBody};
pub use policy_layer::{Judged, PolicyLayer, PolicyService};
pub use refuse::Refusal;
pub use shared::Shared;
pub use stack::{Stack, stack};
