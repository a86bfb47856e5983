//! Mutants of policies and limits: small changes of their files, each of which a case should notice.
//!
//! [`mutate`] makes the mutants of each rule of a bundle, and has the cases of the suites that the rule judges decide by each.
//! A mutant is killed if a case fails by it. One by which all pass has survived: a part of the rule is not tested.

mod change;
mod difference;
mod expressions;
mod limit;
mod mutant;
mod policy;
mod report;
mod values;

pub use change::ChangedLines;
#[cfg(test)]
pub(crate) use report::mutant_bundles;
pub use report::{MutationReport, Survivor, mutate};
