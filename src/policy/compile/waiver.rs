//! Compiles `kind: Waiver`.

use super::{Compiler, PolicyDocuments, did_you_mean};
use crate::cel::Env;
use crate::contract::Contract;
use crate::contract::glob::matches;
use crate::diagnostic::Diagnostic;
use crate::manifest::Manifest;
use crate::policy::bindings::RequestDeclarations;
use crate::policy::rule_hash::RuleHash;
use crate::policy::source::Match;
use crate::policy::waiver::{Expiry, Waiver, WaiverSource};
use crate::suggest::nearest;
use std::collections::BTreeMap;

/// Compiles a waiver. `all` are the documents in which the policy it is for is looked up.
///
/// # Errors
///
/// Returns every error in the document, each with its place.
pub fn compile_waiver(
    manifest: &Manifest<WaiverSource>,
    all: &PolicyDocuments,
    contract: &Contract,
) -> Result<Waiver, Vec<Diagnostic>> {
    let mut compiler = Compiler::new(&manifest.source);
    let waiver = compiler.waiver(&manifest.value, all, contract);
    compiler.finish(waiver)
}

impl Compiler<'_> {
    fn waiver(&mut self, written: &WaiverSource, all: &PolicyDocuments, contract: &Contract) -> Waiver {
        let spec = &written.spec;
        self.check_name(&written.metadata.name);
        for (name, value) in [("owner", &spec.owner), ("ticket", &spec.ticket), ("reason", &spec.reason)] {
            if value.trim().is_empty() {
                self.error(&format!("/spec/{name}"), format!("`{name}` is empty; a waiver must be accounted for"));
            }
        }
        let waived = self.waived_match(&spec.policy, all);
        // Its conditions are checked against the operations of its policy: a waiver applies to no other request.
        let matched: Vec<_> = contract.operations().into_iter().filter(|it| is_in(&it.id, waived)).collect();
        let environments = waived.map(|waived| waived.environments.clone()).unwrap_or_default();
        let declarations = RequestDeclarations::new(&matched, &environments);
        let mut env = Env::new(&declarations, &BTreeMap::new());
        let conditions = self.conditions(&spec.match_conditions, &mut env, "the waiver never applies");
        let everywhere = Match { operations: Vec::new(), environments: Vec::new(), except: Vec::new() };
        let expires = self.expiry(&spec.expires);
        Waiver {
            name: written.metadata.name.as_str().into(),
            policy: spec.policy.as_str().into(),
            owner: spec.owner.as_str().into(),
            ticket: spec.ticket.as_str().into(),
            reason: spec.reason.as_str().into(),
            expires,
            hash: RuleHash::of_waiver(&spec.match_conditions, expires, &self.reads, &matched),
            scope: Self::scope(&everywhere, &matched, conditions, env),
        }
    }

    /// What the policy or limit called `name` matches. Reports a name that is neither.
    fn waived_match<'p>(&mut self, name: &str, all: &'p PolicyDocuments) -> Option<&'p Match> {
        let policies = all.policies.iter().map(|it| (it.value.metadata.name.as_str(), &it.value.spec.r#match));
        let limits = all.limits.iter().map(|it| (it.value.metadata.name.as_str(), &it.value.spec.r#match));
        let rules: Vec<_> = policies.chain(limits).collect();
        let found = rules.iter().find(|(known, _)| *known == name).map(|(_, matched)| *matched);
        if found.is_none() {
            let message = format!("`{}` is not a policy or limit that was loaded", name.escape_debug());
            let meant = nearest(name, rules.iter().map(|(known, _)| *known));
            self.errors.push(did_you_mean(self.source.at("/spec/policy", message), meant));
        }
        found
    }

    fn expiry(&mut self, written: &str) -> Expiry {
        Expiry::parse(written).unwrap_or_else(|| {
            let error = self.source.at("/spec/expires", "`expires` is neither a date nor a time (RFC 3339)");
            self.errors.push(error.with_help("such as 2027-06-30, which means its first moment in UTC"));
            // Never used, because the error is reported; if it were, the waiver would not apply.
            Expiry::PAST
        })
    }
}

fn is_in(id: &str, waived: Option<&Match>) -> bool {
    waived.is_some_and(|waived| waived.operations.iter().any(|glob| matches(glob, id)))
}
