//! Everything that a bundle is made of, read as one version.

use super::{Configuration, Error, PolicyOrigin, SourceTexts, built_in, contract_folder, policy_files, policy_texts};
use crate::config::load;
use crate::config::removal_rules::RemovalRules;
use crate::contract::ContractTexts;
use crate::diagnostic::Diagnostic;
use crate::files::{FileView, UnsavedTexts, Unstable, read_stable, read_stable_with_unsaved};
use aws_lc_rs::digest::{Context as Digest, SHA256};
use std::sync::Arc;

/// The texts of policies, tests and contract.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Sources {
    /// Policies and their tests.
    pub(super) texts: SourceTexts,
    /// The same of the shadow bundle, if there is one.
    pub(super) shadow: Option<SourceTexts>,
    /// The contract; `None` for the one that is built in.
    pub(super) contract: Option<ContractTexts>,
    /// An error for each file that cannot be read.
    pub(super) errors: Vec<Diagnostic>,
    /// What a reload may remove.
    pub(super) removal_rules: RemovalRules,
}

impl Sources {
    /// Reads the files of `configuration` until two reads agree: files that are being replaced are never a mix of two versions.
    ///
    /// # Errors
    ///
    /// The contract cannot be read, or the files change without end.
    pub(super) fn read(configuration: &Configuration) -> Result<Self, Error> {
        Self::read_with_unsaved(configuration, &Arc::default())
    }

    /// As [`Self::read`], with the texts of `unsaved` in place of what is on disk.
    ///
    /// # Errors
    ///
    /// As [`Self::read`].
    pub(super) fn read_with_unsaved(configuration: &Configuration, unsaved: &Arc<UnsavedTexts>) -> Result<Self, Error> {
        let read = |view: &FileView| Self::read_once(configuration, view);
        read_stable_with_unsaved(unsaved, read, Clone::clone).map_err(unstable)?.map_err(Error::Invalid)
    }

    fn read_once(configuration: &Configuration, view: &FileView) -> Result<Self, Vec<Diagnostic>> {
        let gateway = &configuration.gateway;
        let folder = gateway.contract.folder.as_deref();
        let contract = folder.map(|folder| contract_folder::read(folder, view)).transpose()?;
        let (mut texts, mut errors) = match configuration.origin {
            PolicyOrigin::Files => policy_texts::read(&gateway.policies, folder, view),
            PolicyOrigin::BuiltIn => (built_in::texts(), Vec::new()),
        };
        let shadow = (!gateway.shadow_policies.is_empty()).then(|| {
            let (mut shadow, found) = policy_texts::read(&gateway.shadow_policies, folder, view);
            errors.extend(found);
            texts.unread.append(&mut shadow.unread);
            shadow
        });
        let removal_rules = gateway.removal_rules.clone();
        Ok(Self { texts, shadow, contract, errors, removal_rules })
    }

    /// A hash of the names and contents, by which two reads are compared later.
    pub(super) fn digest(&self) -> Vec<u8> {
        let mut context = Digest::new(&SHA256);
        // the length separates the parts: text that moves from one file to the next must change the hash
        let mut add = |part: &[u8]| {
            context.update(&part.len().to_le_bytes());
            context.update(part);
        };
        for texts in [Some(&self.texts), self.shadow.as_ref()].into_iter().flatten() {
            let policies = texts.policies.iter().map(|it| (&it.file, it.text.as_str()));
            let tests = texts.tests.iter().map(|it| (&it.file, it.text.as_str()));
            for (file, text) in policies.chain(tests) {
                add(file.as_os_str().as_encoded_bytes());
                add(text.as_bytes());
            }
            // the end, so that no file moves from one bundle to the other unnoticed
            add(b"");
        }
        for text in self.contract.iter().flat_map(|it| it.versions.iter().chain(&it.overlay)) {
            add(text.file.as_os_str().as_encoded_bytes());
            add(text.text.as_bytes());
        }
        context.finish().as_ref().to_vec()
    }

    /// As [`Self::read`] for a reload, which reads anew what it may remove.
    ///
    /// # Errors
    ///
    /// As [`Self::read`], or the configuration file cannot be read.
    pub(super) fn read_again(configuration: &Configuration) -> Result<Self, Error> {
        let read = |view: &FileView| {
            let sources = Self::read_once(configuration, view)?;
            Ok(Self { removal_rules: removal_rules(configuration, view)?, ..sources })
        };
        read_stable(read, Clone::clone).map_err(unstable)?.map_err(Error::Invalid)
    }
}

fn unstable(error: Unstable) -> Error {
    Error::Environment(format!("policies, contract or configuration cannot be read: {error}"))
}

fn removal_rules(configuration: &Configuration, view: &FileView) -> Result<RemovalRules, Vec<Diagnostic>> {
    match configuration.origin {
        PolicyOrigin::Files => {
            let file = configuration.gateway.source.file();
            let bytes = view.read(file).map_err(|error| vec![policy_files::unreadable(file, &error)])?;
            load::removal_rules(file, bytes, &|name| std::env::var(name).ok())
        }
        PolicyOrigin::BuiltIn => Ok(configuration.gateway.removal_rules.clone()),
    }
}
