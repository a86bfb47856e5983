//! The form of `kind: Waiver`. Its doc comments are the hover texts of editors.

use crate::policy::source::{NamedExpression, PolicyApiVersion};
use schemars::JsonSchema;
use serde::Deserialize;

/// An exception from a policy or limit for some requests, until a day.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(title = "Waiver")]
pub struct WaiverSource {
    /// The version of this format.
    pub api_version: PolicyApiVersion,
    /// What this file is.
    pub kind: WaiverKind,
    /// Its name.
    pub metadata: WaiverMetadata,
    /// The policy or limit, the requests, and the expiry.
    pub spec: WaiverSpec,
}

/// What a policy file is.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
pub enum WaiverKind {
    /// An exception from a policy or limit for some requests, until a day.
    Waiver,
}

/// Its name.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WaiverMetadata {
    /// The waiver's name, in logs, metrics and traces: lower-case letters, digits and `-`.
    pub name: String,
}

/// The policy or limit, the requests, and the expiry.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WaiverSpec {
    /// The `metadata.name` of the policy or limit. What it would refuse or warn of is only audited.
    pub policy: String,
    /// The requests that are waived: all conditions must be true, such as
    /// `client.spiffeId == "spiffe://example.org/migration"`. One that cannot be evaluated counts as false.
    #[schemars(length(min = 1))]
    pub match_conditions: Vec<NamedExpression>,
    /// The person or team that is accountable for it.
    pub owner: String,
    /// Where it was granted: the key or address of an issue.
    pub ticket: String,
    /// Why there is no other way, in a sentence.
    pub reason: String,
    /// When it expires: a date, which means its first moment in UTC, or a time (RFC 3339).
    #[schemars(example = "2027-06-30", example = "2027-06-30T18:00:00+02:00")]
    pub expires: String,
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_schema_for_editors_is_the_codes() {
        assert!(
            include_str!("../../../policies/waiver.schema.json") == format!("{:#}\n", crate::policy::waiver_schema()),
            "run `cargo run -- schema waiver > policies/waiver.schema.json`"
        );
    }
}
