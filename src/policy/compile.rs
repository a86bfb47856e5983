//! From what a person wrote to a policy that can judge, or everything that is wrong with it.

use super::Action;
use super::cel::{Expression, Mistake, Names, Purpose, Variables};
use super::reads::Reads;
use super::source::{Named, RequestPolicy, Spec, ValidationSource};
use crate::contract::credential::Environment;
use crate::contract::{Contract, Operation, nearest};
use crate::manifest::{Manifest, Source};
use crate::span::Diagnostic;
use std::collections::BTreeSet;
use std::sync::Arc;

/// A rule, ready to judge by.
#[derive(Debug)]
pub struct Policy {
    /// `metadata.name`.
    pub name: Arc<str>,
    /// The `owner` label.
    pub owner: Option<Arc<str>>,
    /// What happens when it does not hold: the strictest of its actions.
    pub action: Action,
    /// Ids of the operations it matches.
    pub operations: BTreeSet<Arc<str>>,
    /// Environments it matches; empty for all.
    pub environments: BTreeSet<Environment>,
    /// What must be true for it to apply, by name.
    pub(super) conditions: Vec<(Arc<str>, Expression)>,
    /// What must be true for it to hold.
    pub validations: Vec<Validation>,
    /// What of the body it reads.
    pub reads: Reads,
    /// The headers it reads, in lower case; none where only a request decides which.
    pub(super) headers: Option<BTreeSet<String>>,
    /// The parameters of the query that it reads by name.
    pub(super) query: BTreeSet<String>,
    /// What its expressions share.
    pub(super) variables: Variables,
    /// What it was made of.
    pub(super) written: Spec,
}

/// One thing that must be true.
#[derive(Debug)]
pub struct Validation {
    /// The expression as it was written.
    pub source: Arc<str>,
    pub(super) expression: Expression,
    /// What of the body it reads.
    pub(super) reads: Reads,
    /// The field that the caller should look at.
    pub field: Option<Arc<str>>,
    /// What is wrong when it is not true.
    pub message: Arc<str>,
    /// What the caller can do about it.
    pub hint: Option<Arc<str>>,
}

impl Validation {
    /// The fields of the body that it reads; none where a request decides which.
    pub fn fields(&self) -> BTreeSet<&str> {
        self.reads.fields().unwrap_or_default()
    }
}

/// Makes a policy of what a person wrote.
///
/// # Errors
///
/// Everything that is wrong with it, each with its place.
pub fn compile(manifest: &Manifest<RequestPolicy>, contract: &Contract) -> Result<Policy, Vec<Diagnostic>> {
    let mut compiler = Compiler { source: &manifest.source, mistakes: Vec::new(), reads: Reads::default() };
    let policy = compiler.policy(&manifest.value, contract);
    compiler.mistakes.sort_by_key(|mistake| mistake.span.as_ref().map(|span| span.start));
    if compiler.mistakes.is_empty() { Ok(policy) } else { Err(compiler.mistakes) }
}

struct Compiler<'s> {
    source: &'s Source,
    mistakes: Vec<Diagnostic>,
    /// What of the body the expressions so far read.
    reads: Reads,
}

impl Compiler<'_> {
    fn policy(&mut self, written: &RequestPolicy, contract: &Contract) -> Policy {
        let spec = &written.spec;
        self.check_name(&written.metadata.name);
        let matched = self.operations(&spec.r#match.operations, contract);
        let mut names = Names::new(&matched, &spec.r#match.environments, &spec.params);
        self.variables(&spec.variables, &mut names);
        let conditions = self.conditions(&spec.match_conditions, &mut names);
        let validations = spec.validations.iter().enumerate();
        let validations: Vec<Validation> = validations
            .filter_map(|(position, validation)| self.validation(position, validation, &mut names))
            .collect();
        if spec.validations.is_empty() {
            self.mistakes
                .push(self.source.at("/spec/validations", "`validations` is empty, so the policy checks nothing"));
        }
        let query = names.take_query();
        let (variables, headers) = names.finish();
        Policy {
            name: written.metadata.name.as_str().into(),
            owner: written.metadata.labels.get("owner").map(|owner| owner.as_str().into()),
            action: self.action(&spec.actions),
            operations: matched.iter().map(|operation| operation.id.clone()).collect(),
            environments: spec.r#match.environments.iter().copied().collect(),
            conditions,
            validations,
            headers,
            query,
            variables,
            reads: std::mem::take(&mut self.reads),
            written: spec.clone(),
        }
    }

    /// Names stand in headers, metrics and logs without quoting.
    fn check_name(&mut self, name: &str) {
        let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if name.is_empty() || name.len() > 63 || !name.bytes().all(is_plain) {
            let message = "`name` must be 1 to 63 lower-case letters, digits and `-`";
            self.mistakes.push(self.source.at("/metadata/name", message));
        }
    }

    fn operations(&mut self, ids: &[String], contract: &Contract) -> Vec<Arc<Operation>> {
        let known = contract.operation_ids();
        for (position, id) in ids.iter().enumerate().filter(|(_, id)| !known.contains(id.as_str())) {
            let pointer = format!("/spec/match/operations/{position}");
            let mistake = self.source.at(&pointer, format!("`{id}` is not an operation of the contract"));
            self.mistakes.push(did_you_mean(mistake, nearest(id, known.iter().map(AsRef::as_ref))));
        }
        for (position, twice) in
            ids.iter().enumerate().filter(|(position, id)| ids.iter().take(*position).any(|earlier| earlier == *id))
        {
            let pointer = format!("/spec/match/operations/{position}");
            self.mistakes.push(self.source.at(&pointer, format!("`{twice}` is listed twice")));
        }
        if ids.is_empty() {
            let message = "`operations` is empty, so the policy can never match";
            self.mistakes.push(self.source.at("/spec/match/operations", message));
        }
        let ids: BTreeSet<&str> = ids.iter().map(String::as_str).collect();
        contract.operations().into_iter().filter(|operation| ids.contains(operation.id.as_ref())).collect()
    }

    fn variables(&mut self, written: &[Named], names: &mut Names<'_>) {
        for (position, variable) in written.iter().enumerate() {
            let pointer = format!("/spec/variables/{position}");
            self.check_repeated(written, position, &pointer);
            if !is_identifier(&variable.name) {
                let message = "`name` must be letters, digits and `_`, as it stands in `variables.NAME`";
                self.mistakes.push(self.source.at(&format!("{pointer}/name"), message));
            }
            let mistakes = names.declare(&variable.name, &variable.expression);
            self.report(&format!("{pointer}/expression"), mistakes);
        }
    }

    fn conditions(&mut self, written: &[Named], names: &mut Names<'_>) -> Vec<(Arc<str>, Expression)> {
        let mut conditions = Vec::new();
        for (position, condition) in written.iter().enumerate() {
            let pointer = format!("/spec/matchConditions/{position}");
            self.check_repeated(written, position, &pointer);
            let compiled = names.expression(&condition.expression, Purpose::Condition);
            self.reads.extend(&names.take_reads());
            match compiled {
                Ok(expression) => conditions.push((condition.name.as_str().into(), expression)),
                Err(mistakes) => self.report(&format!("{pointer}/expression"), mistakes),
            }
        }
        conditions
    }

    fn check_repeated(&mut self, named: &[Named], position: usize, pointer: &str) {
        let mut before = named.iter().take(position);
        if let Some(twice) = named.get(position).filter(|this| before.any(|earlier| earlier.name == this.name)) {
            let message = format!("`{}` is declared twice", twice.name);
            self.mistakes.push(self.source.at(&format!("{pointer}/name"), message));
        }
    }

    fn validation(&mut self, position: usize, written: &ValidationSource, names: &mut Names<'_>) -> Option<Validation> {
        let pointer = format!("/spec/validations/{position}");
        let expression = names.expression(&written.expression, Purpose::Validation);
        let reads = names.take_reads();
        self.reads.extend(&reads);
        if let Some((field, Err(meant))) = written.field.as_ref().map(|field| (field, names.field(field))) {
            let message = format!("`{field}` is not a field of any operation that this policy matches");
            let mistake = self.source.at(&format!("{pointer}/field"), message);
            self.mistakes.push(did_you_mean(mistake, meant));
        }
        if written.message.trim().is_empty() {
            self.mistakes
                .push(self.source.at(&format!("{pointer}/message"), "`message` is empty; callers need a reason"));
        }
        let expression = expression.map_err(|mistakes| self.report(&format!("{pointer}/expression"), mistakes)).ok()?;
        let text = |text: &Option<String>| text.as_deref().map(Arc::from);
        Some(Validation {
            source: written.expression.as_str().into(),
            reads,
            expression,
            field: text(&written.field),
            message: written.message.as_str().into(),
            hint: text(&written.hint),
        })
    }

    /// Tells the mistakes in the expression at `pointer`, each at its place.
    fn report(&mut self, pointer: &str, mistakes: Vec<Mistake>) {
        for mistake in mistakes {
            let found = self.source.within(pointer, mistake.span, mistake.message);
            self.mistakes.push(match mistake.help {
                Some(help) => found.with_help(help),
                None => found,
            });
        }
    }

    fn action(&mut self, actions: &[Action]) -> Action {
        let strictest = actions.iter().min().copied();
        if strictest.is_none() {
            let message = "`actions` is empty; it must hold `Deny`, `Warn` or `Audit`";
            self.mistakes.push(self.source.at("/spec/actions", message));
        }
        strictest.unwrap_or(Action::Deny)
    }
}

fn is_identifier(name: &str) -> bool {
    !name.starts_with(|first: char| first.is_ascii_digit())
        && !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

fn did_you_mean(mistake: Diagnostic, meant: Option<&str>) -> Diagnostic {
    match meant {
        Some(meant) => mistake.with_help(format!("did you mean `{meant}`?")),
        None => mistake,
    }
}
