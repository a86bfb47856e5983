//! Settings of the contract by which requests would pass that are refused now.

use crate::contract::Contract;
use crate::contract::fallthrough::{ReadFallthrough, WriteFallthrough};
use crate::contract::strictness::{InspectionRules, Mode, PolicyEffect, Strictness, UnknownFields};

/// The keys by which `after` refuses fewer requests for operations of `contract` than `before`.
//
// Each key apart, with the others as they are after: one that changes is not reported by the name of another.
pub(super) fn weaker_settings(before: &Strictness, after: &Strictness, contract: &Contract) -> Vec<&'static str> {
    let mut keys = Vec::new();
    if leniency(after.unknown_fields) > leniency(before.unknown_fields) {
        keys.push("contract.unknownFields");
    }
    let (was, is) = (before.fallthrough, after.fallthrough);
    let reads = was.reads == ReadFallthrough::Deny && is.reads != ReadFallthrough::Deny;
    let writes = was.writes == WriteFallthrough::Deny && is.writes != WriteFallthrough::Deny;
    if reads || writes {
        keys.push("contract.fallthrough");
    }
    let before = Strictness { operations: before.operations.clone(), ..after.clone() };
    // by any policies: those that change are reported by their names
    let effects = [PolicyEffect::None, PolicyEffect::Audits, PolicyEffect::Denies];
    let is_weaker = |operation: &_, effect| {
        let (was, is) = (before.inspection(operation, effect), after.inspection(operation, effect));
        was.is_some_and(|was| passes_more(was, is))
    };
    let operations = contract.operations();
    if operations.iter().any(|operation| effects.into_iter().any(|effect| is_weaker(operation, effect))) {
        keys.push("contract.operations");
    }
    keys
}

fn passes_more(before: InspectionRules, after: Option<InspectionRules>) -> bool {
    before.mode == Mode::Enforce
        && after.is_none_or(|after| {
            after.mode == Mode::Audit || leniency(after.unknown_fields) > leniency(before.unknown_fields)
        })
}

/// The more passes, the greater.
const fn leniency(unknown_fields: UnknownFields) -> u8 {
    match unknown_fields {
        UnknownFields::Deny => 0,
        UnknownFields::Warn | UnknownFields::Allow => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::weaker_settings;
    use crate::contract::Contract;
    use crate::contract::fallthrough::{Fallthrough, ReadFallthrough, WriteFallthrough};
    use crate::contract::strictness::{Mode, OperationEntry, Strictness, UnknownFields};

    fn with(matches: &str, mode: Mode, unknown_fields: Option<UnknownFields>) -> Strictness {
        let operations = vec![OperationEntry { matches: matches.to_owned(), mode, unknown_fields }];
        Strictness { operations, ..Strictness::default() }
    }

    #[test]
    fn a_setting_that_lets_more_pass_is_named() {
        let contract = Contract::built_in("2026-05-12").expect("the built-in contract is valid");
        let strict = Strictness::default();
        let lenient = Strictness { unknown_fields: UnknownFields::Warn, ..strict.clone() };
        let denying = Strictness { fallthrough: Fallthrough::DENY, ..strict.clone() };
        let forwarding = Strictness { fallthrough: Fallthrough::FORWARD, ..strict.clone() };
        let auditing = Fallthrough { reads: ReadFallthrough::Forward, writes: WriteFallthrough::Audit };
        let auditing = Strictness { fallthrough: auditing, ..strict.clone() };
        let (enforced, audited) = (with("*Organization*", Mode::Enforce, None), with("UpdateUser", Mode::Audit, None));
        let warned = with("UpdateUser", Mode::Enforce, Some(UnknownFields::Allow));
        for (before, after, expected) in [
            (&strict, &lenient, &["contract.unknownFields"][..]),
            (&denying, &strict, &["contract.fallthrough"]),
            (&strict, &forwarding, &["contract.fallthrough"]),
            (&strict, &auditing, &["contract.fallthrough"]),
            (&strict, &audited, &["contract.operations"]),
            (&strict, &warned, &["contract.operations"]),
            (&enforced, &strict, &["contract.operations"]),
            (&lenient, &strict, &[]),
            (&strict, &denying, &[]),
            (&auditing, &forwarding, &[]),
            (&audited, &strict, &[]),
            (&strict, &enforced, &[]),
            (&strict, &strict, &[]),
        ] {
            assert_eq!(weaker_settings(before, after, &contract), expected, "{before:?} -> {after:?}");
        }
    }
}
