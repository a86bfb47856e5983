//! The extension libraries of CEL, one file each: its functions, their signatures, and what they give.
//!
//! No function takes `null` or a value that is not known, unless its documentation names that. A function pays for what it reads and for what it makes,
//! before it makes it.

mod arguments;
pub(super) mod encoders;
pub(super) mod format;
pub(super) mod lists;
pub(super) mod math;
pub(super) mod network;
pub(super) mod sets;
pub(super) mod strings;
