//! How strictly the contract is applied, and to which operations.

use super::fallthrough::Fallthrough;
use super::glob::matches;
use super::{Contract, INSPECTED, Operation};
use crate::suggest::nearest;

/// How strictly the contract is applied.
#[derive(Clone, Debug)]
pub struct Strictness {
    /// What happens to fields that the contract does not declare, unless an entry for the operation decides.
    pub unknown_fields: UnknownFields,
    /// What happens to requests that are not for an operation of the contract.
    pub fallthrough: Fallthrough,
    /// Which operations are validated.
    pub validate: Validate,
    /// Exceptions for some operations. The last entry that matches an operation decides.
    pub operations: Vec<OperationEntry>,
}

/// An exception for some operations.
#[derive(Clone, Debug)]
pub struct OperationEntry {
    /// Operation ids; `*` stands for any letters.
    pub matches: String,
    /// What happens when a body does not fit.
    pub mode: Mode,
    /// What happens to fields that the contract does not declare; `None` for the same as for all operations.
    pub unknown_fields: Option<UnknownFields>,
}

/// What happens to a field that the contract does not declare.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum UnknownFields {
    /// The request is refused.
    Deny,
    /// The request passes with a warning.
    Warn,
    /// The request passes.
    Allow,
}

/// Which operations have their bodies validated against the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Validate {
    /// Those that write users and their metadata, those that a policy which denies matches, and those listed in `operations`.
    /// If the policies on an operation only warn or audit, so does the contract.
    Listed,
    /// Every operation with a JSON body; those that `listed` would leave out are only audited.
    All,
}

/// What happens when a body does not fit the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// The request is refused.
    Enforce,
    /// The request passes; only logs, metrics and traces show it.
    Audit,
}

/// The strictest effect of the policies on one operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PolicyEffect {
    /// No policy matches it.
    None,
    /// The policies that match it only warn or audit. A policy in shadow mode must refuse nothing, nor cause the contract to.
    Audits,
    /// One of the policies that match it denies.
    Denies,
}

/// How the requests to one operation are inspected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InspectionRules {
    /// What happens when a body does not fit the contract.
    pub mode: Mode,
    /// What happens to fields that the contract does not declare.
    pub unknown_fields: UnknownFields,
    /// The strictest effect of the policies on the operation.
    pub policy_effect: PolicyEffect,
}

impl InspectionRules {
    /// The strictest rules, for an operation without any: failing closed.
    pub const STRICT: Self =
        Self { mode: Mode::Enforce, unknown_fields: UnknownFields::Deny, policy_effect: PolicyEffect::Denies };

    /// Whether no request to the operation is refused, because it is only audited.
    pub fn is_shadow(self) -> bool {
        // if a policy denies, a body that cannot be inspected must not pass: it could contain what the policy forbids
        self.mode == Mode::Audit && self.policy_effect != PolicyEffect::Denies
    }
}

/// An entry of the configuration that has no effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnmatchedEntry {
    /// Its position in the list of entries.
    pub position: usize,
    /// The error.
    pub message: String,
    /// The operation id that was probably meant.
    pub suggestion: Option<String>,
}

impl Default for Strictness {
    /// The strictness of a configuration without `contract`.
    fn default() -> Self {
        Self {
            unknown_fields: UnknownFields::Deny,
            fallthrough: Fallthrough::default(),
            validate: Validate::Listed,
            operations: Vec::new(),
        }
    }
}

impl Strictness {
    /// How the requests to `operation` are inspected; `None` if they are not.
    pub fn inspection(&self, operation: &Operation, policy_effect: PolicyEffect) -> Option<InspectionRules> {
        // the last match: general entries come first in the file, exceptions to them after
        let entry = self.operations.iter().rfind(|entry| matches(&entry.matches, &operation.id));
        let mode = match (entry, self.validate) {
            (Some(entry), _) => entry.mode,
            // an explicit entry first: an operator may audit even these, but must name them
            (None, _) if INSPECTED.contains(&operation.id.as_ref()) => Mode::Enforce,
            (None, _) if policy_effect == PolicyEffect::Denies => Mode::Enforce,
            (None, _) if policy_effect == PolicyEffect::Audits => Mode::Audit,
            (None, Validate::All) => Mode::Audit,
            (None, Validate::Listed) => return None,
        };
        let unknown_fields = entry.and_then(|entry| entry.unknown_fields).unwrap_or(self.unknown_fields);
        let has_something_to_judge = policy_effect != PolicyEffect::None || operation.body.is_some();
        // without a body schema and without a policy, buffering the body would cost time for nothing
        has_something_to_judge.then_some(InspectionRules { mode, unknown_fields, policy_effect })
    }

    /// The entries that match nothing in `contract` that could be validated. They are probably misspelt, and an operator who
    /// believes in them would be unprotected.
    pub fn unmatched_entries(&self, contract: &Contract) -> Vec<UnmatchedEntry> {
        let operations = contract.operations();
        let entries = self.operations.iter().enumerate();
        let idle = entries.filter_map(|(position, OperationEntry { matches: glob, .. })| {
            let mut matched = operations.iter().filter(|operation| matches(glob, &operation.id)).peekable();
            if matched.peek().is_none() {
                let meant = nearest(glob, operations.iter().map(|operation| operation.id.as_ref()));
                let message = format!("`{glob}` matches no operation of the contract");
                return Some(UnmatchedEntry { position, message, suggestion: meant.map(str::to_owned) });
            }
            let message = format!("`{glob}` matches no operation with a JSON body, so there is nothing to validate");
            matched.all(|operation| operation.body.is_none()).then_some(UnmatchedEntry {
                position,
                message,
                suggestion: None,
            })
        });
        idle.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{InspectionRules, Mode, OperationEntry, PolicyEffect, Strictness, UnknownFields, Validate};
    use crate::contract::Contract;

    fn entry(matches: &str, mode: Mode, unknown_fields: Option<UnknownFields>) -> OperationEntry {
        OperationEntry { matches: matches.to_owned(), mode, unknown_fields }
    }

    fn inspection(strictness: &Strictness, id: &str, policy_effect: PolicyEffect) -> Option<(Mode, UnknownFields)> {
        let contract = Contract::built_in("2026-05-12").expect("the built-in contract is valid");
        let operation = contract.operations().into_iter().find(|operation| operation.id.as_ref() == id).expect(id);
        let inspection: Option<InspectionRules> = strictness.inspection(&operation, policy_effect);
        inspection.map(|inspection| (inspection.mode, inspection.unknown_fields))
    }

    #[test]
    fn what_writes_users_and_what_policies_name_is_enforced_and_the_rest_left_alone() {
        let strictness = Strictness::default();
        let enforced = Some((Mode::Enforce, UnknownFields::Deny));
        for id in ["CreateUser", "UpdateUser", "UpdateUserMetadata", "ReplaceUserMetadata"] {
            assert_eq!(inspection(&strictness, id, PolicyEffect::None), enforced, "{id}");
        }
        assert_eq!(inspection(&strictness, "CreateOrganization", PolicyEffect::Denies), enforced);
        assert_eq!(inspection(&strictness, "CreateOrganization", PolicyEffect::None), None);
        assert_eq!(
            inspection(&strictness, "GetUser", PolicyEffect::Denies),
            enforced,
            "a policy may look at heads alone"
        );
    }

    #[test]
    fn a_policy_in_shadow_mode_makes_nothing_stricter() {
        let strictness = Strictness::default();
        let audited = Some((Mode::Audit, UnknownFields::Deny));
        assert_eq!(inspection(&strictness, "CreateOrganization", PolicyEffect::Audits), audited);
        let shadow =
            |mode, policy_effect| InspectionRules { mode, policy_effect, ..InspectionRules::STRICT }.is_shadow();
        assert!(shadow(Mode::Audit, PolicyEffect::Audits) && shadow(Mode::Audit, PolicyEffect::None));
        assert!(!shadow(Mode::Audit, PolicyEffect::Denies) && !shadow(Mode::Enforce, PolicyEffect::Audits));
        let enforced = Some((Mode::Enforce, UnknownFields::Deny));
        assert_eq!(inspection(&strictness, "UpdateUser", PolicyEffect::Audits), enforced, "as without the policy");
    }

    #[test]
    fn validating_all_only_audits_what_would_else_be_left_alone() {
        let strictness = Strictness { validate: Validate::All, ..Strictness::default() };
        assert_eq!(
            inspection(&strictness, "UpdateUser", PolicyEffect::None),
            Some((Mode::Enforce, UnknownFields::Deny))
        );
        assert_eq!(
            inspection(&strictness, "CreateOrganization", PolicyEffect::Denies),
            Some((Mode::Enforce, UnknownFields::Deny))
        );
        assert_eq!(
            inspection(&strictness, "CreateOrganization", PolicyEffect::None),
            Some((Mode::Audit, UnknownFields::Deny))
        );
        assert_eq!(inspection(&strictness, "GetUser", PolicyEffect::None), None, "it has no body");
        assert_eq!(inspection(&strictness, "SetUserProfileImage", PolicyEffect::None), None, "its body is no JSON");
    }

    #[test]
    fn the_last_entry_that_matches_decides() {
        let operations = vec![
            entry("*", Mode::Audit, Some(UnknownFields::Warn)),
            entry("*User", Mode::Enforce, None),
            entry("UpdateUser", Mode::Enforce, Some(UnknownFields::Allow)),
        ];
        let strictness = Strictness { operations, ..Strictness::default() };
        let of = |id: &str| inspection(&strictness, id, PolicyEffect::None);
        assert_eq!(of("UpdateUser"), Some((Mode::Enforce, UnknownFields::Allow)));
        assert_eq!(of("CreateUser"), Some((Mode::Enforce, UnknownFields::Deny)));
        assert_eq!(of("UpdateUserMetadata"), Some((Mode::Audit, UnknownFields::Warn)));
        assert_eq!(of("CreateOrganization"), Some((Mode::Audit, UnknownFields::Warn)));
    }

    #[test]
    fn entries_without_an_effect_are_reported() {
        let contract = Contract::built_in("2026-05-12").expect("the built-in contract is valid");
        let entries = ["UpdateUsr", "*Usr*", "UpdateUser", "GetUser", "Get*"].map(|it| entry(it, Mode::Audit, None));
        let strictness = Strictness { operations: entries.to_vec(), ..Strictness::default() };
        let idle = strictness.unmatched_entries(&contract);
        let reported: Vec<_> = idle.iter().map(|idle| (idle.position, idle.suggestion.as_deref())).collect();
        assert_eq!(reported, [(0, Some("UpdateUser")), (1, None), (3, None), (4, None)]);
        assert!(idle.iter().skip(2).all(|idle| idle.message.contains("no operation with a JSON body")));
    }
}
