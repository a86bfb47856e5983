//! From what a person wrote to a policy that can judge, or everything that is wrong with it.

use super::Action;
use super::cel::{Expression, ExpressionError};
use super::names::{Known, Unknown};
use super::reads::Reads;
use super::source::{Named, RequestPolicy, ValidationSource};
use crate::contract::credential::Environment;
use crate::contract::{Contract, Operation, nearest};
use crate::manifest::{Manifest, Source};
use crate::span::Diagnostic;
use cel::IdedExpr;
use cel::common::types::CelNull;
use cel::common::value::Val;
use std::collections::{BTreeMap, BTreeSet, HashMap};
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
    /// Its parameters, as a CEL map.
    pub(super) params: Box<dyn Val>,
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

/// Makes a policy of what a person wrote.
///
/// # Errors
///
/// Everything that is wrong with it, each with its place.
pub fn compile(manifest: &Manifest<RequestPolicy>, contract: &Contract) -> Result<Policy, Vec<Diagnostic>> {
    let mut compiler = Compiler {
        source: &manifest.source,
        mistakes: Vec::new(),
        reads: Reads::default(),
        headers: Some(BTreeSet::new()),
    };
    let policy = compiler.policy(&manifest.value, contract);
    if compiler.mistakes.is_empty() { Ok(policy) } else { Err(compiler.mistakes) }
}

struct Compiler<'s> {
    source: &'s Source,
    mistakes: Vec<Diagnostic>,
    /// What of the body the expressions so far read.
    reads: Reads,
    /// The headers that the expressions so far read; none once one reads any that a request decides on.
    headers: Option<BTreeSet<String>>,
}

impl Compiler<'_> {
    fn policy(&mut self, written: &RequestPolicy, contract: &Contract) -> Policy {
        let spec = &written.spec;
        self.check_name(&written.metadata.name);
        let matched = self.operations(&spec.r#match.operations, contract);
        let mut known = Known {
            operations: &matched,
            params: spec.params.keys().map(String::as_str).collect(),
            variables: Vec::new(),
        };
        let variables = self.variables(&spec.variables, &mut known);
        let conditions = spec.match_conditions.iter().enumerate().filter_map(|(position, named)| {
            let pointer = format!("/spec/matchConditions/{position}/expression");
            let expression = self.expression(&pointer, &named.expression, &variables, &known)?;
            Some((Arc::from(named.name.as_str()), expression))
        });
        let conditions = conditions.collect();
        let validations = spec
            .validations
            .iter()
            .enumerate()
            .filter_map(|(position, validation)| self.validation(position, validation, &variables, &known));
        let validations: Vec<Validation> = validations.collect();
        if spec.validations.is_empty() {
            self.mistakes
                .push(self.source.at("/spec/validations", "`validations` is empty, so the policy checks nothing"));
        }
        Policy {
            name: written.metadata.name.as_str().into(),
            owner: written.metadata.labels.get("owner").map(|owner| owner.as_str().into()),
            action: self.action(&spec.actions),
            operations: matched.iter().map(|operation| operation.id.clone()).collect(),
            environments: spec.r#match.environments.iter().copied().collect(),
            conditions,
            validations,
            reads: std::mem::take(&mut self.reads),
            headers: self.headers.take(),
            params: params(&spec.params),
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
            let mut mistake = self.source.at(&pointer, format!("`{id}` is not an operation of the contract"));
            if let Some(meant) = nearest(id, known.iter().map(AsRef::as_ref)) {
                mistake = mistake.with_help(format!("did you mean `{meant}`?"));
            }
            self.mistakes.push(mistake);
        }
        if ids.is_empty() {
            let message = "`operations` is empty, so the policy can never match";
            self.mistakes.push(self.source.at("/spec/match/operations", message));
        }
        let ids: BTreeSet<&str> = ids.iter().map(String::as_str).collect();
        contract.operations().into_iter().filter(|operation| ids.contains(operation.id.as_ref())).collect()
    }

    fn variables<'n>(&mut self, named: &'n [Named], known: &mut Known<'n>) -> Vec<(String, IdedExpr)> {
        let mut variables = Vec::new();
        for (position, variable) in named.iter().enumerate() {
            let pointer = format!("/spec/variables/{position}");
            if known.variables.contains(&variable.name.as_str()) {
                let message = format!("`{}` is declared twice", variable.name);
                self.mistakes.push(self.source.at(&format!("{pointer}/name"), message));
            }
            let parsed = self.expression(&format!("{pointer}/expression"), &variable.expression, &variables, known);
            variables.extend(parsed.map(|expression| (variable.name.clone(), expression.into_tree())));
            known.variables.push(&variable.name);
        }
        variables
    }

    fn validation(
        &mut self,
        position: usize,
        written: &ValidationSource,
        variables: &[(String, IdedExpr)],
        known: &Known<'_>,
    ) -> Option<Validation> {
        let pointer = format!("/spec/validations/{position}");
        let expression = self.expression(&format!("{pointer}/expression"), &written.expression, variables, known);
        let is_declared = |field: &String| known.has_field(field);
        if let Some(field) = written.field.as_ref().filter(|field| !is_declared(field)) {
            let message = format!("`{field}` is not a field of any operation that this policy matches");
            self.mistakes.push(self.source.at(&format!("{pointer}/field"), message));
        }
        if written.message.trim().is_empty() {
            self.mistakes
                .push(self.source.at(&format!("{pointer}/message"), "`message` is empty; callers need a reason"));
        }
        let text = |text: &Option<String>| text.as_deref().map(Arc::from);
        let expression = expression?;
        Some(Validation {
            source: written.expression.as_str().into(),
            reads: Reads::of(&expression.names()),
            expression,
            field: text(&written.field),
            message: written.message.as_str().into(),
            hint: text(&written.hint),
        })
    }

    fn expression(
        &mut self,
        pointer: &str,
        text: &str,
        variables: &[(String, IdedExpr)],
        known: &Known<'_>,
    ) -> Option<Expression> {
        let expression = match Expression::parse(text, variables) {
            Ok(expression) => expression,
            Err(error) => {
                self.mistakes.push(self.misplaced(pointer, error));
                return None;
            }
        };
        self.note_headers(&expression);
        self.reads.extend(&Reads::of(&expression.names()));
        for unknown in known.unknown(&expression) {
            let mistake = self.unknown(pointer, text, unknown);
            self.mistakes.push(mistake);
        }
        Some(expression)
    }

    fn note_headers(&mut self, expression: &Expression) {
        for path in expression.names() {
            match path.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
                ["request"] | ["request", "headers"] => self.headers = None,
                ["request", "headers", name, ..] => {
                    self.headers.iter_mut().for_each(|headers| headers.extend([name.to_ascii_lowercase()]));
                }
                _ => {}
            }
        }
    }

    fn misplaced(&self, pointer: &str, error: ExpressionError) -> Diagnostic {
        match error.span {
            Some(span) => self.source.within(pointer, span, error.message),
            None => self.source.at(pointer, error.message),
        }
    }

    fn unknown(&self, pointer: &str, text: &str, unknown: Unknown) -> Diagnostic {
        let mistake = match text.find(&unknown.name) {
            Some(start) => self.source.within(pointer, start..start + unknown.name.len(), unknown.message),
            None => self.source.at(pointer, unknown.message),
        };
        match unknown.meant {
            Some(meant) => mistake.with_help(format!("did you mean `{meant}`?")),
            None => mistake,
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

/// Parameters as a CEL map, made once: reading one copies nothing.
fn params(written: &BTreeMap<String, serde_json::Value>) -> Box<dyn Val> {
    let entries: HashMap<String, cel::Value> =
        written.iter().map(|(name, value)| (name.clone(), param(value))).collect();
    // a map of plain values always converts
    let map: Result<Box<dyn Val>, _> = cel::Value::from(entries).try_into();
    map.unwrap_or_else(|_| Box::new(CelNull))
}

fn param(value: &serde_json::Value) -> cel::Value {
    use serde_json::Value;
    match value {
        Value::Null => cel::Value::Null,
        Value::Bool(value) => cel::Value::Bool(*value),
        Value::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(value), _) => cel::Value::Int(value),
            (None, Some(value)) => cel::Value::UInt(value),
            (None, None) => cel::Value::Float(number.as_f64().unwrap_or(f64::NAN)),
        },
        Value::String(text) => cel::Value::from(text.as_str()),
        Value::Array(items) => cel::Value::from(items.iter().map(param).collect::<Vec<_>>()),
        Value::Object(members) => {
            let members = members.iter().map(|(name, value)| (name.clone(), param(value)));
            cel::Value::from(members.collect::<HashMap<String, cel::Value>>())
        }
    }
}
