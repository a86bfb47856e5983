//! Compiles `kind: RequestLimit`.

use super::Compiler;
use crate::cel::{Env, ValueExpression};
use crate::contract::Contract;
use crate::diagnostic::Diagnostic;
use crate::manifest::{Manifest, duration};
use crate::policy::bindings::{self, RequestDeclarations};
use crate::policy::limit::{Limit, LimitSpec, Rate, RequestLimit};
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

/// Compiles a limit.
///
/// # Errors
///
/// Returns every error in the document, each with its place.
pub fn compile_limit(manifest: &Manifest<RequestLimit>, contract: &Contract) -> Result<Limit, Vec<Diagnostic>> {
    let mut compiler = Compiler::new(&manifest.source);
    let limit = compiler.limit(&manifest.value, contract);
    compiler.finish(limit)
}

impl Compiler<'_> {
    fn limit(&mut self, written: &RequestLimit, contract: &Contract) -> Limit {
        let spec = &written.spec;
        self.check_name(&written.metadata.name);
        let matched = self.operations(&spec.r#match.operations, contract);
        let no_params = BTreeMap::new();
        let declarations = RequestDeclarations::new(&matched, &spec.r#match.environments);
        let mut env = Env::new(&declarations, &no_params);
        self.variables(&spec.variables, &mut env);
        self.check_environments(&spec.r#match.environments);
        self.check_exceptions(&spec.r#match.except, contract);
        let conditions = self.conditions(&spec.match_conditions, &mut env, "the limit never counts");
        let key = self.key(spec, &mut env);
        let cost = self.cost(spec, &mut env);
        self.check_objects(&matched);
        self.check_texts(&spec.message, spec.hint.as_deref(), "/spec");
        Limit {
            name: written.metadata.name.as_str().into(),
            owner: written.metadata.owner(),
            action: self.action(&spec.actions),
            scope: Self::scope(&spec.r#match, &matched, conditions, env),
            key,
            cost,
            rate: self.rate(spec),
            in_flight: spec.in_flight,
            message: spec.message.as_str().into(),
            hint: spec.hint.as_deref().map(Into::into),
            reads: std::mem::take(&mut self.reads),
            // the bundle adds them once all documents are compiled
            waivers: Vec::new(),
            identity: identity(written),
        }
    }

    fn key(&mut self, spec: &LimitSpec, env: &mut Env<'_>) -> Option<ValueExpression> {
        let compiled = env.compile_key(spec.key.as_ref()?);
        self.reads.extend(&bindings::reads(&env.take_lookups()));
        compiled.map_err(|errors| self.report("/spec/key", errors)).ok()
    }

    fn cost(&mut self, spec: &LimitSpec, env: &mut Env<'_>) -> Option<ValueExpression> {
        let compiled = env.compile_integer(spec.cost.as_ref()?, "cost");
        self.reads.extend(&bindings::reads(&env.take_lookups()));
        let cost = compiled.map_err(|errors| self.report("/spec/cost", errors)).ok()?;
        let (what, help) = match (cost.constant_integer(), spec.events) {
            (_, None) => ("`cost` needs `events` beside it", "`inFlight` counts requests, whatever they cost"),
            (Some(cost), Some(events)) if cost > events.into() => {
                ("the cost is more than `events`, so that no request passes", "to refuse every request, write a policy")
            }
            (Some(..1), Some(_)) => ("the cost is below 1", "leave `cost` out to count each request as 1"),
            _ => return Some(cost),
        };
        self.errors.push(self.source.at("/spec/cost", what).with_help(help));
        None
    }

    fn rate(&mut self, spec: &LimitSpec) -> Option<Rate> {
        let missing = |key: &str, of: &str| format!("`{of}` needs `{key}` beside it");
        match (spec.events, &spec.period) {
            (Some(events), Some(period)) => {
                Some(Rate { events, period: self.period(period), written: period.as_str().into() })
            }
            (Some(_), None) => {
                let help = "such as `period: 1m`";
                self.errors.push(self.source.at_key("/spec/events", missing("period", "events")).with_help(help));
                None
            }
            (None, Some(_)) => {
                let help = "such as `events: 30`";
                self.errors.push(self.source.at_key("/spec/period", missing("events", "period")).with_help(help));
                None
            }
            (None, None) if spec.in_flight.is_none() => {
                let error = self.source.at_key("/spec", "the limit limits nothing");
                self.errors.push(error.with_help("give it `events` and `period`, or `inFlight`, or all three"));
                None
            }
            (None, None) => None,
        }
    }

    fn period(&mut self, written: &str) -> Duration {
        duration::parse(written).unwrap_or_else(|what| {
            self.errors.push(self.source.at("/spec/period", format!("`period` {what}")).with_help(duration::HELP));
            // Any value will do: the error keeps the limit from being used.
            Duration::MAX
        })
    }
}

/// Equal for limits whose counters mean the same, so that they survive a reload of the policies: name, key, cost, variables
/// and period.
//
// `events`, `inFlight` and `actions` are left out: an operator who lowers a limit during an attack must not reset its counters.
fn identity(written: &RequestLimit) -> u64 {
    let spec = &written.spec;
    let mut hasher = DefaultHasher::new();
    let variables: Vec<_> = spec.variables.iter().map(|variable| (&variable.name, &variable.expression)).collect();
    (&written.metadata.name, &spec.key, &spec.cost, &spec.period, variables).hash(&mut hasher);
    hasher.finish()
}
