//! The corpus of attacks, fired at a running gateway: what reached the upstream behind it is a hole.
//!
//! The cases are data (`corpus/*.yaml`); nothing here knows how a gateway works, so any gateway can be tried. What counts
//! is what the recording upstream gets, in the most lenient reading; the status of an answer is a second signal only.

mod arrival;
mod case;
mod effect;
mod expand;
mod fire;
mod frames;
mod recording;
mod report;
mod route;
mod target;
mod template;
mod verdict;

pub use case::{CaseProtocol, CorpusError, Place, corpus};
pub use fire::run;
pub use recording::Recording;
pub use report::{CaseFinding, SelftestReport};
pub use target::{Target, TargetError};
