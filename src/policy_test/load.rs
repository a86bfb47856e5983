//! Compiles test files to suites.

use super::request::{FileContext, TestRequest, request};
use super::source::{CaseSource, ExpectedDecision, PolicyTest, TestExpectation};
use crate::contract::Routed;
use crate::diagnostic::Diagnostic;
use crate::judge::Bundle;
use crate::manifest::{self, Manifest, Source, duration};
use crate::suggest::nearest;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The text of a test file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestText {
    /// Where it was read.
    pub file: PathBuf,
    /// The content.
    pub text: String,
}

/// A compiled test file.
#[derive(Debug)]
pub struct Suite {
    /// `metadata.name`.
    pub name: String,
    /// The cases, in the order of the file.
    pub cases: Vec<TestCase>,
    /// The document, for the places of failures.
    pub source: Source,
    /// A bundle with only the policies that are tested.
    pub(super) bundle: Bundle,
}

impl Suite {
    /// The names of the policies and limits that judge its cases.
    pub(crate) fn rules(&self) -> impl Iterator<Item = &str> {
        let limits = self.bundle.policies.limits().iter().map(|limit| limit.name.as_ref());
        self.bundle.policies.all().iter().map(|policy| policy.name.as_ref()).chain(limits)
    }

    /// The requests of its cases.
    pub(crate) fn requests(&self) -> impl Iterator<Item = &TestRequest> {
        self.cases.iter().map(|case| &case.request)
    }
}

/// A request with the decision that is expected.
#[derive(Debug)]
pub struct TestCase {
    /// The name that results show.
    pub name: String,
    /// Its position in the file.
    pub(super) position: usize,
    pub(super) request: TestRequest,
    /// How often the request is sent.
    pub(super) repeat: u32,
    /// How long after the case above it begins, if it follows that.
    pub(super) after: Option<Duration>,
    pub(super) expected: TestExpectation,
}

/// The suites in `texts`, for the policies of `bundle`.
///
/// # Errors
///
/// Returns every error in the files, each with its place.
pub fn load(texts: &[TestText], bundle: &Bundle) -> Result<Vec<Suite>, Vec<Diagnostic>> {
    let (mut suites, mut errors) = (Vec::new(), Vec::new());
    for text in texts {
        match manifest::read::<PolicyTest>(&text.file, &text.text) {
            Ok(manifests) => {
                for manifest in manifests {
                    match suite(manifest, bundle) {
                        Ok(suite) => suites.push(suite),
                        Err(found) => errors.extend(found),
                    }
                }
            }
            Err(found) => errors.extend(found),
        }
    }
    if errors.is_empty() { Ok(suites) } else { Err(errors) }
}

/// The errors in the files that show without the policies, for use if the policies themselves have errors.
pub fn syntax_errors<'t>(texts: impl IntoIterator<Item = &'t TestText>) -> Vec<Diagnostic> {
    let read = |text: &TestText| manifest::read::<PolicyTest>(&text.file, &text.text).err();
    texts.into_iter().filter_map(read).flatten().collect()
}

fn suite(manifest: Manifest<PolicyTest>, bundle: &Bundle) -> Result<Suite, Vec<Diagnostic>> {
    let Manifest { value, source } = manifest;
    let mut errors = Vec::new();
    // Explicit names first: a test file may be in another folder than its policies.
    let judges = match &value.spec.policies {
        Some(names) => {
            errors.extend(unknown_policies(names, &source, bundle));
            names.iter().cloned().collect()
        }
        None => rules_beside(source.file(), bundle),
    };
    if judges.is_empty() {
        let message = "no policy is tested: there is none in the file beside this one";
        errors.push(source.at_key("/spec", message).with_help("name policies in `policies`"));
    }
    // Only the named policies judge: a case must not depend on which other files are in the folder.
    let tested = bundle.only(&judges);
    let written = FileContext {
        source: &source,
        contract: &bundle.contract,
        api_version: value.spec.clerk_api_version.as_deref(),
    };
    let mut cases: Vec<TestCase> = Vec::new();
    for (position, case) in value.spec.cases.iter().enumerate() {
        let pointer = format!("/spec/cases/{position}");
        // Results are reported, and cases are selected, by name.
        if value.spec.cases.iter().take(position).any(|earlier| earlier.name == case.name) {
            errors.push(source.at(&format!("{pointer}/name"), "`name` is that of an earlier case"));
        }
        errors.extend(impossible_expectations(case, &source, &pointer, &judges));
        errors.extend(unknown_waivers(case, &source, &pointer, &judges, bundle));
        let after = after(case, position, &source).unwrap_or_else(|error| {
            errors.push(error);
            None
        });
        // relative to the case above, so that policies see the time that passed
        let time = cases.last().zip(after).and_then(|(above, after)| above.request.time.checked_add(after));
        match request(&written, &case.request, time, &format!("{pointer}/request")) {
            Ok(request) => {
                errors.extend(check_is_tested(case, &request, &source, &pointer, &tested));
                cases.push(TestCase {
                    name: case.name.clone(),
                    position,
                    request,
                    repeat: case.repeat,
                    after,
                    expected: case.expect.clone(),
                });
            }
            Err(found) => errors.extend(found),
        }
    }
    // The checks of a case run in an order of their own; the operator reads from the top.
    errors.sort_by_key(|error| error.span.as_ref().map(|span| span.start));
    if errors.is_empty() { Ok(Suite { name: value.metadata.name, cases, source, bundle: tested }) } else { Err(errors) }
}

fn unknown_policies<'a>(
    names: &'a [String],
    source: &'a Source,
    bundle: &'a Bundle,
) -> impl Iterator<Item = Diagnostic> + 'a {
    let limits = || bundle.policies.limits().iter().map(|limit| limit.name.as_ref());
    let known = move || bundle.policies.all().iter().map(|policy| policy.name.as_ref()).chain(limits());
    let unknown = names.iter().enumerate().filter(move |(_, name)| known().all(|known| known != name.as_str()));
    unknown.map(move |(position, name)| {
        let message = format!("`{}` is not a policy that was loaded", name.escape_debug());
        let error = source.at(&format!("/spec/policies/{position}"), message);
        did_you_mean(error, nearest(name, known()))
    })
}

/// Expectations that no decision can meet.
fn impossible_expectations(
    case: &CaseSource,
    source: &Source,
    pointer: &str,
    judges: &BTreeSet<String>,
) -> Vec<Diagnostic> {
    let expected = &case.expect;
    let mut errors = Vec::new();
    if expected.decision.is_none() && !expected.is_action_free() {
        let error = source.at_key(&format!("{pointer}/expect"), "`expect` needs `decision`, `violates` or `limited`");
        errors.push(error.with_help("`violates: []` expects that no policy is violated"));
    }
    if expected.decision == Some(ExpectedDecision::Allow) {
        let unused = [
            ("reason", expected.reason.is_some() && !expected.expects_failure()),
            ("policies", has_any(expected.policies.as_ref())),
        ];
        for (key, _) in unused.iter().filter(|(_, is_written)| *is_written) {
            let message = format!("`{key}` is about a refusal, and `decision` is `allow`");
            errors.push(source.at_key(&format!("{pointer}/expect/{key}"), message));
        }
    }
    let policies = expected.policies.iter().flatten().map(|name| ("policies", name));
    let limited = expected.limited.iter().flatten().map(|name| ("limited", name));
    let counted = expected.limits.iter().flat_map(BTreeMap::keys).map(|name| ("limits", name));
    let named = policies.chain(limited).chain(counted);
    let rules = [("violates", &expected.violates), ("warnings", &expected.warnings), ("audits", &expected.audits)];
    let rules = rules.into_iter().flat_map(|(key, names)| names.iter().flatten().map(move |name| (key, name)));
    // The contract judges every case, whichever policies are tested.
    let rules = rules.filter(|(_, name)| !is_contract_rule(name));
    for (key, name) in named.chain(rules).filter(|(_, name)| !judges.contains(*name)) {
        let message = format!("`{}` does not judge the cases of this file", name.escape_debug());
        let error = source.at(&format!("{pointer}/expect/{key}"), message);
        errors.push(did_you_mean(error, nearest(name, judges.iter().map(String::as_str))));
    }
    errors
}

/// How long after the case above the case begins, if it follows that.
fn after(case: &CaseSource, position: usize, source: &Source) -> Result<Option<Duration>, Diagnostic> {
    let Some(after) = &case.after else { return Ok(None) };
    let pointer = format!("/spec/cases/{position}/after");
    if position == 0 {
        return Err(source.at_key(&pointer, "`after` is a time after the case above, and this is the first"));
    }
    let wrong = |what: &str| source.at(&pointer, format!("`after` {what}")).with_help(duration::HELP);
    duration::parse(after).map(Some).map_err(wrong)
}

/// Whether `name` is a rule that is not a policy: one of the gateway, or a keyword of the contract's schemas.
fn is_contract_rule(name: &str) -> bool {
    name == "gateway" || KEYWORDS.contains(&name)
}

/// The keywords of JSON Schema that a body can violate.
const KEYWORDS: [&str; 25] = [
    "additionalProperties",
    "allOf",
    "anyOf",
    "const",
    "contains",
    "dependentRequired",
    "enum",
    "exclusiveMaximum",
    "exclusiveMinimum",
    "format",
    "maxItems",
    "maxLength",
    "maxProperties",
    "maximum",
    "minItems",
    "minLength",
    "minProperties",
    "minimum",
    "multipleOf",
    "not",
    "oneOf",
    "pattern",
    "propertyNames",
    "required",
    "type",
];

/// An error for a case that passes because no policy and no limit applies to it.
//
// Such a case tests nothing, most often because of a wrong operation. It is valid if it expects exactly that.
fn check_is_tested(
    case: &CaseSource,
    request: &TestRequest,
    source: &Source,
    pointer: &str,
    tested: &Bundle,
) -> Option<Diagnostic> {
    let expected = &case.expect;
    let none_is_meant = expected.policies.as_ref().is_some_and(BTreeSet::is_empty)
        || expected.limits.as_ref().is_some_and(BTreeMap::is_empty);
    if none_is_meant || expected.decision == Some(ExpectedDecision::Deny) {
        return None;
    }
    let key = if case.request.operation.is_some() { "operation" } else { "path" };
    let wrong = |what: &str| {
        let error = source.at(&format!("{pointer}/request/{key}"), format!("no policy of this test is for {what}"));
        Some(error.with_help("write `policies: []` in `expect` if none is meant to apply"))
    };
    match tested.route(&request.method, request.uri.path(), request.version.as_deref()) {
        Routed::Operation(operation, _) => {
            let (policies, limits) =
                (tested.policies.of_operation(&operation.id), tested.policies.limits_of_operation(&operation.id));
            if policies.is_empty() && limits.is_empty() { wrong(&format!("`{}`", operation.id)) } else { None }
        }
        Routed::Unknown => wrong("this path, which is no operation of the contract"),
        // Refused, so the case fails when it runs, with a better message.
        Routed::Ambiguous | Routed::MethodUnknown => None,
    }
}

/// Expected waivers that are not for one of the tested policies.
fn unknown_waivers(
    case: &CaseSource,
    source: &Source,
    pointer: &str,
    judges: &BTreeSet<String>,
    bundle: &Bundle,
) -> Vec<Diagnostic> {
    let known: BTreeSet<&str> = bundle
        .policies
        .waivers()
        .filter(|waiver| judges.contains(waiver.policy.as_ref()))
        .map(|it| it.name.as_ref())
        .collect();
    let unknown = case.expect.waived.iter().flatten().filter(|name| !known.contains(name.as_str()));
    let errors = unknown.map(|name| {
        let message = format!("`{}` is not a waiver of the policies that judge the cases", name.escape_debug());
        let error = source.at(&format!("{pointer}/expect/waived"), message);
        did_you_mean(error, nearest(name, known.iter().copied()))
    });
    errors.collect()
}

fn has_any(names: Option<&BTreeSet<String>>) -> bool {
    names.is_some_and(|names| !names.is_empty())
}

/// The names of the policies and limits in the file beside the test file `test`, and of the policies that its waivers are for.
pub(crate) fn rules_beside(test: &Path, bundle: &Bundle) -> BTreeSet<String> {
    let is_tested = |source: &Source| is_beside(test, source.file());
    let documents = bundle.documents();
    let policies = documents.policies.iter().filter(|it| is_tested(&it.source)).map(|it| &it.value.metadata.name);
    let limits = documents.limits.iter().filter(|it| is_tested(&it.source)).map(|it| &it.value.metadata.name);
    let waived = documents.waivers.iter().filter(|it| is_tested(&it.source)).map(|it| &it.value.spec.policy);
    policies.chain(limits).chain(waived).cloned().collect()
}

/// Whether `test` is `NAME.test.yaml` and `policy` is `NAME.yaml` in the same folder.
fn is_beside(test: &Path, policy: &Path) -> bool {
    let tested = test.file_stem().and_then(OsStr::to_str).and_then(|stem| stem.strip_suffix(".test"));
    // names first, because folders are compared part by part, for each test with each policy
    tested.is_some() && policy.file_stem().and_then(OsStr::to_str) == tested && test.parent() == policy.parent()
}

fn did_you_mean(error: Diagnostic, meant: Option<&str>) -> Diagnostic {
    match meant {
        Some(meant) => error.with_help(format!("did you mean `{meant}`?")),
        None => error,
    }
}

#[cfg(test)]
mod tests {
    use super::is_beside;
    use std::path::Path;

    #[test]
    fn a_test_is_beside_the_policy_of_its_name() {
        let is = |test: &str, policy: &str| is_beside(Path::new(test), Path::new(policy));
        assert!(is("policies/a.test.yaml", "policies/a.yaml"));
        assert!(is("a.b.test.yml", "a.b.yaml"));
        for (test, policy) in [
            ("policies/a.test.yaml", "others/a.yaml"),
            ("policies/a.test.yaml", "policies/b.yaml"),
            ("policies/a.yaml", "policies/a.yaml"),
        ] {
            assert!(!is(test, policy), "{test} {policy}");
        }
    }
}
