//! What the decision log records of the shadow bundle: only what it would have decided otherwise.

use super::enum_names;
use super::{EntryText, RecordedRule};
use crate::judge::ShadowDecision;
use crate::policy::Action;
use serde::{Deserialize, Serialize};

/// What the shadow bundle would have decided otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
pub struct RecordedShadow<'a> {
    /// The revision of the shadow bundle.
    pub revision: EntryText<'a>,
    /// How its decision differs. `None` if it is the same.
    #[serde(with = "enum_names::optional", default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<ShadowDecision>,
    /// The rules that have another effect.
    pub differences: Vec<RecordedDifference<'a>>,
}

/// A rule that has another effect in the shadow bundle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(bound(deserialize = "'de: 'a"))]
pub struct RecordedDifference<'a> {
    /// A policy, a keyword of the contract, or a check of the gateway.
    pub rule: RecordedRule<'a>,
    /// Its effect in the bundle in force. `None` if it was not violated there.
    #[serde(with = "enum_names::optional", default, skip_serializing_if = "Option::is_none")]
    pub action: Option<Action>,
    /// Its effect in the shadow bundle. `None` if it is not violated there.
    #[serde(with = "enum_names::optional", default, skip_serializing_if = "Option::is_none")]
    pub shadow_action: Option<Action>,
}
