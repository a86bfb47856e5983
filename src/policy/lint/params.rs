//! Lints `kind: Params` that no policy uses, and policies that use nothing of those they list.

use crate::cel::References;
use crate::diagnostic::Diagnostic;
use crate::manifest::Manifest;
use crate::policy::PolicyDocuments;
use crate::policy::params::ParamsSource;
use crate::policy::source::PolicySpec;

/// The shared values of `documents` that are not used.
pub fn lint_params(documents: &PolicyDocuments) -> Vec<Diagnostic> {
    let specs: Vec<&PolicySpec> = documents.policies.iter().map(|policy| &policy.value.spec).collect();
    let shared = documents.params.iter().flat_map(|params| lint_document(params, &specs));
    let listed = documents.policies.iter().flat_map(|policy| {
        let spec = &policy.value.spec;
        let references = references(spec);
        spec.params_from.iter().enumerate().filter_map(move |(position, name)| {
            let params = documents.params.iter().find(|params| params.value.metadata.name == *name)?;
            let is_unused = !params.value.spec.params.keys().any(|key| references.has(key));
            let message = || format!("no expression uses a value of `{name}`");
            let at = || policy.source.at(&format!("/spec/paramsFrom/{position}"), message());
            is_unused.then(|| at().with_help("use one, or remove the name"))
        })
    });
    shared.chain(listed).collect()
}

fn lint_document(params: &Manifest<ParamsSource>, policies: &[&PolicySpec]) -> Vec<Diagnostic> {
    let name = &params.value.metadata.name;
    let users: Vec<_> =
        policies.iter().filter(|spec| spec.params_from.contains(name)).map(|it| references(it)).collect();
    if users.is_empty() {
        let message = format!("no policy has `{name}` in `paramsFrom`");
        return vec![params.source.at("/metadata/name", message).with_help("list it in a policy, or remove it")];
    }
    let unused = params.value.spec.params.keys().filter(|key| !users.iter().any(|references| references.has(key)));
    let lints = unused.map(|key| {
        let pointer = format!("/spec/params/{}", key.replace('~', "~0").replace('/', "~1"));
        let message = format!("no policy that lists `{name}` uses `params.{key}`");
        params.source.at_key(&pointer, message).with_help("use it, or remove it")
    });
    lints.collect()
}

/// The parameters that the expressions of a policy use.
fn references(spec: &PolicySpec) -> References<'_> {
    let named = spec.match_conditions.iter().chain(&spec.variables).map(|named| named.expression.as_str());
    References::of("params", named.chain(spec.validations.iter().map(|it| it.expression.as_str())))
}
