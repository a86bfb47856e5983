//! From what a person wrote to a policy that can judge, or everything that is wrong with it.

use super::{Compiler, did_you_mean};
use crate::cel::{Env, Expression, Purpose, conjuncts};
use crate::contract::Contract;
use crate::diagnostic::Diagnostic;
use crate::manifest::Manifest;
use crate::policy::Action;
use crate::policy::bindings::{self, RequestDeclarations};
use crate::policy::reads::Reads;
use crate::policy::scope::Scope;
use crate::policy::source::{PolicySpec, RequestPolicy, ValidationSource};
use crate::policy::spec_schema::PolicySchema;
use crate::policy::waiver::Waiver;
use std::collections::BTreeSet;
use std::sync::Arc;

/// A rule, ready to judge by.
#[derive(Debug)]
pub struct Policy {
    /// `metadata.name`.
    pub name: Arc<str>,
    /// The `owner` label.
    pub owner: Option<Arc<str>>,
    /// What happens when it does not hold.
    pub action: Action,
    /// Which requests it is for.
    pub scope: Scope,
    /// What must be true for it to hold.
    pub validations: Vec<Validation>,
    /// What the body must fit besides the contract's schema.
    pub(in crate::policy) schema: Option<PolicySchema>,
    /// What of the body it reads.
    pub reads: Reads,
    /// For whom it does not hold, until when.
    pub waivers: Vec<Arc<Waiver>>,
    /// What it was made of.
    pub(in crate::policy) spec: PolicySpec,
}

/// One thing that must be true.
#[derive(Debug)]
pub struct Validation {
    /// The expression as it was written.
    pub source: Arc<str>,
    pub(in crate::policy) expression: Expression,
    /// What of the body it reads.
    pub(in crate::policy) reads: Reads,
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
pub fn compile_policy(manifest: &Manifest<RequestPolicy>, contract: &Contract) -> Result<Policy, Vec<Diagnostic>> {
    let mut compiler = Compiler::new(&manifest.source);
    let policy = compiler.policy(&manifest.value, contract);
    compiler.finish(policy)
}

impl Compiler<'_> {
    fn policy(&mut self, written: &RequestPolicy, contract: &Contract) -> Policy {
        let spec = &written.spec;
        self.check_name(&written.metadata.name);
        let matched = self.operations(&spec.r#match.operations, contract);
        let declarations = RequestDeclarations::new(&matched, &spec.r#match.environments);
        let mut env = Env::new(&declarations, &spec.params);
        self.variables(&spec.variables, &mut env);
        self.environments(&spec.r#match.environments);
        let conditions = self.conditions(&spec.match_conditions, &mut env, "the policy can never match");
        let validations = spec.validations.iter().enumerate();
        let validations: Vec<Validation> = validations
            .filter_map(|(position, validation)| self.validation(position, validation, &declarations, &mut env))
            .collect();
        self.check_implied(spec, &conditions, &validations, &env);
        if spec.validations.is_empty() && spec.schema.is_none() {
            self.error("/spec/validations", "there are no `validations` and no `schema`, so the policy checks nothing");
        }
        let schema = spec.schema.as_ref().and_then(|schema| self.schema(schema, &matched));
        self.check_objects(&matched);
        Policy {
            name: written.metadata.name.as_str().into(),
            owner: written.metadata.owner(),
            action: self.action(&spec.actions),
            scope: Self::scope(&spec.r#match, &matched, conditions, env),
            validations,
            schema,
            reads: std::mem::take(&mut self.reads),
            waivers: Vec::new(),
            spec: spec.clone(),
        }
    }

    /// Reports validations that are true wherever the conditions are.
    fn check_implied(
        &mut self,
        spec: &PolicySpec,
        conditions: &[(Arc<str>, Expression)],
        validations: &[Validation],
        env: &Env<'_>,
    ) {
        // what is wrong with one of them was told
        if !self.errors.is_empty() || conditions.is_empty() {
            return;
        }
        let said: BTreeSet<String> = spec.match_conditions.iter().flat_map(|it| conjuncts(&it.expression)).collect();
        let given: Vec<&Expression> = conditions.iter().map(|(_, condition)| condition).collect();
        for (position, validation) in validations.iter().enumerate() {
            let asked = [&validation.expression];
            let is_implied = |given: &[&Expression]| env.constant_truth(given, &asked) == Some(true);
            let is_said = conjuncts(&validation.source).iter().all(|term| said.contains(term));
            if is_said || is_implied(&given) || given.iter().any(|one| is_implied(&[one])) {
                let message = "the expression is true wherever the match conditions are, so it checks nothing";
                self.error(&format!("/spec/validations/{position}/expression"), message);
            }
        }
    }

    fn validation(
        &mut self,
        position: usize,
        written: &ValidationSource,
        declarations: &RequestDeclarations<'_>,
        env: &mut Env<'_>,
    ) -> Option<Validation> {
        let pointer = format!("/spec/validations/{position}");
        let expression = env.compile(&written.expression, Purpose::Validation);
        let reads = bindings::reads(&env.take_lookups());
        self.reads.extend(&reads);
        if let Some((field, Err(meant))) = written.field.as_ref().map(|field| (field, declarations.check_field(field)))
        {
            let message = format!("`{field}` is not a field of any operation that this policy matches");
            let error = self.source.at(&format!("{pointer}/field"), message);
            let bare = field.strip_prefix("body.").filter(|bare| declarations.check_field(bare).is_ok());
            self.errors.push(did_you_mean(error, bare.or(meant)));
        }
        self.check_texts(&written.message, written.hint.as_deref(), &pointer);
        let expression = expression.map_err(|errors| self.report(&format!("{pointer}/expression"), errors)).ok()?;
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
}
