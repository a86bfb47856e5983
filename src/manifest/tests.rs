//! What is said of broken manifests, and what sound ones read as.

use super::{Manifest, read, read_with_variables};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[expect(dead_code, reason = "read to see what fits, not for what is in it")]
struct Policy {
    kind: Kind,
    metadata: Metadata,
    #[serde(default)]
    actions: Vec<Action>,
    #[serde(default)]
    params: BTreeMap<String, Value>,
    #[serde(default)]
    max_size: Option<u32>,
    #[serde(default)]
    listen: Option<Listen>,
}

#[derive(Debug, Deserialize, JsonSchema)]
enum Kind {
    RequestPolicy,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Metadata {
    name: String,
    #[serde(default)]
    #[expect(dead_code, reason = "only its shape is of interest")]
    labels: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
enum Action {
    /// Refuse.
    Deny,
    /// Tell.
    Warn,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "only its shape is of interest")]
enum Listen {
    One(String),
    Many(Vec<Address>),
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "only its shape is of interest")]
struct Address {
    address: String,
}

fn errors(text: &str) -> Vec<String> {
    let errors = read::<Policy>(Path::new("p.yaml"), text).expect_err("a error");
    errors.into_iter().map(|it| it.help.as_ref().map_or(it.to_string(), |help| format!("{it} ({help})"))).collect()
}

fn good(text: &str) -> Manifest<Policy> {
    read(Path::new("p.yaml"), text).unwrap_or_else(|found| panic!("{found:?}")).remove(0)
}

const GOOD: &str = "kind: RequestPolicy\nmetadata: { name: a }\n";

#[test]
fn a_good_document_is_read_with_its_free_form_values() {
    let manifest =
        good("kind: RequestPolicy\nmetadata: { name: a }\nactions: [Deny]\nparams: { a: { b: [1, -2, 1.5, on] } }\n");
    assert_eq!(manifest.value.metadata.name, "a");
    assert_eq!(manifest.value.params["a"].to_string(), r#"{"b":[1,-2,1.5,"on"]}"#);
}

#[test]
fn every_mistake_is_reported_at_once_in_the_order_of_the_file() {
    let text = "kind: RequestPolice\nmetadata:\n  nam: x\n  labels: { owner: 3 }\nactions: [Deny, deny]\nmaxSize: big\nmaxsize: 1\nlisten: [{ adress: x }]\n";
    assert_eq!(
        errors(text),
        [
            "p.yaml:1:7: `kind` must be `RequestPolicy`",
            "p.yaml:2:1: missing key `metadata.name`",
            "p.yaml:3:3: unknown key `nam` in `metadata` (did you mean `name`?)",
            "p.yaml:4:20: `metadata.labels.owner` must be text, found a number",
            "p.yaml:5:17: `actions[1]` must be one of `Deny` or `Warn` (did you mean `Deny`?)",
            "p.yaml:6:10: `maxSize` must be a whole number, found text",
            "p.yaml:7:1: unknown key `maxsize` (did you mean `maxSize`?)",
            "p.yaml:8:10: missing key `listen[0].address`",
            "p.yaml:8:12: unknown key `adress` in `listen[0]` (did you mean `address`?)",
        ]
    );
}

#[test]
fn a_value_of_no_possible_shape_is_told_all_of_them() {
    let text = format!("{GOOD}listen: 3\nmaxSize: -1\n");
    assert_eq!(
        errors(&text),
        [
            "p.yaml:3:9: `listen` must be text or a list, found a number (write `listen: 127.0.0.1:3`)",
            "p.yaml:4:10: `maxSize` must be at least 0"
        ]
    );
}

#[test]
fn an_unknown_key_like_no_other_is_told_the_known_ones() {
    assert_eq!(
        errors(&format!("{GOOD}zzz: 1\n")),
        [
            "p.yaml:3:1: unknown key `zzz` (the keys here are `actions`, `kind`, `listen`, `maxSize`, `metadata` and `params`)"
        ]
    );
}

#[test]
fn a_key_that_is_there_twice_is_refused_wherever_it_is() {
    let text = "kind: RequestPolicy\nkind: RequestPolicy\nmetadata: { name: a, name: a }\n";
    assert_eq!(
        errors(text),
        ["p.yaml:2:1: duplicate key `kind`, first on line 1", "p.yaml:3:22: duplicate key `name`, first on line 3"]
    );
}

#[test]
fn text_that_is_no_yaml_is_told_where() {
    assert_eq!(
        errors("kind: a: b\n"),
        [concat!(
            "p.yaml:1:8: not valid YAML: mapping values are not allowed in this context",
            " (put text that contains `: ` in quotes, and a map within a map on lines of its own)"
        )]
    );
    assert_eq!(
        errors("a:\n\t- b\n"),
        [
            "p.yaml:2:2: not valid YAML: tabs disallowed within this context (block indentation) (indent with spaces, not with tabs)"
        ]
    );
    assert_eq!(
        errors("a: !has(b)\nc: [{ \"d\": !x }]\n"),
        [
            "p.yaml:1:4: text that begins with `!` is a tag in YAML and would be ignored (put all of it in quotes)",
            "p.yaml:2:12: text that begins with `!` is a tag in YAML and would be ignored (put all of it in quotes)",
        ]
    );
    assert_eq!(
        errors("<<: { a: b }\n"),
        [
            "p.yaml:1:1: not valid YAML: merge key not allowed here (merge keys are not read: write the entries here, where they take effect)"
        ]
    );
    assert_eq!(errors(""), ["p.yaml: the file is empty"]);
    assert_eq!(errors("# nothing\n---\n"), ["p.yaml: the file is empty"]);
}

#[test]
fn mistakes_in_all_documents_of_a_file_are_reported() {
    let text = format!("{GOOD}---\nkind: RequestPolicy\n---\n{GOOD}x: 1\n");
    assert_eq!(errors(&text).len(), 2, "{:?}", errors(&text));
    assert!(errors(&text)[1].starts_with("p.yaml:8:1: unknown key `x`"));
    assert_eq!(read::<Policy>(Path::new("p.yaml"), &format!("{GOOD}---\n{GOOD}")).unwrap().len(), 2);
}

#[test]
fn a_document_that_is_no_map_is_told_so() {
    assert_eq!(errors("- a\n"), ["p.yaml:1:1: the document must be a map, found a list"]);
    assert_eq!(errors("a\n"), ["p.yaml:1:1: the document must be a map, found text"]);
}

#[test]
fn a_byte_order_mark_and_crlf_do_not_shift_places() {
    assert_eq!(
        errors("\u{feff}kind: RequestPolicy\r\nmetadata: { name: 1 }\r\n"),
        ["p.yaml:2:19: `metadata.name` must be text, found a number"]
    );
}

#[test]
fn places_are_found_by_pointer() {
    let source =
        good("kind: RequestPolicy\nmetadata:\n  name: a\n  labels: {a/b: c}\nparams:\n  l:\n  - 1\n  - x: 2\n").source;
    let place = |pointer: &str| source.at(pointer, "").place().unwrap();
    assert_eq!(place(""), (1, 1));
    assert_eq!(place("/metadata"), (2, 1));
    assert_eq!(place("/metadata/name"), (3, 9));
    assert_eq!(place("/metadata/labels"), (4, 11));
    assert_eq!(place("/metadata/labels/a~1b"), (4, 17));
    assert_eq!(place("/params/l/0"), (7, 5));
    assert_eq!(place("/params/l/1/x"), (8, 8));
    assert_eq!(place("/params/l/7"), (6, 3));
    assert_eq!(source.at_key("/params/l/1/x", "").place(), Some((8, 5)));
    assert_eq!(source.at_key("/params/l/0", "").place(), Some((7, 5)));
    assert_eq!(source.line("/params/l/1/x"), Some(8));
    assert_eq!(source.line("/params/m"), None);
}

#[test]
fn a_flow_list_is_underlined_up_to_its_bracket() {
    let source = good(&format!("{GOOD}actions: [Deny, Warn, ]\n")).source;
    assert!(source.at("/actions", "x").render(false).ends_with("|          ^^^^^^^^^^^^^^"));
}

#[test]
fn bytes_within_a_scalar_are_found_through_quotes_escapes_and_folding() {
    let text = [
        "kind: RequestPolicy\nmetadata: { name: a }\nparams:",
        "  plain: one WRONG two",
        "  single: 'it''s WRONG'",
        r#"  double: "a\tb \u00e9 WRONG""#,
        "  literal: |\n    one\n\n      two WRONG",
        "  folded: >-\n    one\n    two WRONG",
        "  spread: one\n    two WRONG three\n",
    ]
    .join("\n");
    let manifest = good(&text);
    for name in ["plain", "single", "double", "literal", "folded", "spread"] {
        let value = manifest.value.params[name].as_str().unwrap();
        let start = value.find("WRONG").unwrap();
        let found = manifest.source.within(&format!("/params/{name}"), start..start + 5, "").span.unwrap();
        assert_eq!(text.get(found), Some("WRONG"), "{name}");
        let end = manifest.source.within(&format!("/params/{name}"), value.len()..value.len(), "").span.unwrap();
        assert!(end.is_empty(), "{name}");
    }
    assert_eq!(text.get(manifest.source.within("/params/gone", 0..1, "").span.unwrap()), Some("params"));
}

#[test]
fn variables_take_the_place_of_values_and_keep_their_type() {
    let text = "kind: RequestPolicy\nmetadata: { name: \"${NAME}\" }\nmaxSize: ${SIZE:-7}\nparams:\n  a: \"${SIZE:-7}\"\n  b: x${EMPTY:-y}z\n  c: $5\n  d: ${NO}\n";
    let lookup = |name: &str| match name {
        "NAME" => Some("n".to_owned()),
        "EMPTY" => Some(String::new()),
        "NO" => Some("false".to_owned()),
        _ => None,
    };
    let found = read_with_variables::<Policy>(Path::new("p.yaml"), text, &lookup).unwrap().remove(0).value;
    assert_eq!((found.metadata.name.as_str(), found.max_size), ("n", Some(7)));
    assert_eq!(Value::from_iter(found.params).to_string(), r#"{"a":"7","b":"xyz","c":"$5","d":false}"#);
}

#[test]
fn a_variable_that_cannot_be_replaced_is_told_where() {
    let text =
        "kind: RequestPolicy\nmetadata: { name: \"a ${NAME} ${OTHER}\" }\nparams: { a: \"${A-b}\", b: \"${\" }\n";
    let found = read_with_variables::<Policy>(Path::new("p.yaml"), text, &|_| None).unwrap_err();
    let found: Vec<_> = found.iter().map(ToString::to_string).collect();
    assert_eq!(
        found,
        [
            "p.yaml:2:22: the variable `NAME` is not set",
            "p.yaml:2:30: the variable `OTHER` is not set",
            "p.yaml:3:15: `${...}` must hold the name of a variable, or a name, `:-` and a default",
            "p.yaml:3:28: `${` without a `}` that ends it",
        ]
    );
}

#[test]
fn a_policy_is_read_as_it_is_written_without_variables() {
    assert_eq!(good("kind: RequestPolicy\nmetadata: { name: \"${NAME}\" }\n").value.metadata.name, "${NAME}");
}

#[test]
fn a_number_that_is_too_large_or_a_fraction_is_told_where() {
    assert_eq!(
        errors(&format!("{GOOD}maxSize: 99999999999999999999\n")),
        ["p.yaml:3:10: `maxSize` is too large a number"]
    );
    assert_eq!(
        errors(&format!("{GOOD}maxSize: 1.5\n")),
        ["p.yaml:3:10: `maxSize` must be a whole number, found a fraction"]
    );
}

#[test]
fn a_text_in_another_encoding_is_told_where() {
    let error = super::text(Path::new("p.yaml"), b"a: 1\nb: J\xfcrgen\n".to_vec()).unwrap_err();
    assert_eq!(error.to_string(), "p.yaml:2:5: cannot be read: it is not text in UTF-8");
    assert_eq!(error.help.as_deref(), Some("save it as UTF-8"));
    assert_eq!(super::text(Path::new("p.yaml"), "b: Jürgen".into()).unwrap(), "b: Jürgen");
}

#[test]
fn aliases_that_multiply_are_told_in_words() {
    let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..8 {
        let inner = vec![format!("*a{}", level - 1); 10].join(", ");
        text = format!("{text}a{level}: &a{level} [{inner}]\n");
    }
    assert!(errors(&text)[0].contains("not valid YAML: more than 250000 parts"), "{:?}", errors(&text));
}

#[test]
fn a_line_that_is_indented_like_none_above_is_told_so() {
    let told = errors("kind: RequestPolicy\nmetadata:\n    name: a\n  labels: {}\n");
    assert!(told[0].contains("p.yaml:4:") && told[0].contains("does not belong to the map above"), "{told:?}");
}
