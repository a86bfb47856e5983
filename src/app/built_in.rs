//! The quickstart that is compiled into the program: a configuration and the shipped policies with their tests.
//!
//! With it a downloaded binary works without any other file, and `portcullis init` can write the files to a folder.

use super::SourceTexts;
use crate::judge::PolicyText;
use crate::policy_test::TestText;
use std::path::{Path, PathBuf};

/// The folder by which messages name files that are compiled in.
pub const BUILT_IN: &str = "built-in";
/// The text of `config/quickstart.yaml`.
pub const QUICKSTART: &str = include_str!("../../config/quickstart.yaml");
/// The text of `config/gateway.yaml`, which documents every option.
pub const GATEWAY: &str = include_str!("../../config/gateway.yaml");

/// A shipped policy file, with the tests beside it.
#[derive(Clone, Copy, Debug)]
pub struct ShippedPolicy {
    /// The name of the file without `.yaml`.
    pub name: &'static str,
    /// The text of `NAME.yaml`.
    pub policy: &'static str,
    /// The text of `NAME.test.yaml`.
    pub test: &'static str,
}

// a macro and not a loop: `include_str!` takes literals only
macro_rules! shipped {
    ($($name:literal,)*) => {
        &[$(ShippedPolicy {
            name: $name,
            policy: include_str!(concat!("../../policies/", $name, ".yaml")),
            test: include_str!(concat!("../../policies/", $name, ".test.yaml")),
        }),*]
    };
}

/// The policy files of `policies/`. A list and not a build script: a test compares it with the folder.
pub const POLICIES: &[ShippedPolicy] = shipped![
    "account-recovery-by-support",
    "bulk-invitations",
    "credentials-by-owner",
    "external-id-by-owner",
    "impersonation-by-support",
    "legal-acceptance-is-now",
    "limit-bulk-changes",
    "limit-invitations",
    "limit-password-changes",
    "messages-by-owner",
    "metadata-keys",
    "metadata-size",
    "names-hold-no-links",
    "no-bypass-client-trust",
    "no-created-at",
    "no-production-from-development",
    "no-skip-legal-checks",
    "no-skip-password-checks",
    "no-skip-requirements",
    "organizations-limit",
    "password-digest-by-migration",
    "password-digest-needs-allowed-hasher",
    "password-length",
    "primary-email-change-is-notified",
    "roles-by-owner",
    "second-factor-by-enrolment",
    "second-factor-removal-by-support",
    "self-service-rights-by-owner",
    "sign-out-on-password-change",
    "trust-by-owner",
    "user-list-page-size",
    "username-rules",
    "verified-by-verification",
];

/// The files that a folder for a gateway starts from, by their paths in it.
pub fn built_in_files() -> Vec<(PathBuf, String)> {
    let configuration = [("config/gateway.yaml", GATEWAY), ("config/quickstart.yaml", QUICKSTART)];
    let configuration = configuration.map(|(path, text)| (PathBuf::from(path), text.to_owned()));
    let policies = POLICIES.iter().flat_map(|it| {
        let file = |end: &str| PathBuf::from(format!("policies/{}{end}", it.name));
        [(file(".yaml"), it.policy.to_owned()), (file(".test.yaml"), it.test.to_owned())]
    });
    configuration.into_iter().chain(policies).collect()
}

/// The shipped policies and tests, as if read from files.
pub(super) fn texts() -> SourceTexts {
    let file = |name: &str, end: &str| -> PathBuf { Path::new(BUILT_IN).join(format!("policies/{name}{end}")) };
    let policies = POLICIES.iter().map(|it| PolicyText { file: file(it.name, ".yaml"), text: it.policy.to_owned() });
    let tests = POLICIES.iter().map(|it| TestText { file: file(it.name, ".test.yaml"), text: it.test.to_owned() });
    SourceTexts { policies: policies.collect(), tests: tests.collect(), ..SourceTexts::default() }
}

#[cfg(test)]
mod tests {
    use super::POLICIES;
    use std::path::Path;

    #[test]
    fn every_policy_of_the_folder_is_compiled_in() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies");
        let files = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap().to_lowercase());
        let mut names: Vec<_> = files.filter_map(|file| file.strip_suffix(".yaml").map(str::to_owned)).collect();
        names.retain(|name| !name.contains(".test"));
        names.sort();
        assert_eq!(POLICIES.iter().map(|policy| policy.name).collect::<Vec<_>>(), names);
    }
}
