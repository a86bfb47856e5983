//! `kind: Waiver` as it is written. The comments here are what editors show.

use crate::policy::source::{ApiVersion, NamedExpression};
use schemars::JsonSchema;
use serde::Deserialize;

/// Lets through, until a day, what a policy would refuse.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[schemars(title = "Waiver")]
pub struct WaiverSource {
    /// The version of this format.
    pub api_version: ApiVersion,
    /// What this file is.
    pub kind: WaiverKind,
    /// Its name.
    pub metadata: WaiverMetadata,
    /// What is waived, for whom, and until when.
    pub spec: WaiverSpec,
}

/// What a policy file is.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
pub enum WaiverKind {
    /// Lets through, until a day, what a policy would refuse.
    Waiver,
}

/// Its name.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WaiverMetadata {
    /// The waiver's name, in logs, metrics and traces: lower-case letters, digits and `-`.
    pub name: String,
}

/// What is waived, for whom, and until when.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WaiverSpec {
    /// The `metadata.name` of the policy. What it would refuse, or warn of, is only audited.
    pub policy: String,
    /// For which requests: all conditions must be true, in the words that policies have, such as
    /// `client.spiffeId == "spiffe://example.org/migration"`. One that cannot be evaluated is not true.
    #[schemars(length(min = 1))]
    pub match_conditions: Vec<NamedExpression>,
    /// Who answers for it.
    pub owner: String,
    /// Where it was asked for and granted, such as an issue's key or address.
    pub ticket: String,
    /// Why there is no other way, in a sentence.
    pub reason: String,
    /// When it ends, by itself: a date, which means its first moment in UTC, or a time (RFC 3339).
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
