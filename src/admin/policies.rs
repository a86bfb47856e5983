//! `/policies`: the contract, policies, limits and waivers in force.

use crate::contract::VersionSpec;
use crate::judge::Bundle;
use crate::policy::{Limit, MatchedEnvironment, Policy, Scope, Waiver};
use serde_json::{Map, Value, json};
use std::time::SystemTime;

/// The bundle as JSON, with its shadow bundle; `now` decides which waivers have expired.
pub(super) fn in_force(bundle: &Bundle, now: SystemTime) -> Value {
    let contract: Vec<_> = bundle.contract.sources().iter().map(version).collect();
    let default = bundle.contract.default_version();
    json!({
        "revision": bundle.revision,
        "contract": { "defaultApiVersion": default, "versions": contract },
        "policies": policies(bundle),
        "limits": bundle.policies.limits().iter().map(|it| limit(it)).collect::<Vec<_>>(),
        "waivers": waivers(bundle, now),
        "shadow": bundle.shadow().map(|shadow| {
            let changes = bundle.shadow_changes().into_iter();
            let changes = changes.map(|(name, change)| (name.to_string(), Value::from(change.as_str())));
            json!({
                "revision": shadow.revision,
                "changes": changes.collect::<Map<_, _>>(),
                "policies": policies(shadow),
                "waivers": waivers(shadow, now),
            })
        }),
    })
}

fn policies(bundle: &Bundle) -> Vec<Value> {
    bundle.policies.all().iter().map(|it| policy(it)).collect()
}

fn waivers(bundle: &Bundle, now: SystemTime) -> Vec<Value> {
    bundle.policies.waivers().map(|it| waiver(it, now)).collect()
}

fn version(source: &VersionSpec) -> Value {
    json!({
        "version": source.version,
        "family": source.family,
        "specSha256": source.spec.as_ref().map(|spec| &spec.sha256),
        "specDate": source.spec.as_ref().map(|spec| &spec.date),
    })
}

fn policy(policy: &Policy) -> Value {
    json!({
        "name": policy.name,
        "action": policy.action.as_str(),
        "operations": policy.scope.operations,
        "environments": environments(&policy.scope),
        "owner": policy.owner,
    })
}

fn limit(limit: &Limit) -> Value {
    json!({
        "name": limit.name,
        "action": limit.action.as_str(),
        "operations": limit.scope.operations,
        "environments": environments(&limit.scope),
        "owner": limit.owner,
        "events": limit.rate.as_ref().map(|rate| rate.events),
        "period": limit.rate.as_ref().map(|rate| &rate.written),
        "cost": limit.cost(),
        "inFlight": limit.in_flight,
    })
}

fn environments(scope: &Scope) -> Vec<&str> {
    scope.environments.iter().map(MatchedEnvironment::as_str).collect()
}

fn waiver(waiver: &Waiver, now: SystemTime) -> Value {
    json!({
        "name": waiver.name,
        "policy": waiver.policy,
        "owner": waiver.owner,
        "ticket": waiver.ticket,
        "reason": waiver.reason,
        "expires": waiver.expires.to_string(),
        "expired": waiver.expires.is_past(now),
    })
}
