//! The forms in which parts of a request may be shown in logs, metrics, traces and responses.
//!
//! Nothing of a request is shown verbatim. Everything shown passes through a function of this module, is a name of a closed list
//! (a reason, an outcome, a key class), or is a name that the contract or a policy declares.

mod escaped;
mod fingerprint;
mod mask;
mod method;
mod name;
mod pointers;
mod response_id;
mod unknown_name;
mod user_agent;

pub use escaped::{Escaped, needs_escape};
pub use fingerprint::{Fingerprint, Fingerprinter};
pub use mask::{MaskCursor, Masks};
pub use method::{OTHER, method_label};
pub use name::escaped_name;
pub use pointers::{PointerCursor, PointerSet, steps};
pub use response_id::{ResponseId, ResponseIds};
pub use unknown_name::{MASKED_NAME, field_like_name};
pub use user_agent::{AgentVersion, UserAgent};
