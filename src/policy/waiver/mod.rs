//! Waivers: someone answers for it that a policy does not hold for some requests, until a day.

mod expiry;
mod lint;
mod source;

pub use expiry::Expiry;
pub use lint::lint;
pub use source::WaiverSource;

use super::Attributes;
use super::compiler::{Compiler, did_you_mean};
use super::manifests::Manifests;
use super::scope::{Outside, Scope};
use super::source::Match;
use crate::cel::{EvaluationError, Names, Request};
use crate::contract::{Contract, Operation};
use crate::diagnostic::Diagnostic;
use crate::document::Document;
use crate::manifest::Manifest;
use crate::suggest::nearest;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A waiver, ready to judge by.
#[derive(Debug)]
pub struct Waiver {
    /// `metadata.name`.
    pub name: Arc<str>,
    /// The name of the policy.
    pub policy: Arc<str>,
    /// Who answers for it.
    pub owner: Arc<str>,
    /// Where it was granted.
    pub ticket: Arc<str>,
    /// Why there is no other way.
    pub reason: Arc<str>,
    /// When it ends.
    pub expires: Expiry,
    /// Which requests it is for.
    pub scope: Scope,
}

/// What a waiver is to a request that its policy would refuse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waiving {
    /// The request passes.
    Applies,
    /// The request would pass if the waiver were not over.
    Expired,
    /// The match condition at this position is not true.
    NoMatch(usize),
    /// The match condition at this position could not be evaluated, so the waiver does not apply.
    Failed(usize, EvaluationError),
}

impl Waiver {
    /// What the waiver is to a request to `operation`; `document` is its body, none where it has none.
    pub fn evaluate(
        &self,
        operation: &Operation,
        document: Option<&Arc<Document>>,
        attributes: &Attributes<'_>,
    ) -> Waiving {
        let request = Request { document: document.map(AsRef::as_ref), operation, attributes };
        let entered = self.scope.enter(request).map(|_| ());
        match (entered, self.expires.is_past(attributes.time)) {
            (Ok(()), false) => Waiving::Applies,
            (Ok(()), true) => Waiving::Expired,
            (Err(Outside::Failed(position, error)), false) => Waiving::Failed(position, error),
            // what is over need not be mended
            (Err(Outside::Failed(position, _) | Outside::NoMatch(position)), _) => Waiving::NoMatch(position),
            (Err(Outside::OtherEnvironment), _) => Waiving::NoMatch(0),
        }
    }
}

/// Makes a waiver of what a person wrote. `all` is what there is besides.
///
/// # Errors
///
/// Everything that is wrong with it, each with its place.
pub fn compile(
    manifest: &Manifest<WaiverSource>,
    all: &Manifests,
    contract: &Contract,
) -> Result<Waiver, Vec<Diagnostic>> {
    let mut compiler = Compiler::new(&manifest.source);
    let waiver = compiler.waiver(&manifest.value, all, contract);
    compiler.finish(waiver)
}

impl Compiler<'_> {
    fn waiver(&mut self, written: &WaiverSource, all: &Manifests, contract: &Contract) -> Waiver {
        let spec = &written.spec;
        self.check_name(&written.metadata.name);
        for (name, value) in [("owner", &spec.owner), ("ticket", &spec.ticket), ("reason", &spec.reason)] {
            if value.trim().is_empty() {
                self.wrong(&format!("/spec/{name}"), format!("`{name}` is empty; someone must answer for a waiver"));
            }
        }
        let waived = self.waived(&spec.policy, all);
        let matched: Vec<_> = contract.operations().into_iter().filter(|it| is_in(&it.id, waived)).collect();
        let environments = waived.map(|waived| waived.environments.clone()).unwrap_or_default();
        let mut names = Names::new(&matched, &environments, &BTreeMap::new());
        let conditions = self.conditions(&spec.match_conditions, &mut names, "the waiver never applies");
        let everywhere = Match { operations: Vec::new(), environments: Vec::new() };
        Waiver {
            name: written.metadata.name.as_str().into(),
            policy: spec.policy.as_str().into(),
            owner: spec.owner.as_str().into(),
            ticket: spec.ticket.as_str().into(),
            reason: spec.reason.as_str().into(),
            expires: self.expiry(&spec.expires),
            scope: Self::scope(&everywhere, &matched, conditions, names),
        }
    }

    /// What the policy called `name` matches.
    fn waived<'p>(&mut self, name: &str, all: &'p Manifests) -> Option<&'p Match> {
        let policies = &all.policies;
        if all.limits.iter().any(|limit| limit.value.metadata.name == name) {
            let mistake = self.source.at("/spec/policy", format!("`{name}` is a limit; a waiver is for a policy"));
            self.mistakes.push(mistake.with_help("change the limit's `events`, or its match conditions"));
            return None;
        }
        let found = policies.iter().find(|policy| policy.value.metadata.name == name);
        if found.is_none() {
            let known = policies.iter().map(|policy| policy.value.metadata.name.as_str());
            let message = format!("`{}` is not a policy that was loaded", name.escape_debug());
            self.mistakes.push(did_you_mean(self.source.at("/spec/policy", message), nearest(name, known)));
        }
        found.map(|policy| &policy.value.spec.r#match)
    }

    fn expiry(&mut self, written: &str) -> Expiry {
        Expiry::parse(written).unwrap_or_else(|| {
            let mistake = self.source.at("/spec/expires", "`expires` is neither a date nor a time (RFC 3339)");
            self.mistakes.push(mistake.with_help("such as 2027-06-30, which means its first moment in UTC"));
            Expiry::PAST
        })
    }
}

fn is_in(id: &str, waived: Option<&Match>) -> bool {
    waived.is_some_and(|waived| waived.operations.iter().any(|operation| operation == id))
}
