//! Turns the configuration file into the checked configuration. All sections are checked, so that all errors are reported at once.

use super::checker::{Setting, SettingsChecker};
use super::file::{
    ContractSection as ContractKeys, EnvironmentSection, GatewayFile, ShadowSection, TracesSection as TraceKeys,
};
use super::gateway::{
    ContractConfig, EnvironmentOverride, Gateway, ListenAddress, ListenerConfig, Sampler, ShutdownConfig, Traces,
    UpstreamConfig,
};
use super::overrides::{Override, Overrides};
use super::removal_rules::RemovalRules;
use super::{address, sampler};
use crate::contract::credential::Environment;
use crate::contract::strictness::{OperationEntry, Strictness};
use crate::diagnostic::Diagnostic;
use crate::manifest::{Lookup, Source};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::thread::available_parallelism;

/// The configuration of `file` with `overrides`. Paths in it are relative to `folder`. `variables` looks up the environment.
pub(super) fn check(
    file: &GatewayFile,
    source: &Source,
    folder: &Path,
    overrides: &Overrides,
    variables: Lookup<'_>,
) -> Result<Gateway, Vec<Diagnostic>> {
    let mut check = SettingsChecker::new(source, folder);
    let upstream = check.upstream(&file.upstream, overrides.upstream.as_ref(), variables);
    let limits = check.limits(&file.limits);
    let upstream = UpstreamConfig { stall_timeout: limits.body_timeout, ..upstream };
    // after both sections, which it compares
    check.check_request_timeout(&limits, &upstream);
    let (logs, decision_log) = (check.logs(&file.logs), check.decision_log(&file.decision_log, &file.masks));
    check.check_log_files_differ(&logs, decision_log.as_ref());
    let listen = check.listen(&file.listen, overrides.listen.as_ref(), &upstream);
    let admin = check.admin(&file.admin.listen, overrides.admin_listen.as_ref(), &listen);
    let given = Setting::new(&file.upstream.url, "/upstream/url", overrides.upstream.as_ref());
    check.refuse_own_listener(&given, &upstream.target, &listen, admin);
    let gateway = Gateway {
        source: source.clone(),
        admin,
        listen,
        upstream,
        policies: check.policies(&file.policies, "/policies"),
        shadow_policies: check.shadow_policies(file.shadow.as_ref()),
        reload: check.reload(&file.reload),
        removal_rules: RemovalRules { removed: file.removed.clone(), removals: file.reload.removals },
        shutdown: ShutdownConfig {
            delay: check.duration_or_zero("/shutdown/delay", &file.shutdown.delay),
            timeout: check.duration("/shutdown/timeout", &file.shutdown.timeout),
        },
        contract: ContractConfig {
            folder: file
                .contract
                .folder
                .as_ref()
                .map(|folder| check.existing_path(folder, "/contract/folder".to_owned())),
            default_api_version: file.contract.default_api_version.clone(),
            strictness: strictness(&file.contract),
        },
        environment: check.environment(&file.environment),
        environment_names: check.environment_names(&file.environment),
        instance: check.instance(&file.instance, &file.environment).into(),
        limits,
        logs,
        decision_log,
        masks: check.masks(&file.masks),
        traces: check.traces(&file.traces),
        // `available_parallelism` respects the CPU quota of a container, unlike the number of cores
        workers: if file.workers > 0 { file.workers } else { available_parallelism().map_or(1, usize::from) },
        warnings: Vec::new(),
    };
    let warnings = check.take_warnings();
    check.finish(Gateway { warnings, ..gateway })
}

fn strictness(keys: &ContractKeys) -> Strictness {
    let operations = keys.operations.iter().map(|entry| OperationEntry {
        matches: entry.r#match.clone(),
        mode: entry.mode,
        unknown_fields: entry.unknown_fields,
    });
    Strictness {
        unknown_fields: keys.unknown_fields,
        fallthrough: keys.fallthrough.into(),
        validate: keys.validate,
        operations: operations.collect(),
    }
}

impl SettingsChecker<'_> {
    fn admin(&mut self, listen: &str, over: Option<&Override>, taken: &[ListenerConfig]) -> Option<SocketAddr> {
        let given = Setting::new(listen, "/admin/listen", over);
        if given.value == "off" {
            return None;
        }
        let parsed = address::parse(given.value);
        let help = "write an IP address and a port, such as `127.0.0.1:9465`, or `off`";
        let address = parsed.map_err(|what| self.refuse(&given, what, help)).ok()?;
        // found here, because binding the port a second time fails only when the gateway starts
        self.refuse_taken(&given, &ListenAddress::Tcp(address), taken);
        Some(address)
    }

    fn shadow_policies(&mut self, section: Option<&ShadowSection>) -> Vec<PathBuf> {
        section.map(|section| self.policies(&section.policies, "/shadow/policies")).unwrap_or_default()
    }

    fn policies(&mut self, written: &[String], pointer: &str) -> Vec<PathBuf> {
        let mut policies = Vec::with_capacity(written.len());
        for (position, written) in written.iter().enumerate() {
            policies.push(self.existing_path(written, format!("{pointer}/{position}")));
        }
        policies
    }

    fn environment(&mut self, keys: &EnvironmentSection) -> Option<EnvironmentOverride> {
        let Some(environment) = keys.r#override else {
            // probably a forgotten `override`: the operator expects an effect
            if keys.force {
                let given = Setting::in_file("", "/environment/force");
                self.refuse(&given, "has nothing to force", "name the environment in `environment.override`");
            }
            return None;
        };
        // two keys must agree to disable the policies for production: one could be a copy of a test configuration
        if environment != Environment::Production && !keys.force {
            self.refuse(
                &Setting::in_file("", "/environment/override"),
                "would apply weaker policies to production credentials",
                "add `force: true` if you want that",
            );
        }
        Some(EnvironmentOverride { environment, force: keys.force })
    }

    fn traces(&mut self, keys: &TraceKeys) -> Traces {
        let given = Setting::in_file(&keys.sampler, "/traces/sampler");
        let parsed = sampler::parse(&keys.sampler);
        let sampler = parsed.map_err(|what| self.refuse(&given, what, sampler::HELP)).unwrap_or(Sampler::AlwaysOff);
        let slow_threshold = self.duration("/traces/slowThreshold", &keys.slow_threshold);
        Traces {
            sampler,
            always_export: keys.always_export.clone(),
            slow_threshold,
            send_to_upstream: keys.send_to_upstream,
        }
    }
}
