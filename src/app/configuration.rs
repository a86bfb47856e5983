//! Which configuration is used: the named file, the quickstart of a clone, that of the host, or the built-in one.

use super::{Error, built_in, policy_texts};
use crate::config::DEFAULT_API_VERSION;
use crate::config::gateway::Gateway;
use crate::config::load::{load_from, named_policies, of_text};
use crate::config::overrides::Overrides;
use crate::contract::Contract;
use crate::contract::strictness::Strictness;
use crate::diagnostic::Diagnostic;
use crate::files::FileView;
use crate::judge::{Bundle, BundleError};
use crate::policy_test;
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};

/// The configuration of a clone of the repository, relative to the working directory.
pub const QUICKSTART_FILE: &str = "config/quickstart.yaml";
/// The configuration of a host: written by hand, and by `portcullis init /etc/portcullis`.
const SYSTEM_FILES: [&str; 2] = ["/etc/portcullis/gateway.yaml", "/etc/portcullis/config/gateway.yaml"];
/// The smallest valid configuration.
const DEFAULTS: &str = "apiVersion: portcullis/v1\nkind: Gateway\npolicies: []\n";

/// Where the policies of a configuration are read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PolicyOrigin {
    /// The files and folders that the configuration names.
    Files,
    /// The policies compiled into the program.
    BuiltIn,
}

/// A checked configuration, with the origin of its policies.
#[derive(Clone, Debug)]
pub struct Configuration {
    /// The configuration itself.
    pub gateway: Gateway,
    /// Where its policies are read from.
    pub origin: PolicyOrigin,
    /// What flags and variables gave in place of the file's values.
    overrides: Overrides,
}

impl Configuration {
    /// Loads `file`; without one `config/quickstart.yaml` of the working directory, or else that of `/etc/portcullis`, or else the
    /// built-in quickstart.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or is invalid.
    pub fn load(file: Option<&Path>, overrides: &Overrides) -> Result<Self, Error> {
        Self::load_from(&FileView::default(), file, overrides)
    }

    fn load_from(view: &FileView, file: Option<&Path>, overrides: &Overrides) -> Result<Self, Error> {
        match file.map(Path::to_owned).or_else(default_file) {
            Some(file) => Self::of_file(view, &file, overrides),
            None => Self::built_in(overrides),
        }
    }

    /// As [`Configuration::load`]; the errors of an invalid file include those of the policies that it names.
    ///
    /// # Errors
    ///
    /// As [`Configuration::load`].
    pub fn load_with_policy_errors(view: &FileView, file: Option<&Path>, overrides: &Overrides) -> Result<Self, Error> {
        let loaded = Self::load_from(view, file, overrides);
        loaded.map_err(|error| match (error, file.map(Path::to_owned).or_else(default_file)) {
            // so that a person fixes everything in one round
            (Error::Invalid(errors), Some(file)) => {
                Error::Invalid(errors.into_iter().chain(policy_errors(view, &file)).collect())
            }
            (error, _) => error,
        })
    }

    /// As [`Configuration::load`], with `policies` in place of the configured ones. Without any configuration file the
    /// defaults are used: policies can be checked where no gateway is configured.
    ///
    /// # Errors
    ///
    /// As [`Configuration::load`].
    pub fn load_for_policies(
        view: &FileView,
        file: Option<&Path>,
        policies: &[PathBuf],
        overrides: &Overrides,
    ) -> Result<Self, Error> {
        let mut configuration = if Self::exists(file) {
            Self::load_from(view, file, overrides)?
        } else {
            let gateway = of_text(Path::new("defaults"), DEFAULTS, overrides, &|_| None);
            Self {
                gateway: gateway.map_err(Error::Invalid)?,
                origin: PolicyOrigin::Files,
                overrides: overrides.clone(),
            }
        };
        configuration.gateway.policies = policies.to_vec();
        // what is given is looked at alone
        configuration.gateway.shadow_policies.clear();
        Ok(configuration)
    }

    /// Whether there is a configuration file: `file`, or one that is used without a name.
    pub fn exists(file: Option<&Path>) -> bool {
        file.is_some() || default_file().is_some()
    }

    /// This configuration, by what its file holds now. It is the same if it is built in, or was read from a pipe.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or is invalid.
    pub(super) fn read_again(&self, view: &FileView) -> Result<Self, Vec<Diagnostic>> {
        let file = self.gateway.source.file();
        // a pipe has been read to its end, and another read of it would block
        let is_pipe = || file.metadata().is_ok_and(|about| about.file_type().is_fifo());
        if self.origin == PolicyOrigin::BuiltIn || is_pipe() {
            return Ok(self.clone());
        }
        let gateway = load_from(view, file, &self.overrides, &|name| std::env::var(name).ok())?;
        Ok(Self { gateway, ..self.clone() })
    }

    /// The errors of the file and of the policies that it names; empty if the file is valid by now.
    pub(super) fn errors_now(&self) -> Vec<Diagnostic> {
        let file = Some(self.gateway.source.file());
        match Self::load_with_policy_errors(&FileView::default(), file, &self.overrides) {
            Err(Error::Invalid(errors)) => errors,
            Err(Error::Environment(_)) | Ok(_) => Vec::new(),
        }
    }

    fn of_file(view: &FileView, file: &Path, overrides: &Overrides) -> Result<Self, Error> {
        let gateway = load_from(view, file, overrides, &|name| std::env::var(name).ok()).map_err(Error::Invalid)?;
        Ok(Self { gateway, origin: PolicyOrigin::Files, overrides: overrides.clone() })
    }

    fn built_in(overrides: &Overrides) -> Result<Self, Error> {
        let file = Path::new(built_in::BUILT_IN).join("config/quickstart.yaml");
        // the path in the text is one of a clone, and no folder is read
        let text = built_in::QUICKSTART.replace("policies: [../policies]", "policies: []");
        // no variables: what is compiled in must not depend on the environment
        let mut gateway = of_text(&file, &text, overrides, &|_| None).map_err(Error::Invalid)?;
        // for the admin listener, which shows where policies are from
        gateway.policies = vec![Path::new(built_in::BUILT_IN).join("policies")];
        Ok(Self { gateway, origin: PolicyOrigin::BuiltIn, overrides: overrides.clone() })
    }
}

/// The file that is used if none is named; `None` for the built-in quickstart.
fn default_file() -> Option<PathBuf> {
    let [own, initialized] = SYSTEM_FILES;
    first_file(&[QUICKSTART_FILE, own, initialized].map(Path::new))
}

fn first_file(places: &[&Path]) -> Option<PathBuf> {
    // what is there and cannot be read, such as a folder, is an error and not passed over
    places.iter().find(|file| file.exists()).map(|file| (*file).to_owned())
}

/// The errors of the policies that an invalid configuration names, by the built-in contract.
fn policy_errors(view: &FileView, file: &Path) -> Vec<Diagnostic> {
    let Some(named) = named_policies(view, file, &|name| std::env::var(name).ok()) else { return Vec::new() };
    let version = named.default_api_version.as_deref().unwrap_or(DEFAULT_API_VERSION);
    let Ok(contract) = Contract::built_in(version) else { return Vec::new() };
    let (texts, mut errors) = policy_texts::read(&named.paths, None, view);
    let (strictness, environments) = (Strictness::default(), &named.environment_names);
    if let Err(BundleError(found)) = Bundle::compile_for(contract, &texts.policies, strictness, environments) {
        errors.extend(found);
    }
    errors.extend(policy_test::syntax_errors(&texts.tests));
    errors
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_file_that_is_there_is_used() {
        let folder = tempfile::tempdir().unwrap();
        let [clone, system] = ["quickstart.yaml", "gateway.yaml"].map(|name| folder.path().join(name));
        let first = || first_file(&[&clone, &system]);
        assert_eq!(first(), None);
        std::fs::write(&system, "").unwrap();
        assert_eq!(first(), Some(system.clone()));
        std::fs::write(&clone, "").unwrap();
        assert_eq!(first(), Some(clone.clone()));
    }
}
