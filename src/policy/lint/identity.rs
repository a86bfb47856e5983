//! Lints rules that depend on an identity of the client which no listener can prove.
//!
//! What is unknown of a client reads as null. A rule that lets only some services pass then refuses all of them.

use super::null_guard::scope_literals;
use crate::cel::{AbsenceOutcome, Assumptions, Expression, Literals, OpenChoice};
use crate::contract::Contract;
use crate::contract::credential::Environment;
use crate::diagnostic::Diagnostic;
use crate::manifest::Manifest;
use crate::policy::bindings::{Absence, PartialRequest, UnknownBody};
use crate::policy::source::RequestPolicy;
use crate::policy::{Action, Policy};
use std::collections::BTreeSet;

/// What some listener of the gateway can prove of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProvableIdentity {
    /// The names in its certificate.
    pub certificate: bool,
    /// The user of its process.
    pub unix_user: bool,
}

impl ProvableIdentity {
    /// Everything: it is not known which listeners there are.
    pub const ALL: Self = Self { certificate: true, unix_user: true };
}

/// The validations of `policy` that refuse each client because of what no listener can prove.
pub fn lint_identity(
    manifest: &Manifest<RequestPolicy>,
    policy: &Policy,
    contract: &Contract,
    provable: ProvableIdentity,
) -> Vec<Diagnostic> {
    // one that only reports is tried out, perhaps before clients have certificates
    if policy.action != Action::Deny {
        return Vec::new();
    }
    let certificate = (
        Absence::Certificate,
        "no listener verifies client certificates, so that no client has the identity by which the rule lets requests pass",
        "set `clientCaFile` in the `tls` of a listener",
    );
    let unix_user = (
        Absence::UnixUid,
        "no listener is a Unix socket, so that no client has the user by which the rule lets requests pass",
        "listen on a Unix socket, such as `unix:/run/portcullis/gateway.sock`",
    );
    let unprovable = [(certificate, provable.certificate), (unix_user, provable.unix_user)];
    let mut found = Vec::new();
    for ((absence, message, help), _) in unprovable.into_iter().filter(|(_, is_provable)| !is_provable) {
        for position in refused_without(policy, contract, absence) {
            let pointer = format!("/spec/validations/{position}/expression");
            found.push(manifest.source.at(&pointer, message).with_help(help));
        }
    }
    found
}

/// The positions of the validations that are false for some request which lacks `absence`, and might be true with it.
fn refused_without(policy: &Policy, contract: &Contract, absence: Absence<'_>) -> BTreeSet<usize> {
    let mut literals = scope_literals(&policy.scope);
    policy.validations.iter().for_each(|it| literals.add(&it.expression));
    let (mut positions, required) = (BTreeSet::new(), BTreeSet::new());
    let operations = contract.operations().into_iter().filter(|it| policy.scope.operations.contains(&it.id));
    for operation in operations {
        let environments = [Environment::Production, Environment::Development].into_iter();
        for environment in environments.filter(|environment| policy.scope.may_be_for(*environment)) {
            let request = |absence| PartialRequest { operation: &operation, environment, required: &required, absence };
            // of a member of no name, the request lacks nothing
            let clients = Clients { policy, lacking: &request(absence), complete: &request(Absence::Member) };
            positions.extend(clients.refusals(&literals));
        }
    }
    positions
}

/// A request of a client that lacks an identity, and the same of one that has it.
struct Clients<'c> {
    policy: &'c Policy,
    lacking: &'c PartialRequest<'c>,
    complete: &'c PartialRequest<'c>,
}

impl Clients<'_> {
    fn refusals(&self, literals: &Literals) -> BTreeSet<usize> {
        let mut positions = BTreeSet::new();
        Assumptions::none(literals).for_each_path(|assumptions| {
            let mut next = None;
            for (_, condition) in &self.policy.scope.conditions {
                let (outcome, choice) = self.outcome(condition, self.lacking, assumptions);
                if !matches!(outcome, AbsenceOutcome::Decided(true) | AbsenceOutcome::Undetermined) {
                    return None;
                }
                next = next.or(choice);
            }
            for (position, validation) in self.policy.validations.iter().enumerate() {
                let (outcome, choice) = self.outcome(&validation.expression, self.lacking, assumptions);
                let is_false = |outcome| outcome == AbsenceOutcome::Decided(false);
                if is_false(outcome) && !is_false(self.outcome(&validation.expression, self.complete, assumptions).0) {
                    positions.insert(position);
                }
                next = next.or(choice);
            }
            next
        });
        positions
    }

    fn outcome<'a>(
        &'a self,
        expression: &'a Expression,
        request: &'a PartialRequest<'a>,
        assumptions: &'a Assumptions<'a>,
    ) -> (AbsenceOutcome, Option<OpenChoice>) {
        expression.absence_outcome::<UnknownBody>(&self.policy.scope.variables, request, assumptions)
    }
}
