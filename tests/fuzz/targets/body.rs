//! No body that a lenient decoder takes for a forbidden one gets past the rule against it.
#![no_main]

mod bundle;
#[path = "../../it/security/properties/body.rs"]
mod property;

libfuzzer_sys::fuzz_target!(|body: &[u8]| property::holds(bundle::shipped(), body));
