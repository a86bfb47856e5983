//! Judges a request by the shadow bundle, a candidate for the bundle in force, on the body that was parsed for that one.
//!
//! The result has a type of its own: nothing in it can permit or refuse a request.

use super::bundle::Bundle;
use super::decide::{Judgement, contract_violations};
use super::findings::{ambiguous_action, from_policy};
use super::violation::{Rule, Violation};
use super::waive::waive;
use crate::contract::Operation;
use crate::contract::strictness::{InspectionRules, Mode};
use crate::policy::{Action, Attributes};

/// What the shadow bundle would have decided otherwise than the bundle in force.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ShadowJudgement {
    /// How its decision differs. `None` if it is the same.
    pub decision: Option<ShadowDecision>,
    /// The rules that have another effect, each once.
    pub differences: Vec<RuleDifference>,
}

/// How the decision of the shadow bundle differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShadowDecision {
    /// It would refuse a request that passed.
    WouldRefuse,
    /// It would let a request pass that was refused.
    WouldAllow,
}

impl ShadowDecision {
    /// Every decision that differs.
    pub const ALL: [Self; 2] = [Self::WouldRefuse, Self::WouldAllow];

    /// The word used in logs, metrics and spans.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::WouldRefuse => "would_refuse",
            Self::WouldAllow => "would_allow",
        }
    }
}

/// A rule that has another effect on a request in the shadow bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleDifference {
    /// A policy, a keyword of the contract, or a check of the gateway.
    pub rule: Rule,
    /// Its effect in the bundle in force. `None` if it was not violated there.
    pub action: Option<Action>,
    /// Its effect in the shadow bundle. `None` if it is not violated there.
    pub shadow_action: Option<Action>,
}

/// The strictest action of the violations of each rule. A few: a list is faster than a map.
#[derive(Default)]
struct RuleEffects(Vec<(Rule, Action)>);

impl RuleEffects {
    fn add(&mut self, rule: &Rule, action: Action) {
        match self.0.iter_mut().find(|(known, _)| known == rule) {
            Some((_, known)) => *known = action.min(*known),
            None => self.0.push((rule.clone(), action)),
        }
    }

    fn add_all<'v>(&mut self, violations: impl IntoIterator<Item = &'v Violation>) {
        violations.into_iter().for_each(|violation| self.add(&violation.rule, violation.action));
    }

    fn action(&self, rule: &Rule) -> Option<Action> {
        self.0.iter().find(|(known, _)| known == rule).map(|(_, action)| *action)
    }

    fn any_denies(&self) -> bool {
        self.0.iter().any(|(_, action)| *action == Action::Deny)
    }
}

/// Judges the request of `judgement`, which the bundle `in_force` made, by its shadow bundle `shadow`.
///
/// Limits are left out: the shadow bundle has none of its own.
pub fn decide_shadow(
    in_force: &Bundle,
    shadow: &Bundle,
    judgement: &Judgement,
    operation: &Operation,
    attributes: &Attributes<'_>,
) -> ShadowJudgement {
    let limits = in_force.policies.limits_of_operation(&operation.id);
    let is_limit = |rule: &Rule| matches!(rule, Rule::Policy(name) if limits.iter().any(|limit| limit.name == *name));
    let mut before = RuleEffects::default();
    before.add_all(judgement.violations.iter().filter(|violation| !is_limit(&violation.rule)));
    let after = shadow_effects(in_force, shadow, judgement, operation, attributes);
    // a limit that cannot be evaluated refuses by either bundle
    let is_refused_anyway = judgement.violations.iter().any(|it| it.action == Action::Deny && is_limit(&it.rule));
    let decision = match (judgement.verdict.is_err(), is_refused_anyway || after.any_denies()) {
        (false, true) => Some(ShadowDecision::WouldRefuse),
        (true, false) => Some(ShadowDecision::WouldAllow),
        (false, false) | (true, true) => None,
    };
    ShadowJudgement { decision, differences: differences(&before, &after) }
}

fn shadow_effects(
    in_force: &Bundle,
    shadow: &Bundle,
    judgement: &Judgement,
    operation: &Operation,
    attributes: &Attributes<'_>,
) -> RuleEffects {
    let mut effects = RuleEffects::default();
    let Some(inspection) = shadow.inspection(operation) else { return effects };
    let is_unparsed = judgement.violations.iter().any(|violation| violation.rule == Rule::Gateway);
    if is_unparsed {
        effects.add(&Rule::Gateway, ambiguous_action(inspection));
        return effects;
    }
    let document = judgement.document.as_ref();
    if is_of_same_strictness(in_force.inspection(operation), inspection) {
        let of_contract = |violation: &&Violation| !matches!(violation.rule, Rule::Policy(_));
        effects.add_all(judgement.violations.iter().filter(of_contract));
    } else if let (Some(schema), Some(document)) = (&operation.body, document) {
        let findings = schema.check(document);
        effects.add_all(&contract_violations(shadow, operation, attributes, inspection, (schema, document), findings));
    }
    let fits_contract = !effects.any_denies();
    for policy in shadow.policies.of_environment(&operation.id, attributes.environment) {
        let outcome = policy.evaluate(operation, document, attributes);
        let mut found = from_policy(policy, &outcome, fits_contract, |_| None);
        waive(policy, operation, document, attributes, fits_contract, &mut found);
        effects.add_all(&found);
    }
    effects
}

/// Whether the contract has the same violations under both, whatever the policies are.
fn is_of_same_strictness(one: Option<InspectionRules>, other: InspectionRules) -> bool {
    // under audit it depends on the policies which fields must have their types
    one.is_some_and(|one| {
        one.mode == Mode::Enforce && other.mode == Mode::Enforce && one.unknown_fields == other.unknown_fields
    })
}

fn differences(before: &RuleEffects, after: &RuleEffects) -> Vec<RuleDifference> {
    let changed = before.0.iter().map(|(rule, action)| (rule, Some(*action), after.action(rule)));
    let added = after.0.iter().filter(|(rule, _)| before.action(rule).is_none());
    let all = changed.chain(added.map(|(rule, action)| (rule, None, Some(*action))));
    let different = all.filter(|(_, action, shadow_action)| action != shadow_action);
    different
        .map(|(rule, action, shadow_action)| RuleDifference { rule: rule.clone(), action, shadow_action })
        .collect()
}
