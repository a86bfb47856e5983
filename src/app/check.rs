//! What is wrong, or likely wrong, with a configuration and its policies: the command and editors show the same.

use super::bundle::{EarlierBundle, compile_tested, lints_of_valid};
use super::check_memory::CheckMemory;
use super::sources::Sources;
use super::{
    Configuration, Error, SourceTexts, decision_log, lints, provable_identity, secret_file_warnings, start_file_errors,
};
use crate::config::gateway::Gateway;
use crate::config::overrides::Overrides;
use crate::diagnostic::Diagnostic;
use crate::files::{FileView, UnsavedTexts};
use crate::judge::Bundle;
use crate::policy::ProvableIdentity;
use std::path::PathBuf;
use std::sync::Arc;

/// What to check.
#[derive(Clone, Debug, Default)]
pub struct CheckScope {
    /// The configuration file, as [`Configuration::load`] takes it.
    pub config: Option<PathBuf>,
    /// What overrides parts of the file.
    pub overrides: Overrides,
    /// Policy files or folders, in place of the configured ones if there are any.
    pub policies: Vec<PathBuf>,
    /// Whether to open what only a start needs: certificates, keys and log files of the machine that it runs on.
    pub opens_files: bool,
}

/// What passed a check.
#[derive(Debug)]
pub struct CheckedConfiguration {
    /// The configuration, with the policies that were checked.
    pub configuration: Configuration,
    /// The compiled policies, whose tests pass.
    pub bundle: Bundle,
    /// The texts of its policies and of their tests.
    pub texts: SourceTexts,
    /// What is valid and yet likely an error.
    pub lints: Vec<Diagnostic>,
    memory: CheckMemory,
}

impl CheckScope {
    /// Loads the configuration. `unsaved` are texts to read in place of what is on disk.
    ///
    /// # Errors
    ///
    /// Every error in it, and in the policies that it names.
    pub fn load(&self, unsaved: &Arc<UnsavedTexts>) -> Result<Configuration, Error> {
        let (view, file) = (FileView::with_unsaved(unsaved), self.config.as_deref());
        if self.policies.is_empty() {
            Configuration::load_with_policy_errors(&view, file, &self.overrides)
        } else {
            Configuration::load_for_policies(&view, file, &self.policies, &self.overrides)
        }
    }

    /// Compiles the policies of `configuration`, which is of this scope, and runs their tests. Of `before` is used again what was found
    /// in files that did not change, and the contract if it is still the configured one.
    ///
    /// # Errors
    ///
    /// Every error that is found.
    pub fn check(
        &self,
        configuration: Configuration,
        unsaved: &Arc<UnsavedTexts>,
        before: Option<&CheckedConfiguration>,
    ) -> Result<CheckedConfiguration, Error> {
        let sources = Sources::read_with_unsaved(&configuration, unsaved)?;
        let gateway = &configuration.gateway;
        let before = before.map(|before| {
            let CheckedConfiguration { configuration, bundle, memory, .. } = before;
            EarlierBundle { gateway: &configuration.gateway, bundle, memory }
        });
        let tested = compile_tested(&configuration, &sources, before);
        let (bundle, mut memory) = tested.map_err(|error| self.with_file_errors(error, gateway))?;
        // for its errors only: a fingerprint of a secret is invalid, even if nothing is logged here
        decision_log::retention(gateway, &bundle.contract)?;
        decision_log::signer(gateway)?;
        let is_of_gateway = self.policies.is_empty();
        let provable = self.provable_identity(gateway);
        let instance = is_of_gateway.then_some(&*gateway.instance);
        memory.lints = bundle.lint_rules(&memory.lints);
        let mut lints = lints(&configuration, (&bundle, &memory.lints), &sources.texts, provable, instance);
        if self.opens_files && is_of_gateway {
            let errors = start_file_errors(gateway);
            if !errors.is_empty() {
                return Err(Error::Invalid(errors));
            }
            lints.extend(secret_file_warnings(gateway));
        }
        Ok(CheckedConfiguration { configuration, bundle, texts: sources.texts, lints, memory })
    }

    /// What linters find in those policies of `configuration` that are valid, beside the errors of [`Self::check`].
    pub fn lints_of_valid(&self, configuration: &Configuration, unsaved: &Arc<UnsavedTexts>) -> Vec<Diagnostic> {
        let sources = Sources::read_with_unsaved(configuration, unsaved);
        let provable = self.provable_identity(&configuration.gateway);
        sources.map(|sources| lints_of_valid(configuration, &sources, provable)).unwrap_or_default()
    }

    /// `error`, with the errors of what a start opens: the operator sees all of them in one round.
    fn with_file_errors(&self, error: Error, gateway: &Gateway) -> Error {
        match error {
            Error::Invalid(mut errors) if self.opens_files && self.policies.is_empty() => {
                errors.extend(start_file_errors(gateway));
                Error::Invalid(errors)
            }
            other => other,
        }
    }

    /// What listeners can prove of clients. Policies alone are checked where no gateway runs, and its listeners are not known.
    fn provable_identity(&self, gateway: &Gateway) -> ProvableIdentity {
        if self.policies.is_empty() { provable_identity(gateway) } else { ProvableIdentity::ALL }
    }
}
