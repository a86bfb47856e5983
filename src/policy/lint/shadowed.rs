//! Validations that never decide anything, since a broader one asks for the same.

use crate::cel::conjuncts;
use crate::diagnostic::Diagnostic;
use crate::manifest::Manifest;
use crate::policy::Policy;
use crate::policy::source::RequestPolicy;
use std::collections::BTreeSet;
use std::ptr;
use std::sync::Arc;

/// A validation, and which requests it is asked of.
struct Rule<'p> {
    manifest: &'p Manifest<RequestPolicy>,
    policy: &'p Policy,
    /// Which of the policy's validations it is.
    position: usize,
    /// What must be true of a request for it to be asked.
    conditions: BTreeSet<String>,
    /// What it asks for.
    conjuncts: BTreeSet<String>,
}

/// The validations of `policies` that another one makes useless: wherever they are asked, it asks for all that they do, and
/// does no less about it. What two expressions mean is not compared, only what they say.
pub fn lint_shadowed(policies: &[(&Manifest<RequestPolicy>, &Arc<Policy>)]) -> Vec<Diagnostic> {
    let rules: Vec<Rule<'_>> = policies.iter().flat_map(|(manifest, policy)| rules(manifest, policy)).collect();
    let lints = rules.iter().enumerate().filter_map(|(at, rule)| {
        let mut others = rules.iter().enumerate().filter(|(other, _)| *other != at);
        // of two that say the same, the later one is told
        let broader =
            others.find(|(other, broader)| rule.is_within(broader) && (*other < at || !broader.is_within(rule)));
        broader.map(|(_, broader)| rule.lint(broader))
    });
    lints.collect()
}

fn rules<'p>(manifest: &'p Manifest<RequestPolicy>, policy: &'p Policy) -> impl Iterator<Item = Rule<'p>> {
    let spec = &manifest.value.spec;
    let conditions: BTreeSet<String> =
        spec.match_conditions.iter().flat_map(|condition| conjuncts(&condition.expression)).collect();
    policy.validations.iter().enumerate().map(move |(position, validation)| Rule {
        manifest,
        policy,
        position,
        conditions: conditions.clone(),
        conjuncts: conjuncts(&validation.source).into_iter().collect(),
    })
}

impl Rule<'_> {
    fn is_within(&self, broader: &Self) -> bool {
        let is_waived = !broader.policy.waivers.is_empty();
        let speaks_alike = ptr::eq(self.policy, broader.policy) || !(self.has_own_names() || broader.has_own_names());
        broader.policy.action <= self.policy.action
            && !is_waived
            && speaks_alike
            && self.policy.scope.operations.is_subset(&broader.policy.scope.operations)
            && self.environments_within(broader)
            && broader.conditions.is_subset(&self.conditions)
            && self.conjuncts.is_subset(&broader.conjuncts)
    }

    /// No environments are all.
    fn environments_within(&self, broader: &Self) -> bool {
        let (own, theirs) = (&self.policy.scope.environments, &broader.policy.scope.environments);
        theirs.is_empty() || (!own.is_empty() && own.is_subset(theirs))
    }

    /// Whether it uses names that mean something else in another policy.
    fn has_own_names(&self) -> bool {
        let mut words = self.conjuncts.iter().chain(&self.conditions).flat_map(|term| term.split(' '));
        words.any(|word| word == "variables" || word == "params")
    }

    fn lint(&self, broader: &Self) -> Diagnostic {
        let name = &broader.policy.name;
        let message = if ptr::eq(self.policy, broader.policy) {
            format!("validation {} of `{name}` asks for all that this one does", broader.position + 1)
        } else {
            format!("`{name}` asks for all that this does, of every request that `{}` matches", self.policy.name)
        };
        let lint = self.manifest.source.at(&format!("/spec/validations/{}/expression", self.position), message);
        lint.with_help("remove the one that is too much")
    }
}
