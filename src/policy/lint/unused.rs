//! What a document declares and nothing in it uses: left over, or a name that was meant and is not written.

use crate::cel::References;
use crate::diagnostic::Diagnostic;
use crate::manifest::{Manifest, Source};
use crate::policy::limit::RequestLimit;
use crate::policy::source::{NamedExpression, RequestPolicy};

/// The `params` and `variables` of a policy that none of its expressions uses.
pub(in crate::policy) fn lint_policy(manifest: &Manifest<RequestPolicy>) -> Vec<Diagnostic> {
    let spec = &manifest.value.spec;
    let validations = spec.validations.iter().map(|validation| validation.expression.as_str());
    let asked: Vec<&str> = written(&spec.match_conditions).chain(validations).collect();
    let params = References::of("params", asked.iter().copied().chain(written(&spec.variables)));
    let unused = spec.params.keys().filter(|name| !params.has(name)).map(|name| {
        let pointer = format!("/spec/params/{}", name.replace('~', "~0").replace('/', "~1"));
        told(manifest.source.at_key(&pointer, format!("no expression uses `params.{name}`")))
    });
    unused.chain(variables(&manifest.source, &spec.variables, &asked)).collect()
}

/// The `variables` of a limit that none of its expressions uses.
pub(in crate::policy) fn lint_limit(manifest: &Manifest<RequestLimit>) -> Vec<Diagnostic> {
    let spec = &manifest.value.spec;
    let asked: Vec<&str> = written(&spec.match_conditions).chain(spec.key.as_deref()).collect();
    variables(&manifest.source, &spec.variables, &asked)
}

fn variables(source: &Source, declared: &[NamedExpression], asked: &[&str]) -> Vec<Diagnostic> {
    let used = References::of("variables", asked.iter().copied().chain(written(declared)));
    let unused = declared.iter().enumerate().filter(|(_, variable)| !used.has(&variable.name));
    let lints = unused.map(|(position, variable)| {
        let message = format!("no expression uses `variables.{}`", variable.name);
        told(source.at(&format!("/spec/variables/{position}/name"), message))
    });
    lints.collect()
}

fn told(lint: Diagnostic) -> Diagnostic {
    lint.with_help("use it, or remove it")
}

fn written(named: &[NamedExpression]) -> impl Iterator<Item = &str> {
    named.iter().map(|named| named.expression.as_str())
}
