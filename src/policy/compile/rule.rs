//! Compiles `kind: RequestPolicy`.

use super::{Compiler, did_you_mean};
use crate::cel::{Env, Expression, Purpose, conjuncts};
use crate::contract::Contract;
use crate::diagnostic::Diagnostic;
use crate::manifest::Manifest;
use crate::policy::Action;
use crate::policy::bindings::{self, RequestDeclarations};
use crate::policy::reads::Reads;
use crate::policy::rule_hash::RuleHash;
use crate::policy::scope::Scope;
use crate::policy::source::{PolicySpec, RequestPolicy, ValidationSource};
use crate::policy::spec_schema::PolicySchema;
use crate::policy::waiver::Waiver;
use std::collections::BTreeSet;
use std::sync::Arc;

/// A compiled policy.
#[derive(Debug)]
pub struct Policy {
    /// `metadata.name`.
    pub name: Arc<str>,
    /// The `owner` label.
    pub owner: Option<Arc<str>>,
    /// What happens to a request that violates it.
    pub action: Action,
    /// The requests it applies to.
    pub scope: Scope,
    /// The expressions that must be true.
    pub validations: Vec<Validation>,
    /// The schema that the body must match, in addition to the contract's.
    pub(in crate::policy) schema: Option<PolicySchema>,
    /// The parts of the body that its match conditions read.
    pub(in crate::policy) condition_reads: Reads,
    /// The parts of the body that any of its expressions, or its schema, reads.
    pub reads: Reads,
    /// The waivers for it, in the order of the files.
    pub waivers: Vec<Arc<Waiver>>,
    /// The hash of what decides its outcome, its waivers and its action apart.
    pub hash: RuleHash,
    /// The hash of its waivers; `None` if it has none.
    pub waivers_hash: Option<RuleHash>,
}

/// A compiled validation: an expression that must be true.
#[derive(Debug)]
pub struct Validation {
    /// The expression, verbatim.
    pub source: Arc<str>,
    pub(in crate::policy) expression: Expression,
    /// The parts of the body that the expression reads.
    pub(in crate::policy) reads: Reads,
    /// The field to name in the refusal, if the author named one.
    pub field: Option<Arc<str>>,
    /// The message for the caller if it is not true.
    pub message: Arc<str>,
    /// What the caller can do about it.
    pub hint: Option<Arc<str>>,
}

impl Validation {
    /// The fields of the body that it reads by name. Empty if it reads none, or the request decides which.
    pub fn fields(&self) -> BTreeSet<&str> {
        self.reads.fields().unwrap_or_default()
    }
}

impl Policy {
    /// The same policy with these waivers.
    #[must_use]
    pub fn with_waivers(self, waivers: Vec<Arc<Waiver>>) -> Self {
        Self { waivers_hash: RuleHash::of_waivers(&waivers), waivers, ..self }
    }
}

/// Compiles a policy.
///
/// # Errors
///
/// Returns every error in the document, each with its place.
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
        let mut env = Env::new(&declarations, &spec.all_params());
        self.variables(&spec.variables, &mut env);
        self.check_environments(&spec.r#match.environments);
        self.check_exceptions(&spec.r#match.except, contract);
        let conditions = self.conditions(&spec.match_conditions, &mut env, "the policy can never match");
        let condition_reads = self.reads.clone();
        let validations = spec.validations.iter().enumerate();
        let validations: Vec<Validation> = validations
            .filter_map(|(position, validation)| self.validation(position, validation, &declarations, &mut env))
            .collect();
        // Before the schema, whose errors would hide what is implied: `check_implied` stays silent after any error.
        self.check_implied(spec, &conditions, &validations, &env);
        if spec.validations.is_empty() && spec.schema.is_none() {
            self.error("/spec/validations", "there are no `validations` and no `schema`, so the policy checks nothing");
        }
        let schema = spec.schema.as_ref().and_then(|schema| self.schema(schema, &matched));
        // After everything that reads fields: `self.reads` is complete only now.
        self.check_objects(&matched);
        Policy {
            name: written.metadata.name.as_str().into(),
            owner: written.metadata.owner(),
            action: self.action(&spec.actions),
            scope: Self::scope(&spec.r#match, &matched, conditions, env),
            validations,
            schema,
            condition_reads,
            hash: RuleHash::of_policy(spec, &self.reads, &matched),
            reads: std::mem::take(&mut self.reads),
            // Waivers are documents of their own, which the bundle adds once all of them are compiled.
            waivers: Vec::new(),
            waivers_hash: None,
        }
    }

    /// Reports validations that the match conditions already imply.
    fn check_implied(
        &mut self,
        spec: &PolicySpec,
        conditions: &[(Arc<str>, Expression)],
        validations: &[Validation],
        env: &Env<'_>,
    ) {
        // An expression that did not compile is missing here, and would make others look implied.
        if !self.errors.is_empty() || conditions.is_empty() {
            return;
        }
        let given_terms: BTreeSet<String> =
            spec.match_conditions.iter().flat_map(|it| conjuncts(&it.expression)).collect();
        let given: Vec<&Expression> = conditions.iter().map(|(_, condition)| condition).collect();
        for (position, validation) in validations.iter().enumerate() {
            let checked = [&validation.expression];
            let is_implied = |given: &[&Expression]| env.constant_truth(given, &checked) == Some(true);
            let is_repeated = conjuncts(&validation.source).iter().all(|term| given_terms.contains(term));
            // As text first: the solver does not understand every expression, but a repeated one is always implied.
            if is_repeated || is_implied(&given) || given.iter().any(|one| is_implied(&[one])) {
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
            // In expressions the field is `body.X`, in `field` it is `X`: the likeliest error has an exact suggestion.
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
