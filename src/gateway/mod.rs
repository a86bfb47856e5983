//! The layers that every request passes, and what they share.
//!
//! ```text
//! Observe > Limit > Admit > Inspect > Meter > Forward
//!    |         |       |        |        |       |
//!  record     429   400/405    4xx      429   502/504
//! ```
//!
//! [`stack()`] composes the layers of [`layers`]. The type of a request records how far it has come: a [`Call`] is observed,
//! an [`Admitted`] has an unambiguous head, a [`Permitted`] carries the judge's permit. A layer that refuses a request
//! returns a [`Refusal`], which [`layers::observe`] turns into a response.

mod body;
mod call;
mod detach;
mod dry_run;
mod gate;
mod headers;
mod layers;
mod policy_layer;
mod recorder;
mod refusal;
mod stack;
mod worker_context;

pub use body::counted::CountedBody;
pub use body::response::{ResponseBody, ResponseBodyError};
pub use call::{Admitted, Call, Charge, Permitted};
pub use detach::DetachOnDrop;
pub use dry_run::{DryRun, DryRunResult, JudgedRun};
pub use gate::Gate;
pub use layers::meter::{Clock, MeteredBody};
pub use policy_layer::{PolicyLayer, PolicyService};
pub use recorder::RecordObserver;
pub use refusal::Refusal;
pub use stack::{Stack, stack};
pub use worker_context::WorkerContext;
