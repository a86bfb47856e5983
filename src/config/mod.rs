//! The configuration file, flags and environment, checked.

pub mod gateway;
