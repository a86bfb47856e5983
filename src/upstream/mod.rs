//! Keep-alive connections to the BAPI, and the built-in stand-in for it.

pub mod embedded;
