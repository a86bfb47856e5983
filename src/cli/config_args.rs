//! The argument that names the configuration.

use super::exit::CommandError;
use super::run;
use crate::app::Configuration;
use crate::config::overrides::Overrides;
use crate::files::FileView;
use clap::Args;
use std::path::{Path, PathBuf};

/// Accepted before and after the command.
#[derive(Debug, Default, Args)]
pub(super) struct ConfigArgs {
    /// The configuration file
    ///
    /// Without it the first of these that exists: config/quickstart.yaml, /etc/portcullis/gateway.yaml,
    /// /etc/portcullis/config/gateway.yaml; or else the built-in quickstart.
    #[arg(
        long,
        global = true,
        help_heading = "Global options",
        value_name = "FILE",
        env = "PORTCULLIS_CONFIG",
        hide_env_values = true
    )]
    config: Option<PathBuf>,
}

impl ConfigArgs {
    /// The configuration file that flag or variable name.
    pub(super) fn file(&self) -> Option<&Path> {
        self.config.as_deref()
    }

    /// For commands that cannot override parts of the file.
    pub(super) fn load(&self) -> Result<Configuration, CommandError> {
        // only `run` has flags that override the file
        Ok(Configuration::load(self.file(), &Overrides::default())?)
    }

    /// As [`ConfigArgs::load`], with the errors of policies if the configuration is invalid, or with `policies` in place of
    /// its own if any are given.
    pub(super) fn load_with(&self, policies: &[PathBuf]) -> Result<Configuration, CommandError> {
        self.load_overridden(policies, &Overrides::default())
    }

    /// As [`ConfigArgs::load_with`], with the variables that override parts of the file for `run`.
    // else `check` would call a configuration valid that does not start, and show other addresses
    pub(super) fn load_as_run(&self, policies: &[PathBuf]) -> Result<Configuration, CommandError> {
        self.load_overridden(policies, &run::environment_overrides())
    }

    fn load_overridden(&self, policies: &[PathBuf], overrides: &Overrides) -> Result<Configuration, CommandError> {
        Ok(if policies.is_empty() {
            Configuration::load_with_policy_errors(&FileView::default(), self.file(), overrides)?
        } else {
            Configuration::load_for_policies(&FileView::default(), self.file(), policies, overrides)?
        })
    }
}
