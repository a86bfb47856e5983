//! Tests of policies: files of requests beside a policy, each with the decision that is expected.
//!
//! [`load()`] compiles test files to [`Suite`]s, or returns their errors. [`Suite::run`] has the judge decide each case, and
//! compares. [`PolicyCoverage`] lists the branches of the policies that no case reached. All of it is pure.

mod actual;
mod branch_case;
mod compare;
mod counters;
mod coverage;
mod load;
mod mutation;
mod request;
mod request_text;
mod run;
mod search;
mod source;

pub use actual::ActualDecision;
pub use branch_case::{BranchCase, WantedBranch, find_branch_case, passes};
pub use compare::Mismatch;
pub(crate) use counters::Counters;
pub use coverage::{Branch, PolicyCoverage};
pub(crate) use load::rules_beside;
pub use load::{Suite, TestCase, TestText, load, syntax_errors};
#[cfg(test)]
pub(crate) use mutation::mutant_bundles;
pub use mutation::{ChangedLines, MutationReport, Survivor, mutate};
pub(crate) use request::{TestRequest, encode, example};
pub use run::CaseResult;
pub(crate) use search::RequestSearch;

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
