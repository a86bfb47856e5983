//! The commands, run as a person runs them.

mod check_rounds;
mod commands;
mod compressed_logs;
mod environment_names;
mod explain;
mod first_use;
mod hostile_names;
mod instance;
mod lsp;
mod prove;
mod review_action;
pub(crate) mod rollout;
mod secret_files;
mod tail;
mod unprovable_identity;
