//! What is kept of a decision, so that it can be explained, counted and judged again later without a value of the request.
//!
//! An [`Entry`] is one line of JSON. What it holds of a request is its [`Skeleton`]: which declared fields are there, of which
//! types and sizes.

pub mod chain;
mod entry;
mod evidence;
mod keeping;
mod named;
mod skeleton;
mod sketch;
mod text;
pub mod verify;
mod word;

pub use entry::{Body, Client, Entry, Evaluated, Facts, Held, Part, Rule, Said, VersionSource, Violation};
pub use evidence::Evidence;
pub use keeping::{Fingerprints, Keeping};
pub use named::Named;
pub use skeleton::{Number, Removal, Shape, Skeleton};
pub use text::Text;
