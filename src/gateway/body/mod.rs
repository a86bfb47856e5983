//! Bodies: whether a request has one, reading the rest of a refused one, and the wrapper of a response's.

pub(super) mod counted;
pub(super) mod drain;
pub(super) mod presence;
pub(super) mod response;
pub(super) mod response_deadline;
