//! No sequence of changes of the files and of reloads leaves anything in force but one complete version.
#![no_main]

#[path = "../../it/security/properties/reload.rs"]
mod property;

libfuzzer_sys::fuzz_target!(|steps: &[u8]| property::holds(steps));
