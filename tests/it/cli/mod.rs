//! The commands, run as a person runs them.

mod commands;
mod compressed_logs;
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
