//! A head that hyper gets to read says in one way how far its body goes.
#![no_main]

#[path = "../../it/security/properties/head.rs"]
mod property;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| property::holds(bytes));
