//! How strictly the contract is applied, and to which operations.

use super::glob::matches;
use super::{Contract, INSPECTED, Operation};
use crate::suggest::nearest;

/// How strictly the contract is applied.
#[derive(Clone, Debug)]
pub struct Strictness {
    /// What happens to fields that the contract does not declare, where an operation's own entry does not say.
    pub unknown_fields: UnknownFields,
    /// What happens to requests that are no operation of the contract.
    pub fallthrough: Fallthrough,
    /// Which operations are validated.
    pub validate: Validate,
    /// What is said of operations by name; the last entry that matches one decides.
    pub operations: Vec<OperationEntry>,
}

/// What is said of some operations.
#[derive(Clone, Debug)]
pub struct OperationEntry {
    /// Operation ids; `*` stands for any letters.
    pub matches: String,
    /// What happens when a body does not fit.
    pub mode: Mode,
    /// What happens to fields that the contract does not declare; as for all operations where absent.
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

/// What happens to a request that is no operation of the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Fallthrough {
    /// It is forwarded as it came.
    Forward,
    /// It is refused.
    Deny,
}

/// Which operations have their bodies held against the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Validate {
    /// Those that write users and their metadata, those that a policy which denies names, and those listed in `operations`.
    /// Where policies only warn or audit, so does the contract.
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

/// What policies make of the requests to one operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Policed {
    /// No policy matches it.
    No,
    /// Those that match it only warn or audit: a policy in shadow mode must refuse nothing.
    Watched,
    /// One of those that match it denies.
    Guarded,
}

/// How the requests to one operation are inspected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inspection {
    /// What happens when a body does not fit the contract.
    pub mode: Mode,
    /// What happens to fields that the contract does not declare.
    pub unknown_fields: UnknownFields,
    /// What policies make of them.
    pub policed: Policed,
}

impl Inspection {
    /// The strictest there is.
    pub const STRICT: Self =
        Self { mode: Mode::Enforce, unknown_fields: UnknownFields::Deny, policed: Policed::Guarded };

    /// Whether nothing refuses requests to the operation, because it is only looked at. Where a policy denies, a body that
    /// cannot be judged must not pass: it could hold what the policy forbids.
    pub fn is_shadow(self) -> bool {
        self.mode == Mode::Audit && self.policed != Policed::Guarded
    }
}

/// An entry that there is no operation for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Idle {
    /// Its position among the entries.
    pub position: usize,
    /// What is wrong with it.
    pub message: String,
    /// The operation that was probably meant.
    pub meant: Option<String>,
}

impl Default for Strictness {
    /// As a configuration that says nothing of it.
    fn default() -> Self {
        Self {
            unknown_fields: UnknownFields::Deny,
            fallthrough: Fallthrough::Forward,
            validate: Validate::Listed,
            operations: Vec::new(),
        }
    }
}

impl Strictness {
    /// How the requests to `operation` are inspected; none where they are not. `policed` says what policies make of them.
    pub fn inspection(&self, operation: &Operation, policed: Policed) -> Option<Inspection> {
        let entry = self.operations.iter().rfind(|entry| matches(&entry.matches, &operation.id));
        let mode = match (entry, self.validate) {
            (Some(entry), _) => entry.mode,
            (None, _) if INSPECTED.contains(&operation.id.as_ref()) => Mode::Enforce,
            (None, _) if policed == Policed::Guarded => Mode::Enforce,
            (None, _) if policed == Policed::Watched => Mode::Audit,
            (None, Validate::All) => Mode::Audit,
            (None, Validate::Listed) => return None,
        };
        let unknown_fields = entry.and_then(|entry| entry.unknown_fields).unwrap_or(self.unknown_fields);
        let has_something_to_judge = policed != Policed::No || operation.body.is_some();
        has_something_to_judge.then_some(Inspection { mode, unknown_fields, policed })
    }

    /// The entries by which nothing of `contract` is validated: they are misspelt.
    pub fn idle(&self, contract: &Contract) -> Vec<Idle> {
        let operations = contract.operations();
        let entries = self.operations.iter().enumerate();
        let idle = entries.filter_map(|(position, OperationEntry { matches: glob, .. })| {
            let mut matched = operations.iter().filter(|operation| matches(glob, &operation.id)).peekable();
            if matched.peek().is_none() {
                let meant = nearest(glob, operations.iter().map(|operation| operation.id.as_ref()));
                let message = format!("`{glob}` matches no operation of the contract");
                return Some(Idle { position, message, meant: meant.map(str::to_owned) });
            }
            let message = format!("`{glob}` matches no operation with a JSON body, so there is nothing to validate");
            matched.all(|operation| operation.body.is_none()).then_some(Idle { position, message, meant: None })
        });
        idle.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{Inspection, Mode, OperationEntry, Policed, Strictness, UnknownFields, Validate};
    use crate::contract::Contract;

    fn entry(matches: &str, mode: Mode, unknown_fields: Option<UnknownFields>) -> OperationEntry {
        OperationEntry { matches: matches.to_owned(), mode, unknown_fields }
    }

    fn inspection(strictness: &Strictness, id: &str, policed: Policed) -> Option<(Mode, UnknownFields)> {
        let contract = Contract::built_in("2026-05-12").expect("the built-in contract is valid");
        let operation = contract.operations().into_iter().find(|operation| operation.id.as_ref() == id).expect(id);
        let inspection: Option<Inspection> = strictness.inspection(&operation, policed);
        inspection.map(|inspection| (inspection.mode, inspection.unknown_fields))
    }

    #[test]
    fn what_writes_users_and_what_policies_name_is_enforced_and_the_rest_left_alone() {
        let strictness = Strictness::default();
        let enforced = Some((Mode::Enforce, UnknownFields::Deny));
        for id in ["CreateUser", "UpdateUser", "UpdateUserMetadata", "ReplaceUserMetadata"] {
            assert_eq!(inspection(&strictness, id, Policed::No), enforced, "{id}");
        }
        assert_eq!(inspection(&strictness, "CreateOrganization", Policed::Guarded), enforced);
        assert_eq!(inspection(&strictness, "CreateOrganization", Policed::No), None);
        assert_eq!(inspection(&strictness, "GetUser", Policed::Guarded), enforced, "a policy may look at heads alone");
    }

    #[test]
    fn a_policy_in_shadow_mode_makes_nothing_stricter() {
        let strictness = Strictness::default();
        let audited = Some((Mode::Audit, UnknownFields::Deny));
        assert_eq!(inspection(&strictness, "CreateOrganization", Policed::Watched), audited);
        let shadow = |mode, policed| Inspection { mode, policed, ..Inspection::STRICT }.is_shadow();
        assert!(shadow(Mode::Audit, Policed::Watched) && shadow(Mode::Audit, Policed::No));
        assert!(!shadow(Mode::Audit, Policed::Guarded) && !shadow(Mode::Enforce, Policed::Watched));
        let enforced = Some((Mode::Enforce, UnknownFields::Deny));
        assert_eq!(inspection(&strictness, "UpdateUser", Policed::Watched), enforced, "as without the policy");
    }

    #[test]
    fn validating_all_only_audits_what_would_else_be_left_alone() {
        let strictness = Strictness { validate: Validate::All, ..Strictness::default() };
        assert_eq!(inspection(&strictness, "UpdateUser", Policed::No), Some((Mode::Enforce, UnknownFields::Deny)));
        assert_eq!(
            inspection(&strictness, "CreateOrganization", Policed::Guarded),
            Some((Mode::Enforce, UnknownFields::Deny))
        );
        assert_eq!(
            inspection(&strictness, "CreateOrganization", Policed::No),
            Some((Mode::Audit, UnknownFields::Deny))
        );
        assert_eq!(inspection(&strictness, "GetUser", Policed::No), None, "it has no body");
        assert_eq!(inspection(&strictness, "SetUserProfileImage", Policed::No), None, "its body is no JSON");
    }

    #[test]
    fn the_last_entry_that_matches_decides() {
        let operations = vec![
            entry("*", Mode::Audit, Some(UnknownFields::Warn)),
            entry("*User", Mode::Enforce, None),
            entry("UpdateUser", Mode::Enforce, Some(UnknownFields::Allow)),
        ];
        let strictness = Strictness { operations, ..Strictness::default() };
        let of = |id: &str| inspection(&strictness, id, Policed::No);
        assert_eq!(of("UpdateUser"), Some((Mode::Enforce, UnknownFields::Allow)));
        assert_eq!(of("CreateUser"), Some((Mode::Enforce, UnknownFields::Deny)));
        assert_eq!(of("UpdateUserMetadata"), Some((Mode::Audit, UnknownFields::Warn)));
        assert_eq!(of("CreateOrganization"), Some((Mode::Audit, UnknownFields::Warn)));
    }

    #[test]
    fn entries_that_nothing_is_validated_by_are_told() {
        let contract = Contract::built_in("2026-05-12").expect("the built-in contract is valid");
        let entries = ["UpdateUsr", "*Usr*", "UpdateUser", "GetUser", "Get*"].map(|it| entry(it, Mode::Audit, None));
        let strictness = Strictness { operations: entries.to_vec(), ..Strictness::default() };
        let idle = strictness.idle(&contract);
        let told: Vec<_> = idle.iter().map(|idle| (idle.position, idle.meant.as_deref())).collect();
        assert_eq!(told, [(0, Some("UpdateUser")), (1, None), (3, None), (4, None)]);
        assert!(idle.iter().skip(2).all(|idle| idle.message.contains("no operation with a JSON body")));
    }
}
