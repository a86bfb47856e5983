//! Bodies of requests that name no API version.

use crate::contract::field::Field;
use crate::contract::finding::FindingKind;
use crate::contract::{ANY_VERSION, Contract, ContractText, ContractTexts, Operation, VersionPlace};
use crate::document::Document;
use std::sync::Arc;

fn built_in() -> Contract {
    Contract::built_in(ANY_VERSION).expect("the built-in contract is valid")
}

fn of_any(contract: &Contract, id: &str) -> Arc<Operation> {
    let mut operations = contract.operations().into_iter();
    operations.find(|operation| operation.is_of_any_version() && operation.id.as_ref() == id).expect(id)
}

fn findings(operation: &Operation, body: &str) -> Vec<(FindingKind, String)> {
    let document = Document::parse(bytes::Bytes::copy_from_slice(body.as_bytes())).expect(body);
    let found = operation.body.as_ref().expect("a body").check(&document).into_iter();
    found.map(|it| (it.kind, it.field.map(|field| field.for_caller()).unwrap_or_default())).collect()
}

#[test]
fn a_body_is_valid_if_one_version_accepts_it() {
    let contract = built_in();
    let update = of_any(&contract, "UpdateUser");
    // one field of old versions, and one of the newest
    for body in [r#"{"public_metadata":{"a":1}}"#, r#"{"locale":"en-US"}"#, "{}", r#"{"first_name":"Ada"}"#] {
        assert_eq!(findings(&update, body), [], "{body}");
    }
    assert_eq!(findings(&update, r#"{"nickname":1}"#), [(FindingKind::Unknown, "nickname".into())]);
    assert_eq!(findings(&update, r#"{"first_name":1}"#), [(FindingKind::Invalid, "first_name".into())]);
}

#[test]
fn fields_that_no_version_has_together_are_refused() {
    let found = findings(&of_any(&two_versions(), "A"), r#"{"old":true,"new":true}"#);
    assert_eq!(found, [(FindingKind::Unknown, "old".into())]);
}

#[test]
fn a_look_alike_of_a_field_of_any_version_is_found() {
    let update = of_any(&built_in(), "UpdateUser");
    for name in ["Public_Metadata", "LOCALE", "S\\u212aip_password_checks"] {
        let body = format!(r#"{{"{name}":null}}"#);
        let kinds: Vec<_> = findings(&update, &body).into_iter().map(|(kind, _)| kind).collect();
        assert!(kinds.contains(&FindingKind::Confusable), "{body}: {kinds:?}");
    }
}

const OLD: &str =
    r#"{"type":"object","additionalProperties":false,"properties":{"old":{"type":"boolean"},"a":{"type":"string"}}}"#;
const NEW: &str = r#"{"type":"object","additionalProperties":false,"properties":{"new":{"type":"boolean"},"a":{"type":["string","null"]}}}"#;

fn two_versions() -> Contract {
    let file = |version: &str, schema: &str| {
        let operation = format!(
            r#"{{"id":"A","method":"POST","path":"/v1/a","statuses":[200],"body":{{"mediaTypes":[],"required":true,"schema":{schema}}}}}"#
        );
        let text = format!(r#"{{"apiVersion":"{version}","$defs":{{}},"operations":[{operation}]}}"#);
        ContractText { file: version.into(), text: text.into() }
    };
    let texts = ContractTexts { versions: vec![file("2026-01-01", OLD), file("2026-02-01", NEW)], overlay: None };
    super::super::load::read_for_tests(&texts, ANY_VERSION)
}

#[test]
fn a_field_of_another_version_must_have_its_type_there() {
    // where unknown fields are allowed, `old` beside `new` passes, but a policy that reads it is compiled for a boolean
    let contract = two_versions();
    let operation = of_any(&contract, "A");
    let wrong = findings(&operation, r#"{"old":"true","new":true}"#);
    assert!(wrong.contains(&(FindingKind::Invalid, "old".into())), "{wrong:?}");
    let typed = findings(&operation, r#"{"old":true,"new":true}"#);
    assert_eq!(typed.iter().filter(|(kind, _)| *kind == FindingKind::Invalid).count(), 0, "{typed:?}");
    assert_eq!(typed.len(), 1, "{typed:?}");
}

#[test]
fn types_are_those_of_all_versions() {
    let contract = two_versions();
    let operation = of_any(&contract, "A");
    let tree = operation.body.as_ref().expect("a body").field_tree();
    let mut names: Vec<_> = tree.names().collect();
    names.sort_unstable();
    assert_eq!(names, ["a", "new", "old"]);
    let types: Vec<_> = tree.member("a").expect("declared").types().iter().map(AsRef::as_ref).collect();
    assert_eq!(types, ["string", "null"]);
}

#[test]
fn a_named_version_is_judged_alone() {
    let contract = built_in();
    let guard = contract.guard(|_| true);
    let version = |asked: Option<&str>| match contract.route("PATCH", "/v1/users/u", asked, &guard) {
        crate::contract::Routed::Operation(operation, _) => operation.api_version.to_string(),
        other => format!("{other:?}"),
    };
    assert_eq!(version(None), "any");
    assert_eq!(version(Some("latest")), "any");
    assert_eq!(version(Some("2025-11-10")), "2025-11-10");
    assert_eq!(version(Some("2099-01-01")), "2026-05-12");
}

#[test]
fn every_operation_of_a_dated_version_has_one_of_any() {
    let contract = built_in();
    let guard = contract.guard(|_| true);
    for version in contract.versions() {
        for operation in contract.operations_of(version) {
            let paths = std::iter::once(operation.path.as_ref()).chain(operation.also_at.iter().map(AsRef::as_ref));
            for path in paths {
                let path: Vec<&str> = path.split('/').map(|it| if it.starts_with('{') { "x1" } else { it }).collect();
                let routed = contract.route(&operation.method, &path.join("/"), None, &guard);
                let crate::contract::Routed::Operation(found, _) = routed else { panic!("{path:?}: {routed:?}") };
                assert_eq!((found.id.as_ref(), found.is_of_any_version()), (operation.id.as_ref(), true), "{path:?}");
                assert!(found.body.is_some() || operation.body.is_none(), "{path:?} has lost its body");
            }
        }
    }
}

#[test]
fn a_refusal_names_version_reason_and_versions_with_the_field() {
    let contract = built_in();
    let field = |name: &str| Field::new_undeclared(&crate::contract::field::Pointer::default(), name);
    let newest =
        contract.operations_of("2026-05-12").into_iter().find(|it| it.id.as_ref() == "UpdateUser").expect("it");
    let asked = (Some("2026-05-12"), VersionPlace::Header);
    assert_eq!(
        contract.judged_by(&newest, asked, Some(&field("public_metadata"))),
        "judged by API version `2026-05-12` (the header `Clerk-API-Version` asks for it); the field is in 2021-02-05, \
         2024-10-01, 2025-03-12, 2025-04-10, 2025-11-10"
    );
    let any = of_any(&contract, "UpdateUser");
    let none = (None, VersionPlace::Query);
    assert_eq!(
        contract.judged_by(&any, none, Some(&field("nickname"))),
        "judged by API version `any` (`contract.defaultApiVersion`, for the request asks for none); no known version has \
         the field"
    );
    let shown = contract.judged_by(&any, none, Some(&Field::Declared("/first_name".into())));
    assert!(shown.ends_with("; every known version has the field"), "{shown}");
    let latest = (Some("latest"), VersionPlace::Query);
    assert_eq!(
        contract.judged_by(&any, latest, None),
        "judged by API version `any` (the default, for the query `__clerk_api_version` holds no version)"
    );
}
