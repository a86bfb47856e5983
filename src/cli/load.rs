//! Loads what the commands work with.

use super::args::ConfigArgs;
use super::banner::{Enforced, LimitRow, PolicyRow, WaiverRow};
use super::policies::{self, Texts};
use super::{Failure, contract_folder};
use crate::config::DEFAULT_API_VERSION;
use crate::config::gateway::{Gateway, UpstreamTarget};
use crate::config::load::{load, named_policies, of_text};
use crate::config::overrides::Overrides;
use crate::contract::credential::Environment;
use crate::contract::strictness::{Mode, Strictness};
use crate::contract::{Contract, ContractError, ContractTexts};
use crate::diagnostic::Diagnostic;
use crate::judge::{Bundle, BundleError};
use crate::policy::{Action, Limit, Policy, Scope};
use crate::policy_test::{self, Suite};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// The configuration of a fresh clone.
const QUICKSTART: &str = "config/quickstart.yaml";
/// A configuration that says no more than it must.
const DEFAULTS: &str = "apiVersion: portcullis/v1\nkind: Gateway\npolicies: []\n";

/// The configuration that the arguments name.
pub(super) fn configuration(args: &ConfigArgs, overrides: &Overrides) -> Result<Gateway, Failure> {
    let file = file(args)?;
    load(&file, overrides, &|name| std::env::var(name).ok()).map_err(Failure::Broken)
}

/// As [`configuration`]; where it is broken, everything that is wrong with the policies that it names is told, too.
pub(super) fn whole_configuration(args: &ConfigArgs, overrides: &Overrides) -> Result<Gateway, Failure> {
    let loaded = configuration(args, overrides);
    loaded.map_err(|failure| match (failure, file(args)) {
        (Failure::Broken(mistakes), Ok(file)) => {
            Failure::Broken(mistakes.into_iter().chain(mistakes_of_policies(&file)).collect())
        }
        (failure, _) => failure,
    })
}

/// What is wrong with the policies that a broken configuration names, by the contract as it is without one.
fn mistakes_of_policies(file: &Path) -> Vec<Diagnostic> {
    let Some(named) = named_policies(file, &|name| std::env::var(name).ok()) else { return Vec::new() };
    let version = named.default_api_version.as_deref().unwrap_or(DEFAULT_API_VERSION);
    let Ok(contract) = Contract::built_in(version) else { return Vec::new() };
    let (texts, mut mistakes) = policies::read(&named.paths, None);
    if let Err(BundleError(found)) = Bundle::compile(contract, &texts.policies, Strictness::default()) {
        mistakes.extend(found);
    }
    mistakes.extend(policy_test::syntax_errors(&texts.tests));
    mistakes
}

/// The configuration that the arguments name, or that of a fresh clone, with `policies` in place of its own; where there is
/// none, one that says nothing else: whoever names policies needs no gateway to try them.
pub(super) fn configuration_of_policies(args: &ConfigArgs, policies: &[PathBuf]) -> Result<Gateway, Failure> {
    let mut gateway = if is_configured(args) {
        configuration(args, &Overrides::default())?
    } else {
        of_text(Path::new("defaults"), DEFAULTS, &Overrides::default(), &|_| None).map_err(Failure::Broken)?
    };
    gateway.policies = policies.to_vec();
    Ok(gateway)
}

/// Whether there is a configuration.
pub(super) fn is_configured(args: &ConfigArgs) -> bool {
    file(args).is_ok()
}

fn file(args: &ConfigArgs) -> Result<PathBuf, Failure> {
    match &args.config {
        Some(file) => Ok(file.clone()),
        None if Path::new(QUICKSTART).is_file() => Ok(PathBuf::from(QUICKSTART)),
        None => Err(Failure::Usage(format!(
            "no configuration: name one with `--config FILE` or PORTCULLIS_CONFIG, or start where {QUICKSTART} is"
        ))),
    }
}

/// The bundle that the configuration names: the policies as their files say now, with the contract.
pub(super) fn bundle(gateway: &Gateway) -> Result<Bundle, Failure> {
    Ok(compiled(gateway)?.0)
}

/// As [`compiled`], but for policies whose own tests fail: nobody knows what they would decide.
pub(super) fn tested(gateway: &Gateway) -> Result<(Bundle, Texts), Failure> {
    let (bundle, texts) = compiled(gateway)?;
    let suites = suites(&bundle, &texts)?;
    let results = suites.iter().flat_map(|suite| suite.run(""));
    let failures: Vec<_> = results.filter(|result| !result.passes()).map(|result| result.failure()).collect();
    if failures.is_empty() { Ok((bundle, texts)) } else { Err(Failure::Broken(failures)) }
}

/// The bundle that the configuration names, with the texts of policies and tests.
pub(super) fn compiled(gateway: &Gateway) -> Result<(Bundle, Texts), Failure> {
    let contract = contract(gateway)?;
    let (texts, mut mistakes) = policies::read(&gateway.policies, gateway.contract.folder.as_deref());
    let bundle = Bundle::compile(contract, &texts.policies, gateway.contract.strictness.clone());
    let bundle = bundle.map_err(|BundleError(found)| mistakes.extend(found));
    match bundle {
        Ok(bundle) if mistakes.is_empty() => Ok((bundle, texts)),
        _ => {
            mistakes.extend(policy_test::syntax_errors(&texts.tests));
            Err(Failure::Broken(mistakes))
        }
    }
}

/// The tests beside the policies of `bundle`.
pub(super) fn suites(bundle: &Bundle, texts: &Texts) -> Result<Vec<Suite>, Failure> {
    policy_test::load(&texts.tests, bundle).map_err(Failure::Broken)
}

/// The contract that the configuration names, proven; the built-in one where it names none.
pub(super) fn contract(gateway: &Gateway) -> Result<Contract, Failure> {
    let default = &gateway.contract.default_api_version;
    let contract = match &gateway.contract.folder {
        Some(_) => Contract::load(&contract_texts(gateway)?, default),
        None => Contract::built_in(default),
    };
    let contract = contract.map_err(|error| {
        Failure::Broken(match error {
            ContractError::Files(mistakes) => mistakes,
            ContractError::Default { .. } => {
                vec![gateway.source.at("/contract/defaultApiVersion", error.to_string())]
            }
        })
    })?;
    let idle = idle_entries(gateway, &contract);
    if idle.is_empty() { Ok(contract) } else { Err(Failure::Broken(idle)) }
}

/// The files of the contract that the configuration names.
pub(super) fn contract_texts(gateway: &Gateway) -> Result<ContractTexts, Failure> {
    match &gateway.contract.folder {
        Some(folder) => contract_folder::read(folder).map_err(Failure::Broken),
        None => Ok(ContractTexts::built_in()),
    }
}

/// What is allowed in the configuration and in the policies of `bundle`, which are `texts`, and yet likely a mistake.
pub(super) fn lints(gateway: &Gateway, bundle: &Bundle, texts: &Texts) -> Vec<Diagnostic> {
    let of_policies = bundle.lints(SystemTime::now());
    dangers(gateway, &Overrides::default(), texts).into_iter().chain(of_policies).collect()
}

/// What a gateway should not be started with unawares: files that look like policies and are not in force, and an upstream
/// to which keys go unprotected.
pub(super) fn dangers(gateway: &Gateway, overrides: &Overrides, texts: &Texts) -> Vec<Diagnostic> {
    let is_exposed = match &gateway.upstream.target {
        UpstreamTarget::Url { tls: false, host, .. } => !is_this_machine(host),
        UpstreamTarget::Url { tls: true, .. } | UpstreamTarget::Embedded => false,
    };
    let message = "`upstream.url` is not https: keys travel in clear to a host that is not this machine";
    let exposed = is_exposed.then(|| match &overrides.upstream {
        Some(given) => Diagnostic::of_file(Path::new(given.origin.as_ref()), message),
        None => gateway.source.at("/upstream/url", message),
    });
    exposed.into_iter().chain(texts.unread.iter().cloned()).collect()
}

fn is_this_machine(host: &str) -> bool {
    let name = host.trim_end_matches('.').to_ascii_lowercase();
    name == "localhost"
        || name.ends_with(".localhost")
        || host.parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback())
}

/// Entries of `contract.operations` that there is no operation for.
fn idle_entries(gateway: &Gateway, contract: &Contract) -> Vec<Diagnostic> {
    let idle = gateway.contract.strictness.unmatched_entries(contract).into_iter().map(|entry| {
        let mistake = gateway.source.at(&format!("/contract/operations/{}/match", entry.position), entry.message);
        match entry.suggestion {
            Some(meant) => mistake.with_help(format!("did you mean `{meant}`?")),
            None => mistake,
        }
    });
    idle.collect()
}

/// What a bundle enforces, for people.
pub(super) fn enforced(bundle: &Bundle) -> Enforced {
    Enforced {
        revision: bundle.revision.to_string(),
        api_versions: bundle.contract.versions().iter().map(ToString::to_string).collect(),
        validated: bundle.count_inspected(Mode::Enforce),
        audited: bundle.count_inspected(Mode::Audit),
        policies: bundle.policies.all().iter().map(|policy| policy_row(policy)).collect(),
        limits: bundle.policies.limits().iter().map(|limit| limit_row(limit)).collect(),
        waivers: bundle.policies.waivers().map(|waiver| WaiverRow::at(waiver, SystemTime::now())).collect(),
    }
}

fn policy_row(policy: &Policy) -> PolicyRow {
    row(&policy.name, policy.action, &policy.scope, policy.owner.as_deref())
}

fn limit_row(limit: &Limit) -> LimitRow {
    let rate = limit.rate.as_ref().map(|rate| format!("{} per {}", rate.events, rate.written));
    let at_once = limit.in_flight.map(|most| format!("{most} at once"));
    LimitRow {
        row: row(&limit.name, limit.action, &limit.scope, limit.owner.as_deref()),
        allows: rate.into_iter().chain(at_once).collect::<Vec<_>>().join(", "),
    }
}

fn row(name: &str, action: Action, scope: &Scope, owner: Option<&str>) -> PolicyRow {
    let environments: Vec<String> = scope.environments.iter().map(Environment::to_string).collect();
    PolicyRow {
        name: name.to_owned(),
        action: format!("{action:?}"),
        environments: if environments.is_empty() { vec!["all".to_owned()] } else { environments },
        operations: scope.operations.iter().map(ToString::to_string).collect(),
        owner: owner.map(str::to_owned),
    }
}
