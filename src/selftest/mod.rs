//! The corpus of attacks, sent to a running gateway with a recording upstream behind it.
//!
//! The cases are data (`corpus/*.yaml`), and no code here knows how a gateway works, so any gateway can be tested. An attack
//! that reaches the upstream in its most lenient reading is a hole. The status of the response is a second signal only.

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
