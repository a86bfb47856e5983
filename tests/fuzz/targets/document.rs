//! Whatever the strict reader accepts, `serde_json` reads as the same.
#![no_main]

#[path = "../../it/security/properties/document.rs"]
mod property;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| property::holds(bytes));
