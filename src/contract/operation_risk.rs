//! Operations that do harm by themselves, whatever their body holds, and which rules cover them.

use super::Operation;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What a caller with the secret key can do by an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OperationRisk {
    /// It makes a credential that works without the gateway, or replaces one.
    MintsCredential,
    /// It ends in a session of a user, without the user.
    SignsInAsUser,
    /// It changes by whom, by what or from where people can sign in, and as what.
    ChangesTrust,
    /// It touches many users or people, with one request or in a loop.
    ActsInBulk,
    /// Its response has a secret, or the data of many users.
    ReturnsSecret,
    /// It weakens one account.
    WeakensAccount,
    /// It sends a message in the name of the organisation.
    SendsMessage,
}

impl OperationRisk {
    /// Its name in an overlay.
    pub const fn key(self) -> &'static str {
        match self {
            Self::MintsCredential => "mints_credential",
            Self::SignsInAsUser => "signs_in_as_user",
            Self::ChangesTrust => "changes_trust",
            Self::ActsInBulk => "acts_in_bulk",
            Self::ReturnsSecret => "returns_secret",
            Self::WeakensAccount => "weakens_account",
            Self::SendsMessage => "sends_message",
        }
    }

    /// The risk as text output shows it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MintsCredential => "mints a credential",
            Self::SignsInAsUser => "signs in as a user",
            Self::ChangesTrust => "changes trust",
            Self::ActsInBulk => "acts in bulk",
            Self::ReturnsSecret => "returns a secret",
            Self::WeakensAccount => "weakens an account",
            Self::SendsMessage => "sends a message",
        }
    }
}

/// The operation ids of each risk.
pub type OperationRisks = BTreeMap<OperationRisk, BTreeSet<Arc<str>>>;

/// A risky operation, read or write, and what covers it.
#[derive(Clone, Debug, Serialize)]
pub struct RiskyOperation {
    /// The operation id, such as `createSession`.
    pub operation: Arc<str>,
    /// The HTTP method.
    pub method: Arc<str>,
    /// The path template.
    pub path: Arc<str>,
    /// What it can do; never empty.
    pub risks: BTreeSet<OperationRisk>,
    /// The policies that match it, whatever their action.
    pub policies: BTreeSet<Arc<str>>,
    /// The limits that count it, whatever their action.
    pub limits: BTreeSet<Arc<str>>,
}

impl RiskyOperation {
    /// Whether neither a policy nor a limit is for it.
    pub fn is_open(&self) -> bool {
        self.policies.is_empty() && self.limits.is_empty()
    }
}

/// The names of policies, and of limits.
type RuleNames = (BTreeSet<Arc<str>>, BTreeSet<Arc<str>>);

/// The risky ones of `operations`, in their order. `covering` returns the names of the policies and of the limits for an id.
pub fn risky_operations(
    operations: &[Arc<Operation>],
    risks: &OperationRisks,
    covering: &dyn Fn(&str) -> RuleNames,
) -> Vec<RiskyOperation> {
    let found = operations.iter().filter_map(|operation| {
        let of = risks.iter().filter(|(_, ids)| ids.contains(&operation.id)).map(|(risk, _)| *risk);
        let risks: BTreeSet<_> = of.collect();
        let (policies, limits) = if risks.is_empty() { return None } else { covering(&operation.id) };
        let (operation, method, path) = (operation.id.clone(), operation.method.clone(), operation.path.clone());
        Some(RiskyOperation { operation, method, path, risks, policies, limits })
    });
    found.collect()
}

#[cfg(test)]
mod tests {
    use super::{OperationRisk, OperationRisks, risky_operations};
    use crate::contract::Contract;
    use std::collections::BTreeSet;
    use std::sync::Arc;

    #[test]
    fn a_risky_operation_is_listed_with_its_rules() {
        let contract = Contract::built_in("2026-05-12").expect("the built-in contract is valid");
        let risks: OperationRisks = [
            (OperationRisk::ReturnsSecret, BTreeSet::from([Arc::from("getApiKeySecret")])),
            (OperationRisk::ActsInBulk, BTreeSet::from([Arc::from("UsersBan")])),
        ]
        .into();
        let covering = |id: &str| {
            let limits = (id == "UsersBan").then(|| Arc::from("bans")).into_iter().collect();
            (BTreeSet::new(), limits)
        };
        let listed = risky_operations(&contract.operations_of("2026-05-12"), &risks, &covering);
        let found: Vec<_> = listed.iter().map(|it| (it.operation.as_ref(), it.is_open())).collect();
        assert_eq!(found, [("getApiKeySecret", true), ("UsersBan", false)], "reads too");
    }

    #[test]
    fn the_name_of_a_risk_is_that_of_the_file() {
        for risk in [OperationRisk::MintsCredential, OperationRisk::SignsInAsUser, OperationRisk::SendsMessage] {
            assert_eq!(serde_json::to_value(risk).expect("a name"), risk.key());
        }
    }
}
