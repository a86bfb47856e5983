//! Everything that a bundle is made of, read as one version.

use super::file_set::FileDigest;
use super::{Configuration, Error, PolicyOrigin, SourceTexts, built_in, contract_folder, policy_texts};
use crate::contract::ContractTexts;
use crate::diagnostic::Diagnostic;
use crate::files::{FileView, UnsavedTexts, Unstable, read_stable_with_unsaved};
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

    pub(super) fn read_once(configuration: &Configuration, view: &FileView) -> Result<Self, Vec<Diagnostic>> {
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
        Ok(Self { texts, shadow, contract, errors })
    }

    /// Adds names, contents and errors to `digest`, by which two reads are compared later.
    pub(super) fn digest(&self, digest: &mut FileDigest) {
        for texts in [Some(&self.texts), self.shadow.as_ref()].into_iter().flatten() {
            let policies = texts.policies.iter().map(|it| (&it.file, it.text.as_str()));
            let tests = texts.tests.iter().map(|it| (&it.file, it.text.as_str()));
            for (file, text) in policies.chain(tests) {
                digest.add_file(file, text);
            }
            // the end, so that no file moves from one bundle to the other unnoticed
            digest.add(b"");
        }
        for text in self.contract.iter().flat_map(|it| it.versions.iter().chain(&it.overlay)) {
            digest.add_file(&text.file, &text.text);
        }
        digest.add_errors(&self.errors);
    }
}

pub(super) fn unstable(error: Unstable) -> Error {
    Error::Environment(format!("policies, contract or configuration cannot be read: {error}"))
}
