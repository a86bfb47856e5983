//! The language server: what `portcullis check` finds while a policy is written, and help with writing it.
//!
//! [`transport`] reads messages, [`server`] answers them one after the other, [`workspace`] holds the open files and checks them as
//! the command does. Files that are being typed are rarely valid:
//! [`outline`] reads them all the same, for [`completion`] and [`inspection`].

mod branch_test;
mod code_action;
mod completion;
mod diagnostics;
mod document;
mod expression;
mod features;
mod inspection;
mod line_index;
mod outline;
mod schema;
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
