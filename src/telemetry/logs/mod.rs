//! What the gateway logs: one line a request (the access log), and its own messages (the application log).

pub(super) mod access_log;
pub(super) mod application_log;
pub(super) mod fields;
mod human;
pub(super) mod json;
mod level;
pub(super) mod line_writer;
mod rate_limited_log;
pub(super) mod sampling;
pub(super) mod unknown_operation;
pub(super) mod unknown_version;

pub use access_log::Output;
pub use application_log::{ApplicationLog, LogStartError};
pub use human::ShortLine;
pub use level::LevelHandle;
pub use rate_limited_log::{RateLimitedLog, Suppressed};
