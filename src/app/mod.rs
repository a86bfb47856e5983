//! The composition root: from a configuration file to a running gateway.
//!
//! Everything that a start reads or opens is read or opened here: configuration, policies, contract, keys, certificates,
//! listeners and log files. Nothing here prints; errors and warnings are returned to the caller, which shows them.

mod built_in;
mod bundle;
mod certificates;
mod check;
mod check_memory;
mod configuration;
mod contract_folder;
mod core_dumps;
pub mod decision_log;
mod descriptors;
mod error;
mod exporters;
mod file_set;
mod listeners;
mod load_view;
mod panic_hook;
mod policy_files;
mod policy_texts;
mod reload;
mod reload_loop;
mod reload_result;
mod restart_keys;
mod run;
mod secret_files;
mod service_manager;
mod signals;
mod socket_activation;
mod socket_origin;
mod sources;
mod start_files;
mod takeover;
mod warnings;

pub use built_in::{BUILT_IN, GATEWAY, POLICIES, QUICKSTART, built_in_files};
pub use bundle::{
    TestedBundle, compile_policies, compile_tested_policies, load_bundle, load_contract_texts, load_suites, promote,
};
pub use check::{CheckScope, CheckedConfiguration};
pub use configuration::{Configuration, PolicyOrigin, QUICKSTART_FILE};
pub use error::Error;
pub use policy_files::policy_of_test;
pub use policy_texts::SourceTexts;
pub use reload::{ReloadError, load_replacement};
pub use run::{RunSettings, Started, run};
pub use secret_files::secret_file_warnings;
pub use start_files::start_file_errors;
use warnings::lints;
pub use warnings::{provable_identity, start_warnings};
