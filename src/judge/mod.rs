//! From bytes to decision.

pub mod violation;
