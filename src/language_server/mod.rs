//! The language server: what `portcullis check` finds while a policy is written, and help with writing it.
//!
//! [`transport`] reads messages, [`server`] answers them one after the other, [`workspace`] holds the open files and checks them as
//! the command does.

mod diagnostics;
mod line_index;
mod server;
mod transport;
mod uri;
mod workspace;

pub use server::{SessionEnd, serve};

use crate::config::overrides::Overrides;
use std::path::PathBuf;

/// What the server checks beside the files that are open.
#[derive(Clone, Debug, Default)]
pub struct SessionSettings {
    /// The configuration file, as `check` takes it.
    pub config: Option<PathBuf>,
    /// What overrides parts of the file.
    pub overrides: Overrides,
}
