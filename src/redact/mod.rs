//! What of a request may be shown, and in which form.
//!
//! Nothing of a request is shown as it came. What is shown goes through one of the functions here, or is a word of a
//! closed list (a reason, an outcome, a key class), or a name that the contract or a policy declares.

mod fingerprint;
mod harmless;
mod mask;
mod method;
mod name;
mod pointers;
mod user_agent;

pub use fingerprint::{Fingerprint, Fingerprinter};
pub use harmless::{Harmless, steers};
pub use mask::{Masking, Masks};
pub use method::{OTHER, method_label};
pub use name::escaped_name;
pub use pointers::{Followed, Pointers, steps};
pub use user_agent::{AgentVersion, UserAgent};
