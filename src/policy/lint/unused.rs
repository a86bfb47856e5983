//! Lints `params` and `variables` that no expression uses: leftovers, or a sign that an expression misses its parameter.

use crate::cel::References;
use crate::diagnostic::Diagnostic;
use crate::manifest::{Manifest, Source};
use crate::policy::limit::RequestLimit;
use crate::policy::source::{NamedExpression, RequestPolicy};

/// The `params` and `variables` of a policy that none of its expressions uses.
pub(in crate::policy) fn lint_policy(manifest: &Manifest<RequestPolicy>) -> Vec<Diagnostic> {
    let spec = &manifest.value.spec;
    let validations = spec.validations.iter().map(|validation| validation.expression.as_str());
    let expressions: Vec<&str> = expressions_of(&spec.match_conditions).chain(validations).collect();
    let params = References::of("params", expressions.iter().copied().chain(expressions_of(&spec.variables)));
    // Params may also be used by a variable, whether or not that is used itself.
    let unused = spec.params.keys().filter(|name| !params.has(name)).map(|name| {
        let pointer = format!("/spec/params/{}", name.replace('~', "~0").replace('/', "~1"));
        with_help(manifest.source.at_key(&pointer, format!("no expression uses `params.{name}`")))
    });
    unused.chain(unused_variables(&manifest.source, &spec.variables, &expressions)).collect()
}

/// The `variables` of a limit that none of its expressions uses.
pub(in crate::policy) fn lint_limit(manifest: &Manifest<RequestLimit>) -> Vec<Diagnostic> {
    let spec = &manifest.value.spec;
    let expressions: Vec<&str> =
        expressions_of(&spec.match_conditions).chain(spec.key.as_deref()).chain(spec.cost.as_deref()).collect();
    unused_variables(&manifest.source, &spec.variables, &expressions)
}

fn unused_variables(source: &Source, declared: &[NamedExpression], expressions: &[&str]) -> Vec<Diagnostic> {
    // A variable that only another variable uses counts as used: the chain is reported at its unused end.
    let used = References::of("variables", expressions.iter().copied().chain(expressions_of(declared)));
    let unused = declared.iter().enumerate().filter(|(_, variable)| !used.has(&variable.name));
    let lints = unused.map(|(position, variable)| {
        let message = format!("no expression uses `variables.{}`", variable.name);
        with_help(source.at(&format!("/spec/variables/{position}/name"), message))
    });
    lints.collect()
}

fn with_help(lint: Diagnostic) -> Diagnostic {
    lint.with_help("use it, or remove it")
}

fn expressions_of(named: &[NamedExpression]) -> impl Iterator<Item = &str> {
    named.iter().map(|named| named.expression.as_str())
}
