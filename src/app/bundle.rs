//! The bundle of a configuration: its contract and its policies, compiled and tested.

use super::check_memory::CheckMemory;
use super::file_set::FileSet;
use super::sources::Sources;
use super::{Configuration, Error, SourceTexts, contract_folder};
use crate::config::gateway::Gateway;
use crate::contract::{Contract, ContractError, ContractTexts};
use crate::diagnostic::Diagnostic;
use crate::files::read_stable;
use crate::judge::{Bundle, BundleError, prove};
use crate::policy::ProvableIdentity;
use crate::policy_test::{self, Suite, TestText};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

/// A bundle whose tests pass, with what it was made of.
#[derive(Debug)]
pub struct TestedBundle {
    /// What requests are judged by.
    pub bundle: Bundle,
    /// The texts of its policies and of their tests.
    pub texts: SourceTexts,
    /// The number of cases that passed.
    pub tests: usize,
    /// The digest of the files that it was made of.
    pub(super) digest: Vec<u8>,
    /// What a reload need not find again.
    pub(super) memory: CheckMemory,
}

/// A bundle that passed, of which the next one uses again what did not change.
#[derive(Clone, Copy, Debug)]
pub(super) struct EarlierBundle<'a> {
    /// The configuration that it is of.
    pub(super) gateway: &'a Gateway,
    pub(super) bundle: &'a Bundle,
    pub(super) memory: &'a CheckMemory,
}

/// The compiled bundle, whatever the tests of its policies find.
///
/// # Errors
///
/// The contract or the policies cannot be read, or are invalid.
pub fn load_bundle(configuration: &Configuration) -> Result<Bundle, Error> {
    Ok(compile_policies(configuration)?.0)
}

/// As [`compile_policies`], and the tests of the policies pass: a policy that fails its own test does something else than
/// its author believes.
///
/// # Errors
///
/// As [`compile_policies`]; or every case that fails.
pub fn compile_tested_policies(configuration: &Configuration) -> Result<TestedBundle, Error> {
    let sources = Sources::read(configuration)?;
    let (bundle, memory) = compile_tested(configuration, &sources, None)?;
    let digest = FileSet::digest(configuration, &sources);
    Ok(TestedBundle { bundle, texts: sources.texts, tests: memory.count_cases(), digest, memory })
}

/// The compiled bundle, with the texts of its policies and of their tests.
///
/// # Errors
///
/// The contract or the policies cannot be read, or are invalid.
pub fn compile_policies(configuration: &Configuration) -> Result<(Bundle, SourceTexts), Error> {
    let sources = Sources::read(configuration)?;
    let bundle = compile(configuration, &sources, None)?;
    Ok((bundle, sources.texts))
}

/// The bundle of `sources`, whose tests pass, and what the next one need not find again. Of `before` is used again what was found in
/// files that did not change, and the contract if it is still the configured one.
///
/// # Errors
///
/// As [`compile_policies`]; or every case that fails.
pub(super) fn compile_tested(
    configuration: &Configuration,
    sources: &Sources,
    before: Option<EarlierBundle<'_>>,
) -> Result<(Bundle, CheckMemory), Error> {
    let is_same = |before: &EarlierBundle<'_>| is_same_contract(before.gateway, &configuration.gateway);
    let contract = before.filter(is_same).map(|before| &before.bundle.contract);
    let is_known = |test: &TestText| before.is_some_and(|before| before.memory.has_passed(test));
    let bundle = compile_beside(configuration, sources, contract, is_known)?;
    let mut memory = before.map_or_else(CheckMemory::default, |before| {
        before.memory.still_valid(before.bundle, &bundle, &sources.texts.tests)
    });
    let mut failures = memory.run_tests(&bundle, &sources.texts.tests)?;
    if let (Some(shadow), Some(texts)) = (bundle.shadow(), &sources.shadow) {
        failures.extend(memory.run_shadow_tests(shadow, &texts.tests)?);
    }
    if failures.is_empty() { Ok((bundle, memory)) } else { Err(Error::Invalid(failures)) }
}

/// Whether `before` and `now` name the same contract, so that its files alone decide whether it is loaded anew.
fn is_same_contract(before: &Gateway, now: &Gateway) -> bool {
    let (before, now) = (&before.contract, &now.contract);
    (&before.folder, &before.default_api_version) == (&now.folder, &now.default_api_version)
}

fn compile(configuration: &Configuration, sources: &Sources, before: Option<&Arc<Contract>>) -> Result<Bundle, Error> {
    compile_beside(configuration, sources, before, |_| false)
}

/// The bundle of `sources`, whatever its tests find. Test files that are `known` to be valid are not read if something else is not.
fn compile_beside(
    configuration: &Configuration,
    sources: &Sources,
    before: Option<&Arc<Contract>>,
    known: impl Fn(&TestText) -> bool,
) -> Result<Bundle, Error> {
    let gateway = &configuration.gateway;
    let contract = load_contract(gateway, sources.contract.as_ref(), before)?;
    let mut errors = sources.errors.clone();
    // both, and even if a file could not be read: the author sees all errors in one round
    let mut compile = |texts: &SourceTexts| {
        let (strictness, environments) = (gateway.contract.strictness.clone(), &gateway.environment_names);
        let bundle = Bundle::compile_for(contract.clone(), &texts.policies, strictness, environments);
        let bundle = bundle.map_err(|BundleError(found)| errors.extend(found));
        errors.extend(texts.empty_paths());
        bundle.ok()
    };
    let (bundle, shadow) = (compile(&sources.texts), sources.shadow.as_ref().map(compile));
    let bundle = match (bundle, shadow) {
        (Some(bundle), Some(Some(shadow))) => {
            bundle.with_shadow(shadow).map_err(|BundleError(found)| errors.extend(found)).ok()
        }
        (bundle, _) => bundle,
    };
    match bundle {
        Some(bundle) if errors.is_empty() => Ok(bundle),
        _ => {
            // without a bundle tests cannot be compiled, but errors of their form can be reported
            for texts in [Some(&sources.texts), sources.shadow.as_ref()].into_iter().flatten() {
                errors.extend(policy_test::syntax_errors(texts.tests.iter().filter(|test| !known(test))));
            }
            Err(Error::Invalid(errors))
        }
    }
}

/// The lints of those policies that are valid, if others are not. None if the contract cannot be loaded.
pub(super) fn lints_of_valid(
    configuration: &Configuration,
    sources: &Sources,
    provable: ProvableIdentity,
) -> Vec<Diagnostic> {
    let contract = load_contract(&configuration.gateway, sources.contract.as_ref(), None);
    let lints = contract.map(|it| Bundle::lints_of_valid(it, &sources.texts.policies, SystemTime::now(), provable));
    lints.unwrap_or_default()
}

/// `bundle` with `Deny` as the action of each policy and limit.
///
/// # Errors
///
/// None: an action makes no policy invalid.
pub fn promote(bundle: &Bundle) -> Result<Bundle, Error> {
    bundle.denying().map_err(|BundleError(errors)| Error::Invalid(errors))
}

/// The test suites of the files `tests` for the policies of `bundle`.
///
/// # Errors
///
/// Every error in the test files.
pub fn load_suites(bundle: &Bundle, tests: &[TestText]) -> Result<Vec<Suite>, Error> {
    policy_test::load(tests, bundle).map_err(Error::Invalid)
}

/// The files of the configured contract; the built-in ones if none are configured.
///
/// # Errors
///
/// The folder cannot be read.
pub fn load_contract_texts(gateway: &Gateway) -> Result<ContractTexts, Error> {
    let read = |folder: &PathBuf| read_stable(|view| contract_folder::read(folder, view), Clone::clone);
    match gateway.contract.folder.as_ref().map(read) {
        Some(texts) => texts.map_err(Error::environment)?.map_err(Error::Invalid),
        None => Ok(ContractTexts::built_in()),
    }
}

/// The contract of the files `texts`, or the built-in one. That is `before` if nothing changed: parsing it takes longer than
/// compiling most policies.
fn load_contract(
    gateway: &Gateway,
    texts: Option<&ContractTexts>,
    before: Option<&Arc<Contract>>,
) -> Result<Arc<Contract>, Error> {
    if let Some(before) = before.filter(|before| texts.is_none_or(|texts| before.is_of(texts))) {
        let errors = unmatched_entries(gateway, before);
        return if errors.is_empty() { Ok(Arc::clone(before)) } else { Err(Error::Invalid(errors)) };
    }
    let default = &gateway.contract.default_api_version;
    let contract = match texts {
        Some(texts) => Contract::load(texts, default),
        // not by its texts: the built-in contract is proven by a test, and its schemas are read when they are used
        None => Contract::built_in(default),
    };
    let contract = contract.map_err(|error| {
        Error::Invalid(match error {
            ContractError::Files(errors) => errors,
            ContractError::Default { .. } => {
                vec![gateway.source.at("/contract/defaultApiVersion", error.to_string())]
            }
        })
    })?;
    let contract = Arc::new(contract);
    let mut errors = unmatched_entries(gateway, &contract);
    if let Some(folder) = &gateway.contract.folder {
        errors.extend(prove(&contract).into_iter().map(|message| Diagnostic::of_file(folder, message)));
    }
    if errors.is_empty() { Ok(contract) } else { Err(Error::Invalid(errors)) }
}

/// Entries of `contract.operations` that match no operation: a typo there would leave a body unvalidated.
fn unmatched_entries(gateway: &Gateway, contract: &Contract) -> Vec<Diagnostic> {
    let unmatched = gateway.contract.strictness.unmatched_entries(contract).into_iter().map(|entry| {
        let error = gateway.source.at(&format!("/contract/operations/{}/match", entry.position), entry.message);
        match entry.suggestion {
            Some(meant) => error.with_help(format!("did you mean `{meant}`?")),
            None => error,
        }
    });
    unmatched.collect()
}
