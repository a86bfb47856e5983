//! Lints validations that never decide anything, because a broader one demands as much.

use crate::cel::conjuncts;
use crate::diagnostic::Diagnostic;
use crate::manifest::Manifest;
use crate::policy::Policy;
use crate::policy::source::RequestPolicy;
use std::collections::BTreeSet;
use std::ptr;
use std::sync::Arc;

/// A validation, with what decides whether another one covers it.
struct ValidationRule<'p> {
    manifest: &'p Manifest<RequestPolicy>,
    policy: &'p Policy,
    /// Which of the policy's validations it is.
    position: usize,
    /// The conjuncts of the match conditions: all must be true for the validation to be evaluated.
    conditions: BTreeSet<String>,
    /// The conjuncts of the expression: what it demands.
    conjuncts: BTreeSet<String>,
}

/// The validations of `policies` that another one makes useless: wherever they are evaluated, it demands all that they do, with
/// an action that is at least as strict.
///
/// Expressions are compared as text, conjunct by conjunct, not by what they mean: that would be undecidable in general.
pub fn lint_shadowed(policies: &[(&Manifest<RequestPolicy>, &Arc<Policy>)]) -> Vec<Diagnostic> {
    let rules: Vec<ValidationRule<'_>> =
        policies.iter().flat_map(|(manifest, policy)| rules(manifest, policy)).collect();
    let lints = rules.iter().enumerate().filter_map(|(at, rule)| {
        let mut others = rules.iter().enumerate().filter(|(other, _)| *other != at);
        // Of two equal validations only the later one is reported, or an operator might remove both.
        let broader =
            others.find(|(other, broader)| rule.is_within(broader) && (*other < at || !broader.is_within(rule)));
        broader.map(|(_, broader)| rule.lint(broader))
    });
    lints.collect()
}

fn rules<'p>(manifest: &'p Manifest<RequestPolicy>, policy: &'p Policy) -> impl Iterator<Item = ValidationRule<'p>> {
    let spec = &manifest.value.spec;
    let conditions: BTreeSet<String> =
        spec.match_conditions.iter().flat_map(|condition| conjuncts(&condition.expression)).collect();
    policy.validations.iter().enumerate().map(move |(position, validation)| ValidationRule {
        manifest,
        policy,
        position,
        conditions: conditions.clone(),
        conjuncts: conjuncts(&validation.source).into_iter().collect(),
    })
}

impl ValidationRule<'_> {
    fn is_within(&self, broader: &Self) -> bool {
        let is_waived = !broader.policy.waivers.is_empty();
        let has_same_names = ptr::eq(self.policy, broader.policy) || !(self.has_own_names() || broader.has_own_names());
        // A waiver lifts the broader rule for some requests, and then this one still decides.
        broader.policy.action <= self.policy.action
            && !is_waived
            && has_same_names
            && self.policy.scope.operations.is_subset(&broader.policy.scope.operations)
            && self.environments_within(broader)
            && broader.conditions.is_subset(&self.conditions)
            && self.conjuncts.is_subset(&broader.conjuncts)
    }

    /// Whether it is for no other environments than `broader`. An empty list means all environments.
    fn environments_within(&self, broader: &Self) -> bool {
        let (own, theirs) = (&self.policy.scope.environments, &broader.policy.scope.environments);
        theirs.is_empty() || (!own.is_empty() && own.is_subset(theirs))
    }

    /// Whether it reads `variables` or `params`, which are local to its policy: in another the same name may mean something else.
    fn has_own_names(&self) -> bool {
        let mut words = self.conjuncts.iter().chain(&self.conditions).flat_map(|term| term.split(' '));
        words.any(|word| word == "variables" || word == "params")
    }

    fn lint(&self, broader: &Self) -> Diagnostic {
        let name = &broader.policy.name;
        let message = if ptr::eq(self.policy, broader.policy) {
            format!("validation {} of `{name}` demands all that this one does", broader.position + 1)
        } else {
            format!("`{name}` demands all that this does, for every request that `{}` matches", self.policy.name)
        };
        let lint = self.manifest.source.at(&format!("/spec/validations/{}/expression", self.position), message);
        lint.with_help("remove the redundant one")
    }
}
