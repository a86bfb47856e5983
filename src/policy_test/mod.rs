//! Tests of policies: requests written down beside a policy, each with what must become of it.
//!
//! [`load()`] makes [`Suite`]s of files, everything wrong with them told at its place. [`Suite::run`] asks the judge and tells
//! of each case what is not as expected; [`Coverage`] tells what of the policies no case has shown. All of it is pure.

mod actual;
mod coverage;
mod load;
mod request;
mod run;
mod source;

pub use actual::ActualDecision;
pub use coverage::{Branch, Coverage};
pub use load::{Case, Suite, TestText, load, syntax_errors};
pub use run::{CaseResult, Mismatch};

/// The JSON Schema of a test file, which gives editors completion, hover texts and checks.
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(source::PolicyTest).to_value()
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_schema_for_editors_is_the_codes() {
        assert!(
            include_str!("../../policies/policy-test.schema.json") == format!("{:#}\n", super::schema()),
            "run `cargo run -- schema policy-test > policies/policy-test.schema.json`"
        );
    }
}
