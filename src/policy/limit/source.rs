//! The form of `kind: RequestLimit`. Its doc comments are the hover texts of editors.

use crate::policy::Action;
use crate::policy::source::{Match, NamedExpression, PolicyApiVersion, PolicyMetadata};
use schemars::JsonSchema;
use serde::Deserialize;

/// How many requests may pass, by who sends them.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RequestLimit {
    /// The version of this format.
    pub api_version: PolicyApiVersion,
    /// What this document is.
    pub kind: LimitKind,
    /// Name and labels.
    pub metadata: PolicyMetadata,
    /// What is counted, by which key, and how much is allowed.
    pub spec: LimitSpec,
}

/// What a limit's document is.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[schemars(rename = "Kind")]
pub enum LimitKind {
    /// How many requests may pass, by who sends them.
    RequestLimit,
}

/// The limit: `events` in each `period`, `inFlight` at once, or both.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(rename = "Spec")]
pub struct LimitSpec {
    /// The requests that are counted.
    pub r#match: Match,
    /// Further conditions, all of which must be true for a request to count.
    #[serde(default)]
    pub match_conditions: Vec<NamedExpression>,
    /// Expressions with a name, for use in those below as `variables.NAME`. Each is evaluated when first used.
    #[serde(default)]
    pub variables: Vec<NamedExpression>,
    /// A CEL expression, such as `client.spiffeId` or `instance.keyFingerprint`. Requests for which it has the same value,
    /// including null, are counted together. A string, int, uint, bool or null, and nothing of a secret field. Default: all
    /// requests are counted together.
    pub key: Option<String>,
    /// A CEL expression for what a request counts as, such as `size(body.user_ids)`: an int or uint, and nothing of a secret
    /// field. Below 1 counts as 1. A request that would exceed `events` is refused whole, and none of it counts. Default: 1.
    pub cost: Option<String>,
    /// Requests with the same key that may pass within any `period`; with `cost`, the sum of theirs.
    #[schemars(range(min = 1))]
    pub events: Option<u32>,
    /// The time that `events` are for: a whole number and `ms`, `s`, `m` or `h`, such as `1m`; at most `24h`.
    pub period: Option<String>,
    /// Requests with the same key that may be in flight at once: forwarded, with a response that is not yet complete.
    #[schemars(range(min = 1))]
    pub in_flight: Option<u32>,
    /// The message for a caller that exceeds the limit.
    pub message: String,
    /// What the caller can do about it.
    pub hint: Option<String>,
    /// What happens to a request above the limit: `Deny`, `Warn` or `Audit`, exactly one. Requests above
    /// it are not counted, so that `Audit` records exactly what `Deny` would refuse.
    pub actions: Vec<Action>,
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_schema_for_editors_is_the_codes() {
        assert!(
            include_str!("../../../policies/request-limit.schema.json")
                == format!("{:#}\n", crate::policy::limit_schema()),
            "policies/request-limit.schema.json is out of date; run `cargo run -- schema request-limit > policies/request-limit.schema.json`"
        );
    }
}
