//! `/config`: the configuration in force, with defaults and overrides, under the keys of `config/gateway.yaml`.
//!
//! It holds no secret: secrets are in files, and only the names of those are shown; a proxy is shown without its credentials.

use crate::config::gateway::{
    AccessLogTarget, DecisionLogConfig, Gateway, Limits, ListenAddress, ListenerConfig, Logs, UpstreamConfig,
};
use crate::contract::strictness::OperationEntry;
use serde_json::{Value, json};
use std::time::Duration;

/// The configuration as JSON.
pub fn to_json(gateway: &Gateway) -> Value {
    let Gateway { source, listen, upstream, policies, contract, environment, limits, admin, .. } = gateway;
    let Gateway { removal_rules, reload, shadow_policies, environment_names, instance, shutdown, .. } = gateway;
    let Gateway { logs, decision_log, masks, traces, workers, .. } = gateway;
    let strictness = &contract.strictness;
    json!({
        "file": source.file(),
        "listen": listen.iter().map(listener).collect::<Vec<_>>(),
        "upstream": upstream_to_json(upstream),
        "policies": policies,
        "shadow": (!shadow_policies.is_empty()).then(|| json!({ "policies": shadow_policies })),
        "shutdown": { "delay": duration(shutdown.delay), "timeout": duration(shutdown.timeout) },
        "removed": removal_rules.removed,
        "reload": {
            "watch": reload.watch,
            "interval": duration(reload.interval),
            "removals": removal_rules.removals,
        },
        "contract": {
            "folder": contract.folder,
            "defaultApiVersion": contract.default_api_version,
            "validate": strictness.validate,
            "unknownFields": strictness.unknown_fields,
            "fallthrough": strictness.fallthrough,
            "operations": strictness.operations.iter().map(operation).collect::<Vec<_>>(),
        },
        "environment": {
            "override": environment.map(|it| it.environment.as_str()),
            "force": environment.is_some_and(|it| it.force),
            "name": instance.environment,
            "names": environment_names,
        },
        "instance": { "name": instance.name, "labels": instance.labels },
        "limits": limits_to_json(limits),
        "admin": { "listen": admin.map(|address| address.to_string()) },
        "logs": logs_to_json(logs),
        "decisionLog": decision_log.as_ref().map(decision_log_to_json),
        "masks": {
            "pointers": masks.pointers, "names": masks.names, "headers": masks.headers, "query": masks.query,
        },
        "traces": {
            "sampler": traces.sampler.to_string(),
            "alwaysExport": traces.always_export,
            "slowThreshold": duration(traces.slow_threshold),
            "sendToUpstream": traces.send_to_upstream,
        },
        "workers": workers,
    })
}

fn upstream_to_json(upstream: &UpstreamConfig) -> Value {
    json!({
        "url": upstream.target.to_string(),
        "caFile": upstream.ca_file,
        "clientCertificateFile": upstream.client.as_ref().map(|client| &client.certificate_file),
        "clientPrivateKeyFile": upstream.client.as_ref().map(|client| &client.private_key_file),
        // without its credentials
        "proxy": upstream.proxy.as_ref().map(|used| used.proxy.to_string()),
        "resolve": upstream.resolve,
        "http2": upstream.http2,
        "connectTimeout": duration(upstream.connect_timeout),
        "responseTimeout": duration(upstream.response_timeout),
        "uploadTimeout": duration(upstream.upload_timeout),
    })
}

fn listener(listener: &ListenerConfig) -> Value {
    let tls = listener.tls.as_ref().map(|tls| {
        json!({
            "certificateFile": tls.certificate_file,
            "privateKeyFile": tls.private_key_file,
            "clientCaFile": tls.client_ca_file,
            "clientCrlFile": tls.client_crl_file,
        })
    });
    let mode = match &listener.address {
        ListenAddress::Unix { mode, .. } => Some(format!("{mode:04o}")),
        ListenAddress::Tcp(_) => None,
    };
    json!({ "address": listener.address.to_string(), "tls": tls, "mode": mode })
}

fn operation(entry: &OperationEntry) -> Value {
    json!({ "match": entry.matches, "mode": entry.mode, "unknownFields": entry.unknown_fields })
}

fn logs_to_json(logs: &Logs) -> Value {
    json!({
        "access": match &logs.access {
            AccessLogTarget::Stdout => json!("stdout"),
            AccessLogTarget::Off => json!("off"),
            AccessLogTarget::File(file) => json!({ "file": file }),
        },
        "sampleAllowed": logs.sample_allowed,
        "format": logs.format,
        "level": logs.level,
    })
}

fn limits_to_json(limits: &Limits) -> Value {
    json!({
        "bodyBytes": limits.body_bytes,
        "bodyTimeout": duration(limits.body_timeout),
        "headerBytes": limits.header_bytes,
        "headerTimeout": duration(limits.header_timeout),
        "idleTimeout": duration(limits.idle_timeout),
        "requestTimeout": duration(limits.request_timeout),
        "connectionAge": duration(limits.connection_age),
        "connections": limits.connections,
        "inFlight": limits.in_flight,
        "memoryBytes": limits.memory_bytes,
        "perClientShare": limits.per_client_share,
    })
}

fn decision_log_to_json(log: &DecisionLogConfig) -> Value {
    let fingerprints = log.fingerprints.as_ref().map(
        |it| json!({ "key": { "file": it.key_file }, "body": it.body, "params": it.params, "headers": it.headers }),
    );
    let signing = log.signing_key_file.as_ref().map(|file| json!({ "key": { "file": file } }));
    json!({
        // keys are shown by their files only
        "file": log.file, "maxBytes": log.max_bytes, "keep": log.keep, "compression": log.compression,
        "sampleAllowed": log.sample_allowed, "chain": log.chain, "signing": signing,
        "fingerprints": fingerprints,
    })
}

/// In the configuration's notation, in the largest unit without a remainder.
fn duration(duration: Duration) -> String {
    let millis = duration.as_millis();
    match (millis % 1_000, millis % 60_000) {
        // zero is `0s`: the unit of the defaults
        (0, 0) if millis > 0 => format!("{}m", millis / 60_000),
        (0, _) => format!("{}s", millis / 1_000),
        _ => format!("{millis}ms"),
    }
}
