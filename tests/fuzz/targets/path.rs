//! No path that a lenient router takes for an inspected operation gets past as anything else.
#![no_main]

mod bundle;
#[path = "../../it/security/properties/path.rs"]
mod property;

libfuzzer_sys::fuzz_target!(|path: &str| property::holds(bundle::shipped(), path));
