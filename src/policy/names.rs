//! Checks the names in an expression against what a request, the matched operations and the policy itself have.

use super::cel::{Expression, MEMBERS, ROOTS};
use crate::contract::{Operation, nearest};
use std::collections::BTreeSet;
use std::sync::Arc;

/// What a policy's expressions may name.
pub(super) struct Known<'a> {
    /// The operations that the policy matches, in every version.
    pub(super) operations: &'a [Arc<Operation>],
    /// Names of the policy's parameters.
    pub(super) params: BTreeSet<&'a str>,
    /// Names of the variables declared so far.
    pub(super) variables: Vec<&'a str>,
}

/// A name that is not known.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unknown {
    /// The name, to be found in the source.
    pub(super) name: String,
    /// What is wrong.
    pub(super) message: String,
    /// The known name nearest to it.
    pub(super) meant: Option<String>,
}

impl Known<'_> {
    /// The names in `expression` that are not known.
    pub(super) fn unknown(&self, expression: &Expression) -> Vec<Unknown> {
        let names: BTreeSet<Vec<String>> = expression.names().into_iter().collect();
        names.iter().filter_map(|path| self.check(path)).collect()
    }

    fn check(&self, path: &[String]) -> Option<Unknown> {
        let (root, rest) = path.split_first()?;
        if !ROOTS.contains(&root.as_str()) {
            return Some(unknown(root, "is not a name that policies know", ROOTS.into_iter()));
        }
        let member = rest.first()?;
        match root.as_str() {
            "body" => self.check_body(member),
            "params" if !self.params.contains(member.as_str()) => {
                Some(unknown(member, "is not one of the policy's `params`", self.params.iter().copied()))
            }
            "variables" => {
                Some(unknown(member, "is not one of the `variables` declared before", self.variables.iter().copied()))
            }
            _ => {
                let members = MEMBERS.iter().find(|(name, _)| name == root).map(|(_, members)| *members)?;
                let is_known = members.contains(&member.as_str());
                (!is_known).then(|| unknown(member, &format!("is not a member of `{root}`"), members.iter().copied()))
            }
        }
    }

    /// A field is known if any matched operation declares it in any version: where it is absent it reads as `null`.
    fn check_body(&self, member: &str) -> Option<Unknown> {
        if self.has_field(member) {
            return None;
        }
        let bodies = self.operations.iter().filter_map(|operation| operation.body.as_ref());
        let names: BTreeSet<&str> = bodies.flat_map(|body| body.declared().names()).collect();
        Some(unknown(member, "is not a field of any operation that this policy matches", names.into_iter()))
    }
}

impl Known<'_> {
    /// Whether any matched operation declares the field in any version.
    pub(super) fn has_field(&self, name: &str) -> bool {
        let mut bodies = self.operations.iter().filter_map(|operation| operation.body.as_ref());
        bodies.any(|body| body.declared().member(name).is_some())
    }
}

fn unknown<'n>(name: &str, what: &str, known: impl Iterator<Item = &'n str>) -> Unknown {
    Unknown {
        name: name.to_owned(),
        message: format!("`{name}` {what}"),
        meant: nearest(name, known).map(str::to_owned),
    }
}
