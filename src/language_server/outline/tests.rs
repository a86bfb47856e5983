//! Valid and half-typed YAML as a tree, and places in it.

use super::{Content, TreeStep, YamlNode, document_at};
use std::fmt::Write as _;
use std::fs;

fn show(node: &YamlNode, text: &str) -> String {
    match &node.content {
        Content::Empty => "~".to_owned(),
        Content::Scalar(_) => format!("{:?}", node.text(text)),
        Content::List(items) => {
            format!("[{}]", items.iter().map(|item| show(item, text)).collect::<Vec<_>>().join(", "))
        }
        Content::Map(entries) => {
            let mut shown = String::new();
            for entry in entries {
                let _ = write!(
                    shown,
                    "{}{}: {}",
                    if shown.is_empty() { "" } else { ", " },
                    entry.key,
                    show(&entry.value, text)
                );
            }
            format!("{{{shown}}}")
        }
    }
}

fn outline(text: &str) -> String {
    show(&document_at(text, 0), text)
}

#[test]
fn every_form_of_yaml_in_use_is_read() {
    for (text, tree) in [
        (
            "a: 1\nb:\n  c: x y # note\n  d:\n  - 1\n  - e: 2\n    f: 3\n",
            r#"{a: "1", b: {c: "x y", d: ["1", {e: "2", f: "3"}]}}"#,
        ),
        (
            "a: { b: [x, 'y''z', \"\\u00e9\\n\"], c: , d }\ne: f\n",
            r#"{a: {b: ["x", "y'z", "é\n"], c: ~, d: ~}, e: "f"}"#,
        ),
        ("a: |\n  x\n   y\n\n  z\nb: >-\n  p\n  q\n", r#"{a: "x\n y\n\nz", b: "p q"}"#),
        ("a: x &&\n   y\nb: 'p\n  q'\n", r#"{a: "x && y", b: "p q"}"#),
        ("# note\n\n- - 1\n  - 2\n-\n  a: !tag &anchor x\n", r#"[["1", "2"], {a: "x"}]"#),
        ("'a b': 1\r\n\"c\": x\r\n", r#"{a b: "1", c: "x"}"#),
        ("a: {\n  b: 1,\n  c: [\n    2\n  ]\n}\nd: 3\n", r#"{a: {b: "1", c: ["2"]}, d: "3"}"#),
    ] {
        assert_eq!(outline(text), tree, "{text}");
    }
}

#[test]
fn what_is_half_typed_keeps_what_is_around_it() {
    for (text, tree) in [
        ("a: 1\nb\nc: 2\n", r#"{a: "1", b: ~, c: "2"}"#),
        ("a: { b: [x, \nc: 2\n", r#"{a: {b: ["x"]}, c: "2"}"#),
        ("a:\n  - b: 1\n    c\n  - \nd: 2\n", r#"{a: [{b: "1", c: ~}, ~], d: "2"}"#),
        ("a: \"x\nb: 2\n", r#"{a: "x", b: "2"}"#),
        ("a: 1\n    b: 2\nc: 3\n", r#"{a: "1 b: 2", c: "3"}"#),
        ("a: ]}{[\n", r#"{a: "]}{["}"#),
        ("", "~"),
        ("-", "[~]"),
        (":", "{: ~}"),
    ] {
        assert_eq!(outline(text), tree, "{text}");
    }
}

#[test]
fn a_place_leads_to_its_path() {
    let text = "a: 1\n---\nb:\n  - c: xy\n    d: { e: z }\n";
    let root = document_at(text, text.find("xy").unwrap());
    let key = |name: &str| TreeStep::Key(name.to_owned());
    let found = root.find(text.find('z').unwrap());
    assert_eq!(found.path, [key("b"), TreeStep::Item(0), key("d"), key("e")]);
    assert_eq!((found.node.text(text), found.key.is_none()), ("z".to_owned(), true));
    let found = root.find(text.find("c:").unwrap());
    assert_eq!((found.path.len(), found.map.len(), found.key.map(|it| it.key.as_str())), (3, 2, Some("c")));
    assert_eq!(show(&document_at(text, 0), text), r#"{a: "1"}"#);
}

#[test]
fn decoded_text_has_the_places_of_the_file() {
    for form in ["x é y", "'x é y'", "\"x \\u00e9 y\"", "|\n  x é\n  y", "x é\n  y"] {
        let text = format!("a: {form}\n");
        let root = document_at(&text, 0);
        let decoded = root.get("a").unwrap().decode(&text).unwrap();
        let at = decoded.text.find('y').unwrap();
        let place = text.rfind('y').unwrap();
        assert_eq!(decoded.span(&(at..at + 1)), place..place + 1, "{form}");
        assert_eq!(decoded.offset(place), at, "{form}");
    }
}

#[test]
fn no_text_fails() {
    let mut texts: Vec<String> =
        ["[", "{", "- ", "a: ", "'", "\"", "? ", "&a ", "!t ", "|\n", "{a: ", "-\n", "#", "\t", "\r", "…: "]
            .iter()
            .map(|part| part.repeat(2000))
            .collect();
    for entry in fs::read_dir("policies").unwrap() {
        let file = entry.unwrap().path();
        if file.extension().is_some_and(|end| end == "yaml") {
            let text = fs::read_to_string(&file).unwrap();
            texts.extend((0..text.len()).step_by(211).filter_map(|end| text.get(..end)).map(str::to_owned));
        }
    }
    for text in texts {
        let root = document_at(&text, text.len());
        for place in (0..=text.len()).step_by(307) {
            let found = root.find(place);
            if let Some(decoded) = found.node.decode(&text) {
                let offset = decoded.offset(place);
                assert!(decoded.text.is_char_boundary(offset));
                assert!(text.get(decoded.span(&(0..offset))).is_some());
            }
        }
    }
}
