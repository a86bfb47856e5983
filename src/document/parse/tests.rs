//! What the parser takes and what it refuses.

use super::super::{Document, JsonKind, PathStep, Problem, View};
use proptest::prelude::*;

fn problem(text: &str) -> Problem {
    Document::parse(bytes::Bytes::copy_from_slice(text.as_bytes())).expect_err(text).problem
}

#[test]
fn half_a_surrogate_pair_is_named() {
    for half in [
        r#"{"a":"Ada \ud83d"}"#,
        r#"{"a":"\ud83d\u0041"}"#,
        r#"{"a":"\udc00"}"#,
        r#"{"a":"\ud83dx"}"#,
        r#"{"a":"\ud83d\n"}"#,
        r#"{"\ud83d":1}"#,
    ] {
        assert_eq!(
            Document::parse(bytes::Bytes::copy_from_slice(half.as_bytes())).unwrap_err().problem,
            Problem::HalfSurrogate,
            "{half}"
        );
    }
    for other in [r#"{"a":"\u12"}"#, r#"{"a":"\x"}"#, r#"{"a":"#, r#"{"a":"\ud83d"#] {
        assert_eq!(
            Document::parse(bytes::Bytes::copy_from_slice(other.as_bytes())).unwrap_err().problem,
            Problem::Syntax,
            "{other}"
        );
    }
    assert!(Document::parse(bytes::Bytes::copy_from_slice(r#"{"a":"\ud83d\ude00"}"#.as_bytes())).is_ok());
}

#[test]
fn a_name_twice_is_refused_at_any_depth_and_however_it_is_escaped() {
    for text in
        [r#"{"a":1,"a":1}"#, r#"{"a":1,"\u0061":2}"#, r#"{"x":[{"y":{"a":1,"b":2,"a":null}}]}"#, r#"{"":1,"":2}"#]
    {
        assert!(matches!(problem(text), Problem::DuplicateName(_)), "{text}");
    }
    assert_eq!(
        problem(r#"{"x":[0,{"y":{"a":1,"a":2}}]}"#),
        Problem::DuplicateName(vec![PathStep::Member("x".into()), PathStep::Element(1), PathStep::Member("y".into())])
    );
}

#[test]
fn a_name_twice_is_refused_among_thousands() {
    let mut text: String = (0..5_000).map(|n| format!(r#""k{n}":{n},"#)).collect();
    let fine = format!("{{{text}\"last\":0}}");
    let document = Document::parse(bytes::Bytes::copy_from_slice(fine.as_bytes())).expect("all names differ");
    assert_eq!(document.root().member("k4321").map(View::kind), Some(JsonKind::Number("4321")));
    text.push_str(r#""k17":0"#);
    assert!(matches!(problem(&format!("{{{text}}}")), Problem::DuplicateName(_)));
}

#[test]
fn the_same_name_in_different_objects_is_fine() {
    assert!(Document::parse(bytes::Bytes::copy_from_slice(br#"{"a":{"a":{"a":1}},"b":[{"a":1},{"a":2}]}"#)).is_ok());
}

#[test]
fn what_is_not_one_json_value_in_utf8_is_refused() {
    for text in [
        "",
        "  ",
        "{",
        "{}{}",
        "{}garbage",
        "{}\0",
        "{}\u{c}",
        "{'a':1}",
        "{a:1}",
        "{\"a\":1,}",
        "[1,]",
        "NaN",
        "Infinity",
        "01",
        "+1",
        "1.",
        ".5",
        "0x1",
        "TRUE",
        "/**/{}",
        "{\"a\":\"\t\"}",
        r#""\x41""#,
        "1e",
        "{\"a\" 1}",
        "nul",
    ] {
        assert_eq!(problem(text), Problem::Syntax, "{text}");
    }
    for bytes in [&b"\xef\xbb\xbf{}"[..], b"\xff\xfe{\0}\0", b"\"a\xff\"", b"\"\xc1\xb3\"", b"\"\xed\xa0\x80\""] {
        assert_eq!(
            Document::parse(bytes::Bytes::copy_from_slice(bytes)).expect_err("not utf-8").problem,
            Problem::Encoding
        );
    }
}

#[test]
fn depth_is_bounded() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert!(Document::parse(bytes::Bytes::copy_from_slice(nested(super::MAX_DEPTH).as_bytes())).is_ok());
    assert_eq!(problem(&nested(super::MAX_DEPTH + 1)), Problem::TooDeep);
    let objects = |depth: usize| format!("{}{{}}{}", r#"{"a":"#.repeat(depth - 1), "}".repeat(depth - 1));
    assert!(Document::parse(bytes::Bytes::copy_from_slice(objects(super::MAX_DEPTH).as_bytes())).is_ok());
    assert_eq!(problem(&objects(super::MAX_DEPTH + 1)), Problem::TooDeep);
    assert_eq!(problem(&"[".repeat(200_000)), Problem::TooDeep);
    assert_eq!(problem(&r#"{"a":"#.repeat(200_000)), Problem::TooDeep);
}

#[test]
fn numbers_keep_every_digit() {
    for (number, kept) in [
        ("0", "0"),
        ("-0", "-0"),
        ("1.0", "1.0"),
        ("1e400", "1e400"),
        ("-10.50E-2", "-10.50E-2"),
        ("9223372036854775808", "9223372036854775808"),
        ("0.1000000000000000000000000000001", "0.1000000000000000000000000000001"),
    ] {
        let text = format!("[{number}]");
        let document = Document::parse(bytes::Bytes::copy_from_slice(text.as_bytes())).expect(number);
        assert_eq!(document.root().child(0).map(View::kind), Some(JsonKind::Number(kept)));
    }
}

#[test]
fn an_object_is_not_mistaken_for_a_number() {
    for text in [r#"{"$serde_json::private::Number":"5"}"#, r#"{"\u0024serde_json::private::Number":"5"}"#] {
        let document = Document::parse(bytes::Bytes::copy_from_slice(text.as_bytes())).expect(text);
        assert_eq!(document.root().kind(), JsonKind::Object, "{text}");
        assert_eq!(document.root().child(0).map(View::kind), Some(JsonKind::String("5")));
    }
}

#[test]
fn an_error_tells_the_place_and_nothing_of_the_text() {
    let error = Document::parse(bytes::Bytes::from_static(b"{\n  \"password\": hunter2\n}")).expect_err("no JSON");
    assert_eq!((error.line, error.column), (2, 15));
    assert!(!format!("{error} {error:?}").contains("hunter2"));
}

/// What the document says, as `serde_json` would have read it.
fn read_back<'a>(node: impl View<'a>) -> serde_json::Value {
    match node.kind() {
        JsonKind::Null => serde_json::Value::Null,
        JsonKind::Bool(value) => value.into(),
        JsonKind::Number(text) => serde_json::from_str(text).expect("a number"),
        JsonKind::String(text) => text.into(),
        JsonKind::Array => (0..node.len()).filter_map(|at| node.child(at)).map(read_back).collect(),
        JsonKind::Object => node.members().map(|(name, value)| (name.to_owned(), read_back(value))).collect(),
    }
}

fn any_json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<u64>().prop_map(Into::into),
        "\\PC{0,8}".prop_map(Into::into),
    ];
    leaf.prop_recursive(6, 64, 24, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Into::into),
            prop::collection::hash_map("\\PC{0,4}", inner, 0..24)
                .prop_map(|members| serde_json::Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn a_document_says_what_serde_json_reads(value in any_json()) {
        let text = value.to_string();
        let document = Document::parse(bytes::Bytes::copy_from_slice(text.as_bytes())).expect("serialised by serde_json");
        prop_assert_eq!(read_back(document.root()), value);
    }

    #[test]
    fn any_bytes_are_refused_or_read_as_serde_json_does(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        if let Ok(document) = Document::parse(bytes::Bytes::copy_from_slice(&bytes)) {
            let oracle: serde_json::Value = serde_json::from_slice(&bytes).expect("serde_json accepts it too");
            prop_assert_eq!(read_back(document.root()), oracle);
        }
    }
}
