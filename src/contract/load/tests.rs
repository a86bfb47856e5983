//! Loading: what is refused, with its place, and that the built-in contract is sound.

use super::{Contract, ContractError, ContractText, ContractTexts};

const VERSION: &str = r##"{"apiVersion":"2026-01-01",
"$defs":{"Name":{"type":"string"}},
"operations":[
{"id":"A","method":"POST","path":"/v1/a","statuses":[200,422],"body":{"mediaTypes":["application/json"],"required":true,"schema":{"type":"object","properties":{"name":{"$ref":"#/$defs/Name"},"more":{"type":"object","properties":{"name":{"type":"string"},"list":{"type":"array","items":{"type":"object","properties":{"mode":{"type":"string"}}}}}}}}}},
{"id":"B","method":"GET","path":"/v1/a","statuses":[200]},
{"id":"CreateUser","method":"POST","path":"/v1/users","statuses":[],"body":{"mediaTypes":[],"required":true,"schema":{}}},
{"id":"UpdateUser","method":"PATCH","path":"/v1/users/{user_id}","statuses":[],"body":{"mediaTypes":[],"required":true,"schema":{}}},
{"id":"UpdateUserMetadata","method":"PATCH","path":"/v1/users/{user_id}/metadata","statuses":[],"body":{"mediaTypes":[],"required":true,"schema":{}}},
{"id":"ReplaceUserMetadata","method":"PUT","path":"/v1/users/{user_id}/metadata","statuses":[],"body":{"mediaTypes":[],"required":true,"schema":{}}}
]}
"##;

fn texts(version: &str, overlays: Option<&str>) -> ContractTexts {
    let file = |name: &str, text: &str| ContractText { file: name.into(), text: text.to_owned().into() };
    let overlay = overlays.map(|entries| {
        file("overlay.yaml", &format!("apiVersion: portcullis/v1\nkind: ContractOverlay\noverlays:\n{entries}"))
    });
    ContractTexts { versions: vec![file("v.json", version)], overlay }
}

fn load(version: &str, overlays: Option<&str>) -> Result<Contract, Vec<String>> {
    Contract::load(&texts(version, overlays), "2026-01-01").map_err(|error| match error {
        ContractError::Files(errors) => errors.iter().map(ToString::to_string).collect(),
        ContractError::Default { .. } => vec![error.to_string()],
    })
}

fn errors(version: &str, overlays: Option<&str>) -> Vec<String> {
    load(version, overlays).expect_err("a broken contract")
}

/// The schema of `A` with `entry` over it, and how many overlays changed it.
fn with_overlay(entry: &str) -> (serde_json::Value, usize) {
    let contract = load(VERSION, Some(entry)).unwrap_or_else(|errors| panic!("{errors:?}"));
    let operations = contract.operations();
    let body = operations.iter().find(|operation| *operation.id == *"A").and_then(|operation| operation.body.as_ref());
    let body = body.expect("a body");
    let effective = body.effective().expect("a schema");
    (effective.schema, effective.overlays.len())
}

#[test]
fn every_schema_of_the_built_in_contract_compiles_and_every_overlay_changes_something() {
    let contract = Contract::load(&ContractTexts::built_in(), "2026-05-12").expect("a sound contract");
    let bodies = contract.operations().iter().filter(|operation| operation.body.is_some()).count();
    assert!(bodies > 500, "{bodies} bodies");
}

#[test]
fn a_file_of_another_shape_is_refused_with_its_place() {
    let found = errors(&VERSION.replace("\"method\":\"GET\",", ""), None);
    assert_eq!(found, ["v.json:5:42: not a contract file: missing field `method`"]);
    let found = errors(&VERSION.replace("2026-01-01", "soon"), None);
    assert_eq!(
        found,
        [
            "v.json:1:15: `apiVersion` must be a date such as `2026-05-12`, or a family and its version such as `platform-beta`"
        ]
    );
    let found = errors(&VERSION.replace("\"GET\"", "\"POST\""), None);
    assert_eq!(found, ["v.json:5:7: `A` and `B` have the same method and path"]);
    assert_eq!(errors("{", None).len(), 1);
}

#[test]
fn every_schema_that_does_not_compile_is_refused_with_its_place() {
    let broken = VERSION.replace("\"items\":{\"type\":\"object\"", "\"items\":{\"type\":\"thing\"");
    let found = errors(&broken, None);
    assert!(
        found.len() == 1 && found[0].starts_with("v.json:4:7: the schema of the body of `A` is not valid"),
        "{found:?}"
    );
    let dangling = VERSION.replace("#/$defs/Name", "#/$defs/Nome");
    assert!(errors(&dangling, None)[0].starts_with("v.json:4:7: the schema of the body of `A`"));
}

#[test]
fn two_files_for_a_version_and_an_unknown_default_are_refused() {
    let mut twice = texts(VERSION, None);
    twice.versions.push(twice.versions[0].clone());
    let error = Contract::load(&twice, "2026-01-01").expect_err("a broken contract");
    assert!(matches!(error, ContractError::Files(errors) if errors[0].message == "v.json is for this version already"));
    let error = Contract::load(&texts(VERSION, None), "2025-01-01").expect_err("an unknown version");
    assert!(matches!(error, ContractError::Default { known } if known == "2026-01-01"));
}

#[test]
fn an_operation_that_changes_its_id_would_lead_past_policies_and_is_refused() {
    let mut renamed = texts(VERSION, None);
    let newer = VERSION.replace("2026-01-01", "2026-02-02").replace("\"B\"", "\"GetB\"");
    renamed.versions.insert(0, ContractText { file: "newer.json".into(), text: newer.into() });
    let Err(ContractError::Files(errors)) = Contract::load(&renamed, "2026-01-01") else { panic!("it was taken") };
    let reported: Vec<_> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(reported, ["newer.json:5:7: `GetB` is `B` in 2026-01-01: give it one id"]);
}

#[test]
fn a_contract_that_does_not_guard_a_route_is_refused() {
    let found = errors(&VERSION.replace("\"UpdateUser\"", "\"ChangeUser\""), None);
    assert_eq!(
        found,
        [
            "v.json: `PATCH /v1/users/{user_id}` must be `UpdateUser`, and is `ChangeUser` in 2026-01-01",
            "v.json: `ChangeUser` has a path that hides `UpdateUser`: `PATCH /v1/users/{user_id}`"
        ]
    );
    let moved = VERSION.replace("/v1/users", "/v2/users");
    let found = errors(&moved, None);
    assert_eq!(found[0], "v.json: `POST /v1/users` must be `CreateUser`, and is no operation in 2026-01-01");
    assert_eq!(found.len(), 4, "{found:?}");
    let bodiless = VERSION.replace(
        "\"/v1/users/{user_id}/metadata\",\"statuses\":[],\"body\":{\"mediaTypes\":[],\"required\":true,\"schema\":{}}",
        "\"/v1/users/{user_id}/metadata\",\"statuses\":[]",
    );
    let found = errors(&bodiless, None);
    assert_eq!(found.len(), 2, "{found:?}");
    assert_eq!(found[0], "v.json: `ReplaceUserMetadata` has no JSON body in 2026-01-01, so it cannot be inspected");
}

#[test]
fn an_operation_that_hides_a_guarded_one_is_refused() {
    for path in ["/v1/users/me", "/v1/{collection}/{id}", "/v1/users/{id}"] {
        let hiding = format!("{{\"id\":\"B\",\"method\":\"PATCH\",\"path\":\"{path}\",");
        let found = errors(&VERSION.replace("{\"id\":\"B\",\"method\":\"GET\",\"path\":\"/v1/a\",", &hiding), None);
        assert!(found.iter().any(|error| error.contains("UpdateUser")), "{path}: {found:?}");
    }
}

#[test]
fn an_operation_that_cannot_be_routed_or_named_is_refused() {
    let with = |from: &str, to: &str| errors(&VERSION.replace(from, to), None);
    for path in ["/v1/a/", "/V1/a", "/v1/%61", "/v1//a", "v1/a", "/v1/{a}b"] {
        let found = with("\"GET\",\"path\":\"/v1/a\"", &format!("\"GET\",\"path\":\"{path}\""));
        assert!(found.len() == 1 && found[0].contains("the path of `B` must be plain"), "{path}: {found:?}");
    }
    assert!(with("\"GET\"", "\"get\"")[0].contains("must be in upper case"));
    assert!(with("\"B\"", "\"B\\u001b[2J\"")[0].contains("is no operation id"));
}

#[test]
fn an_overlay_changes_what_it_names() {
    let entry = |fields: &str, change: &str| {
        format!("- operations: [\"*\"]\n  fields: [{fields}]\n  change: {change}\n  evidence: seen\n")
    };
    let (schema, applied) = with_overlay(&entry("/name", "nullable"));
    assert_eq!(schema["properties"]["name"]["anyOf"][1]["type"], "null");
    assert_eq!((applied, &schema["$defs"]["Name"]["type"]), (1, &"string".into()), "others may refer to it");
    let (schema, _) = with_overlay(&entry("name", "secret"));
    assert_eq!(schema["properties"]["name"]["x-secret"], true);
    assert_eq!(schema["properties"]["more"]["properties"]["name"]["x-secret"], true);
    let (schema, _) = with_overlay(&entry("\"/more/list/*/mode\"", "{ replace: { enum: [a] } }"));
    let list = &schema["properties"]["more"]["properties"]["list"];
    assert_eq!(list["items"]["properties"]["mode"]["enum"][0], "a");
    let (schema, _) = with_overlay(&entry("/more/new", "{ add: { type: boolean } }"));
    assert_eq!(schema["properties"]["more"]["properties"]["new"]["type"], "boolean");
}

#[test]
fn an_overlay_that_changes_nothing_is_refused_with_its_line() {
    let entry = |lines: &str| format!("- {lines}\n  evidence: seen\n");
    for (written, place) in [
        ("operations: [A, C]\n  fields: [/name]\n  change: secret", "overlay.yaml:4:19: `C`"),
        ("operations: [A]\n  fields: [/name, /nome]\n  change: secret", "overlay.yaml:5:19: `/nome`"),
        (
            "operations: [A]\n  versions: [\"2025-01-01\"]\n  fields: [/name]\n  change: secret",
            "overlay.yaml:4:16: `A`",
        ),
        ("operations: [A]\n  fields: [/name]\n  change: { add: {} }", "overlay.yaml:4:16: `A`"),
        (
            "operations: [A]\n  fields: [/name]\n  change: { replace: { $ref: \"#/$defs/Name\" } }",
            "overlay.yaml:4:16: `A`",
        ),
        ("operations: [B]\n  fields: [/name]\n  change: nullable", "overlay.yaml:4:16: `B`"),
    ] {
        let found = errors(VERSION, Some(&entry(written)));
        assert!(found.iter().any(|error| error.starts_with(place)), "{written}: {found:?}");
        assert!(found.iter().all(|error| error.contains("has no effect")), "{found:?}");
    }
}

#[test]
fn everything_wrong_with_an_overlay_file_is_told_at_once() {
    let found = errors(
        VERSION,
        Some(
            "- operations: []\n  fields: [name]\n  change: { add: {} }\n  evidence: seen\n- operations: [A]\n  chnage: secret\n",
        ),
    );
    assert!(found.len() >= 3, "{found:?}");
    let loose = "- operations: [A]\n  fields: [name]\n  change: { add: {} }\n  evidence: \"\"\n";
    let found = errors(VERSION, Some(loose));
    assert_eq!(found.len(), 2, "{found:?}");
    let broken = "- operations: [A]\n  fields: [/new]\n  change: { add: { type: thing } }\n  evidence: seen\n";
    assert!(errors(VERSION, Some(broken))[0].contains("the schema of the body of `A` is not valid"));
}

/// The errors of an overlay file with these `sections` beside an empty list of changes.
fn section_errors(sections: &str) -> Vec<String> {
    errors(VERSION, Some(&format!(" []\n{sections}")))
}

#[test]
fn a_route_of_an_overlay_is_checked_with_its_place() {
    let route = |route: &str| section_errors(&format!("routes:\n- {{ {route}, evidence: seen }}\n")).concat();
    for (entry, expected) in [
        ("operation: A, alsoAt: [/b]", ""),
        ("operation: A, alsoAt: [/v1/users]", "`/v1/users` is the path of `CreateUser`"),
        ("operation: A, alsoAt: [/v1/a]", "`A` is at `/v1/a` already"),
        ("operation: A, alsoAt: ['/b/{c}']", "`/b/{c}` must have the parameters of `/v1/a`, in their order"),
        ("operation: A, alsoAt: [/b//c]", "a path is segments of letters"),
        ("operation: A, alsoAt: [/B]", "a path is segments of letters"),
        ("operation: Z, alsoAt: [/b]", "`Z` has no effect: it is unknown to the contract"),
    ] {
        if expected.is_empty() {
            assert!(load(VERSION, Some(&format!(" []\nroutes:\n- {{ {entry}, evidence: seen }}\n"))).is_ok());
        } else {
            let found = route(entry);
            assert!(found.starts_with("overlay.yaml:6:") && found.contains(expected), "{entry}: {found}");
        }
    }
}

#[test]
fn an_added_operation_that_the_spec_has_is_refused_with_its_place() {
    let entry = |entry: &str| format!(" []\noperations:\n- {{ {entry}, evidence: seen }}\n");
    let contract =
        load(VERSION, Some(&entry("id: C, method: POST, path: /v1/c, body: { type: object }"))).expect("valid");
    let operations = contract.operations_of("2026-01-01");
    let added = operations.iter().find(|operation| *operation.id == *"C").expect("the operation");
    assert!(added.is_added && added.body.is_some());
    for same in ["id: A, method: PUT, path: /v1/z", "id: C, method: POST, path: /v1/a"] {
        let found = errors(VERSION, Some(&entry(same))).concat();
        assert!(found.ends_with("has no effect: the specs have this operation"), "{found}");
    }
    let found = errors(VERSION, Some(&entry("id: C, method: POST, path: /v1/c, body: { type: thing }"))).concat();
    assert!(found.contains("the schema of the body of `C` is not valid"), "{found}");
}

#[test]
fn a_folder_without_a_family_has_that_of_the_build() {
    let contract = load(VERSION, None).unwrap_or_else(|errors| panic!("{errors:?}"));
    let families: Vec<_> = contract.families().iter().map(AsRef::as_ref).collect();
    assert_eq!(families, ["platform-beta"]);
    let operations = contract.operations_of("platform-beta");
    let create = operations.iter().find(|operation| *operation.id == *"PlatformCreateInstanceUser").expect("known");
    let overlays = create.body.as_ref().and_then(|body| body.effective().ok()).expect("a body").overlays;
    assert!(!overlays.is_empty(), "its secrets are marked by the overlay of the build");

    let own = VERSION.replace("2026-01-01", "platform-own").replace("/v1/", "/v1/platform/");
    let own = own.replace("\"id\":\"", "\"id\":\"Own");
    let mut texts = texts(VERSION, None);
    texts.versions.push(ContractText { file: "platform-own.json".into(), text: own.into() });
    let contract = Contract::load(&texts, "2026-01-01").expect("a file of the family is the family");
    assert_eq!(contract.families().len(), 1);
    assert!(contract.operation_ids().iter().all(|id| !id.starts_with("Platform")), "{:?}", contract.operation_ids());
}

#[test]
fn an_operation_that_a_folder_has_is_not_replaced() {
    let path = "/v1/platform/applications/{app}/instances/{instance}/users";
    let line = format!("{{\"id\":\"B\",\"method\":\"POST\",\"path\":\"{path}\",\"statuses\":[200]}}");
    let own = VERSION.replace("{\"id\":\"B\",\"method\":\"GET\",\"path\":\"/v1/a\",\"statuses\":[200]}", &line);
    let contract = load(&own, None).unwrap_or_else(|errors| panic!("{errors:?}"));
    let guard = contract.guard(|_| true);
    let sample = "/v1/platform/applications/a/instances/i/users";
    let super::super::Routed::Operation(found, _) = contract.route("POST", sample, None, &guard) else {
        panic!("it is no operation")
    };
    assert_eq!(*found.id, *"B");
}
