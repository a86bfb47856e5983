//! A check that uses again what the one before found has the same result as one from scratch.

use portcullis::app::{CheckScope, CheckedConfiguration, Error};
use portcullis::files::UnsavedTexts;
use std::fs;
use std::path::Path;
use std::sync::Arc;

const GATEWAY: &str = "apiVersion: portcullis/v1\nkind: Gateway\npolicies: [policies]\nupstream: { url: embedded }\n";
const NAMES: &str = "apiVersion: portcullis/v1
kind: RequestPolicy
metadata: { name: names }
spec:
  match: { operations: [UpdateUser] }
  paramsFrom: [shared]
  validations: [{ expression: '!(body.first_name in params.reserved)', message: no }]
  actions: [Deny]
";
const NAMES_TEST: &str = "apiVersion: portcullis/v1
kind: PolicyTest
metadata: { name: names }
spec:
  cases:
    - name: a reserved name
      request: { operation: UpdateUser, body: { first_name: root } }
      expect: { violates: [names] }
    - name: another name
      request: { operation: UpdateUser, body: { first_name: ada } }
      expect: { violates: [] }
";
const SHARED: &str = "apiVersion: portcullis/v1
kind: Params
metadata: { name: shared }
spec: { params: { reserved: [root, admin] } }
";
/// It takes no number, which linters warn of.
const PLAN: &str = "apiVersion: portcullis/v1
kind: RequestPolicy
metadata: { name: plan }
spec:
  match: { operations: [UpdateUser] }
  validations:
    - expression: body.public_metadata == null || body.public_metadata.plan == null || body.public_metadata.plan.startsWith('x')
      message: no
  actions: [Deny]
";
const WAIVER: &str = "apiVersion: portcullis/v1
kind: Waiver
metadata: { name: everybody }
spec:
  policy: names
  matchConditions: [{ name: all, expression: body.first_name == 'root' }]
  owner: me
  ticket: T-1
  reason: it is only a test
  expires: 2999-01-01
";

/// What a check shows.
fn shown(result: &Result<CheckedConfiguration, Error>) -> Vec<String> {
    match result {
        Ok(checked) => checked.lints.iter().map(ToString::to_string).collect(),
        Err(Error::Invalid(errors)) => errors.iter().map(|error| format!("error: {error}")).collect(),
        Err(Error::Environment(error)) => vec![error.clone()],
    }
}

fn check(
    folder: &Path,
    unsaved: &Arc<UnsavedTexts>,
    before: Option<&CheckedConfiguration>,
) -> Result<CheckedConfiguration, Error> {
    let scope = CheckScope { config: Some(folder.join("gateway.yaml")), ..CheckScope::default() };
    scope.check(scope.load(unsaved)?, unsaved, before)
}

#[test]
fn what_is_used_again_changes_no_result() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap();
    fs::create_dir(root.join("policies")).unwrap();
    fs::write(root.join("gateway.yaml"), GATEWAY).unwrap();
    for (file, text) in [("names", NAMES), ("names.test", NAMES_TEST), ("shared", SHARED), ("plan", PLAN)] {
        fs::write(root.join(format!("policies/{file}.yaml")), text).unwrap();
    }
    let misnamed = NAMES_TEST.replace("first_name: ada", "first_name: admin");
    let fits_no_more = SHARED.replace("root, admin", "admin");
    let mended = PLAN.replace(
        "body.public_metadata.plan ==",
        "type(body.public_metadata.plan) != string || body.public_metadata.plan ==",
    );
    let second = PLAN
        .replace("name: plan", "name: second")
        .replace("body.public_metadata ==", "body.first_name != 'ada' && body.public_metadata ==");
    let other_contract = GATEWAY.replace("upstream", "contract: { defaultApiVersion: '2025-11-10' }\nupstream");
    // each: the file, its text, and what the result has
    let edits: [(&str, &str, &str); 15] = [
        ("policies/plan.yaml", &mended, ""),
        ("policies/plan.yaml", PLAN, "it has no value"),
        ("policies/names.test.yaml", &misnamed, "case `another name` fails"),
        ("policies/names.test.yaml", NAMES_TEST, "it has no value"),
        ("policies/shared.yaml", &fits_no_more, "case `a reserved name` fails"),
        ("policies/shared.yaml", SHARED, "it has no value"),
        ("policies/shared.yaml", &format!("{SHARED}---\n{WAIVER}"), "it has no value"),
        ("policies/names.yaml", &NAMES.replace("!(body", "(body"), "case `a reserved name` fails"),
        ("policies/names.yaml", &NAMES.replace("first_name", "frist_name"), "frist_name"),
        ("policies/names.test.yaml", &NAMES_TEST.replace("spec:", "specs:"), "unknown key `specs`"),
        ("policies/names.test.yaml", NAMES_TEST, "frist_name"),
        ("policies/names.yaml", NAMES, "it has no value"),
        // a second file beside the test, whose policy refuses a name that it expects to pass
        ("policies/names.yml", &second, "case `another name` fails"),
        ("policies/names.yml", &PLAN.replace("name: plan", "name: second"), "it has no value"),
        ("gateway.yaml", &other_contract, "it has no value"),
    ];
    let mut unsaved = UnsavedTexts::new();
    let mut before = check(&root, &Arc::default(), None).expect("valid");
    for (file, text, part) in edits {
        unsaved.insert(root.join(file), Arc::from(text));
        let texts = Arc::new(unsaved.clone());
        let (again, anew) = (check(&root, &texts, Some(&before)), check(&root, &texts, None));
        assert_eq!(shown(&again), shown(&anew), "{file}: {text}");
        assert!(part.is_empty() || shown(&again).iter().any(|line| line.contains(part)), "{part}: {:?}", shown(&again));
        if let Ok(checked) = again {
            before = checked;
        }
    }
}
