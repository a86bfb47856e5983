//! Compiles policy files: from the documents that an operator writes to policies, limits and waivers that can be evaluated.
//!
//! [`Compiler`] holds what all kinds share: names, matched operations, variables, conditions, actions. The submodules compile
//! one kind each.

mod documents;
mod limit;
mod params;
mod rule;
mod waiver;

pub use documents::PolicyDocuments;
pub use limit::compile_limit;
pub use params::check_params;
pub use rule::{Policy, Validation, compile_policy};
pub use waiver::compile_waiver;

use crate::cel::{Env, Expression, Issue, Purpose};
use crate::contract::glob::matches;
use crate::contract::{Contract, Operation};
use crate::diagnostic::Diagnostic;
use crate::manifest::Source;
use crate::policy::bindings;
use crate::policy::reads::Reads;
use crate::policy::scope::Scope;
use crate::policy::source::{Exception, Match, NamedExpression};
use crate::policy::{Action, MatchedEnvironment};
use crate::suggest::nearest;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Longest `message` and `hint`, in characters.
pub(super) const LONGEST_TEXT: usize = 500;

/// Compiles one document and collects its errors, so that an operator sees all of them at once.
pub(super) struct Compiler<'s> {
    pub(super) source: &'s Source,
    pub(super) errors: Vec<Diagnostic>,
    /// The parts of the body that the expressions compiled so far read.
    pub(super) reads: Reads,
}

impl<'s> Compiler<'s> {
    pub(super) fn new(source: &'s Source) -> Self {
        Self { source, errors: Vec::new(), reads: Reads::default() }
    }

    /// Ends the compilation.
    ///
    /// # Errors
    ///
    /// Returns the collected errors, from the top of the document, if there are any.
    pub(super) fn finish<T>(mut self, compiled: T) -> Result<T, Vec<Diagnostic>> {
        self.errors.sort_by_key(|error| error.span.as_ref().map(|span| span.start));
        if self.errors.is_empty() { Ok(compiled) } else { Err(self.errors) }
    }

    /// Records an error in the value at `pointer`.
    pub(super) fn error(&mut self, pointer: &str, message: impl Into<String>) {
        self.errors.push(self.source.at(pointer, message));
    }

    /// Reports a name that is not a plain one.
    //
    // Names appear unquoted in response headers, metric labels and log lines, so they have no character to escape there.
    pub(super) fn check_name(&mut self, name: &str) {
        let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if name.is_empty() || name.len() > 63 || !name.bytes().all(is_plain) {
            self.error("/metadata/name", "`name` must be 1 to 63 lower-case letters, digits and `-`");
        }
    }

    /// The operations with these ids, in which `*` stands for any letters, in every API version. Reports those that are unknown or
    /// repeated, and an empty list.
    //
    // All versions, because a request chooses its version: a rule for the newest only could be bypassed by asking for an older.
    pub(super) fn operations(&mut self, ids: &[String], contract: &Contract) -> Vec<Arc<Operation>> {
        let known = contract.operation_ids();
        let is_unknown = |id: &str| !known.iter().any(|known| matches(id, known));
        for (position, id) in ids.iter().enumerate().filter(|(_, id)| is_unknown(id)) {
            let pointer = format!("/spec/match/operations/{position}");
            let what = if id.contains('*') { "matches no operation" } else { "is not an operation" };
            let error = self.source.at(&pointer, format!("`{id}` {what} of the contract"));
            self.errors.push(match nearest(id, known.iter().map(AsRef::as_ref)) {
                Some(meant) => error.with_help(format!("did you mean `{meant}`?")),
                None => error.with_help("`portcullis contract list` lists the ids"),
            });
        }
        for (position, twice) in
            ids.iter().enumerate().filter(|(position, id)| ids.iter().take(*position).any(|earlier| earlier == *id))
        {
            self.error(&format!("/spec/match/operations/{position}"), format!("`{twice}` is listed twice"));
        }
        if ids.is_empty() {
            self.error("/spec/match/operations", "`operations` is empty, so the policy can never match");
        }
        let is_matched = |operation: &Arc<Operation>| ids.iter().any(|id| matches(id, &operation.id));
        contract.operations().into_iter().filter(is_matched).collect()
    }

    /// Declares the variables. Each may use the ones before it, so that none can refer to itself.
    pub(super) fn variables(&mut self, written: &[NamedExpression], env: &mut Env<'_>) {
        for (position, variable) in written.iter().enumerate() {
            let pointer = format!("/spec/variables/{position}");
            self.check_repeated(written, position, &pointer);
            if !is_identifier(&variable.name) {
                let message = "`name` must be letters, digits and `_`, as in `variables.NAME`";
                self.error(&format!("{pointer}/name"), message);
            }
            let errors = env.declare(&variable.name, &variable.expression);
            self.report(&format!("{pointer}/expression"), errors);
        }
    }

    /// Compiles the match conditions, by name. `consequence` completes the error for a condition that is never true.
    pub(super) fn conditions(
        &mut self,
        written: &[NamedExpression],
        env: &mut Env<'_>,
        consequence: &'static str,
    ) -> Vec<(Arc<str>, Expression)> {
        let mut conditions = Vec::new();
        for (position, condition) in written.iter().enumerate() {
            let pointer = format!("/spec/matchConditions/{position}");
            self.check_repeated(written, position, &pointer);
            let compiled = env.compile(&condition.expression, Purpose::Condition(consequence));
            self.reads.extend(&bindings::reads(&env.take_lookups()));
            match compiled {
                Ok(expression) => conditions.push((condition.name.as_str().into(), expression)),
                Err(errors) => self.report(&format!("{pointer}/expression"), errors),
            }
        }
        // With a condition missing because of an error, a contradiction could be a consequence of that error.
        if conditions.len() == written.len() {
            self.check_contradiction(&conditions, env, consequence);
        }
        conditions
    }

    /// Reports the first condition that contradicts those before it.
    fn check_contradiction(&mut self, conditions: &[(Arc<str>, Expression)], env: &Env<'_>, consequence: &str) {
        for (position, (_, condition)) in conditions.iter().enumerate() {
            let before: Vec<&Expression> = conditions.iter().take(position).map(|(_, condition)| condition).collect();
            let is_never = |given: &[&Expression]| env.constant_truth(given, &[condition]) == Some(false);
            // The solver gives up on many terms at once, so each earlier condition is also tried alone.
            if is_never(&before) || before.iter().any(|one| is_never(&[one])) {
                let message = format!("the condition is never true where those before it are, so {consequence}");
                self.error(&format!("/spec/matchConditions/{position}/expression"), message);
                return;
            }
        }
    }

    /// Reports fields that are read by name from a body that is a list.
    //
    // A list has no fields: each would read as null, and a rule against a field would always hold.
    pub(super) fn check_objects(&mut self, matched: &[Arc<Operation>]) {
        if !self.reads.any_named() {
            return;
        }
        let is_list = |operation: &&Arc<Operation>| {
            let types = operation.body.as_ref().map(|body| body.field_tree().types()).unwrap_or_default();
            !types.is_empty() && !types.iter().any(|name| name.as_ref() == "object")
        };
        let lists: BTreeSet<&str> = matched.iter().filter(is_list).map(|operation| operation.id.as_ref()).collect();
        for id in lists {
            let message = format!("the body of `{id}` is a list, which has no fields to read by name");
            let help = "check it with a `schema` with `items`, in a policy of its own";
            self.errors.push(self.source.at("/spec/match/operations", message).with_help(help));
        }
    }

    fn check_repeated(&mut self, named: &[NamedExpression], position: usize, pointer: &str) {
        let mut before = named.iter().take(position);
        if let Some(twice) = named.get(position).filter(|this| before.any(|earlier| earlier.name == this.name)) {
            self.error(&format!("{pointer}/name"), format!("`{}` is declared twice", twice.name));
        }
    }

    /// Reports a message or hint that is empty, too long, or has control characters.
    //
    // They go into response headers, logs and terminals, where a control character could start another line or a command.
    pub(super) fn check_texts(&mut self, message: &str, hint: Option<&str>, at: &str) {
        if message.trim().is_empty() {
            self.error(&format!("{at}/message"), "`message` is empty; the caller needs a reason");
        }
        for (key, text) in [("message", Some(message)), ("hint", hint)] {
            let (pointer, text) = (format!("{at}/{key}"), text.unwrap_or_default().trim_end());
            if let Some((start, control)) = text.char_indices().find(|(_, letter)| letter.is_control()) {
                let message = format!("`{key}` has a control character in it, and must fit on one line");
                self.errors.push(self.source.within(&pointer, start..start + control.len_utf8(), message));
            }
            if text.chars().count() > LONGEST_TEXT {
                self.error(&pointer, format!("`{key}` is longer than {LONGEST_TEXT} characters"));
            }
        }
    }

    /// Reports a list of environments that is empty, or repeats one.
    pub(super) fn check_environments(&mut self, written: &[MatchedEnvironment]) {
        const POINTER: &str = "/spec/match/environments";
        if written.is_empty() && self.source.line(POINTER).is_some() {
            let error = self.source.at(POINTER, "`environments` is empty, so the policy can never match");
            self.errors.push(error.with_help("leave it out to match all"));
        }
        for (position, twice) in written.iter().enumerate() {
            if written.iter().take(position).any(|earlier| earlier == twice) {
                self.error(&format!("{POINTER}/{position}"), format!("`{twice}` is listed twice"));
            }
        }
    }

    /// Reports exceptions without a reason or an operation, or for operations that the contract does not have.
    pub(super) fn check_exceptions(&mut self, written: &[Exception], contract: &Contract) {
        let known = contract.operation_ids();
        for (position, exception) in written.iter().enumerate() {
            let pointer = format!("/spec/match/except/{position}");
            if exception.reason.trim().is_empty() {
                self.error(&format!("{pointer}/reason"), "`reason` is empty; a reviewer needs it");
            }
            if exception.operations.is_empty() {
                self.error(&format!("{pointer}/operations"), "`operations` is empty, so that nothing is excepted");
            }
            for (at, glob) in exception.operations.iter().enumerate() {
                if !known.iter().any(|id| matches(glob, id)) {
                    let error = self.source.at(
                        &format!("{pointer}/operations/{at}"),
                        format!("`{glob}` is not an operation of the contract"),
                    );
                    self.errors.push(did_you_mean(error, nearest(glob, known.iter().map(AsRef::as_ref))));
                }
            }
        }
    }

    /// Reports the errors in the expression at `pointer`, each at its place within it.
    pub(super) fn report(&mut self, pointer: &str, errors: Vec<Issue>) {
        for error in errors {
            let found = self.source.within(pointer, error.span, error.message);
            self.errors.push(match error.help {
                Some(help) => found.with_help(help),
                None => found,
            });
        }
    }

    /// The one action. `Audit` may be listed beside another, as in a Kubernetes `ValidatingAdmissionPolicyBinding`: the others
    /// include it.
    pub(super) fn action(&mut self, actions: &[Action]) -> Action {
        // `Action` is ordered from strict to mild: of `[Audit, Deny]` the action is `Deny`.
        let Some(strictest) = actions.iter().min().copied() else {
            self.error("/spec/actions", "`actions` is empty; it must hold `Deny`, `Warn` or `Audit`");
            return Action::Deny;
        };
        let others: Vec<_> = actions.iter().filter(|action| **action != Action::Audit).collect();
        let is_one = actions.len() == 1 || actions.len() == 2 && others.len() == 1;
        if !is_one {
            let error = self.source.at("/spec/actions", "`actions` holds one action");
            let help = format!("write `[{strictest:?}]`, which includes the others");
            self.errors.push(error.with_help(help));
        }
        strictest
    }

    /// The scope of the document, once all of its expressions are compiled.
    pub(super) fn scope(
        written: &Match,
        matched: &[Arc<Operation>],
        conditions: Vec<(Arc<str>, Expression)>,
        env: Env<'_>,
    ) -> Scope {
        let (variables, lookups) = env.finish();
        Scope {
            operations: matched.iter().map(|operation| operation.id.clone()).collect(),
            environments: written.environments.iter().cloned().collect(),
            conditions,
            variables,
            headers: bindings::headers(&lookups),
            query: bindings::query(&lookups),
            labels: bindings::labels(&lookups),
        }
    }
}

fn is_identifier(name: &str) -> bool {
    !name.starts_with(|first: char| first.is_ascii_digit())
        && !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// Adds the suggestion as help, if there is one.
pub(super) fn did_you_mean(error: Diagnostic, meant: Option<&str>) -> Diagnostic {
    match meant {
        Some(meant) => error.with_help(format!("did you mean `{meant}`?")),
        None => error,
    }
}
