//! What policies, waivers and limits are in force, for operators and their tools.

use crate::judge::Bundle;
use crate::policy::{Action, Scope, Waiver};
use serde_json::{Value, json};
use std::time::SystemTime;

/// What is in force, and for waivers how long it still is at `now`.
pub(super) fn in_force(bundle: &Bundle, now: SystemTime) -> Value {
    let policies: Vec<_> =
        bundle.policies.all().iter().map(|it| rule(&it.name, it.action, &it.scope, it.owner.as_deref())).collect();
    let limits: Vec<_> =
        bundle.policies.limits().iter().map(|it| rule(&it.name, it.action, &it.scope, it.owner.as_deref())).collect();
    let waivers: Vec<_> = bundle.policies.waivers().map(|it| waiver(it, now)).collect();
    json!({ "revision": bundle.revision, "policies": policies, "waivers": waivers, "limits": limits })
}

fn rule(name: &str, action: Action, scope: &Scope, owner: Option<&str>) -> Value {
    json!({
        "name": name,
        "action": action.as_str(),
        "operations": scope.operations,
        "environments": scope.environments.iter().map(|it| it.as_str()).collect::<Vec<_>>(),
        "owner": owner,
    })
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
