//! Places are those that an editor counts: UTF-16 units, in every form that YAML has for text.

use super::client::Editor;
use serde_json::Value;
use std::fs;

fn text(value: &str) -> String {
    format!(
        "apiVersion: portcullis/v1\nkind: RequestPolicy\nmetadata: {{ name: a }}\nspec:\n  \
         match: {{ operations: [UpdateUser] }}\n  actions: [Audit]\n  validations:\n    - message: no\n      expression: {value}\n"
    )
}

/// The part of `text` in the range of a diagnostic, counted as an editor does.
fn part(text: &str, diagnostic: &Value) -> String {
    let place = |end: &str| {
        let place = &diagnostic["range"][end];
        (place["line"].as_u64().unwrap(), place["character"].as_u64().unwrap())
    };
    let (start, end) = (place("start"), place("end"));
    assert_eq!(start.0, end.0, "{diagnostic}");
    let line = text.split('\n').nth(usize::try_from(start.0).unwrap()).unwrap();
    let units: Vec<u16> = line.encode_utf16().collect();
    String::from_utf16(&units[usize::try_from(start.1).unwrap()..usize::try_from(end.1).unwrap()]).unwrap()
}

#[test]
fn the_place_of_an_error_is_right_in_every_scalar() {
    let forms = [
        "body.locale != '😀é' && body.nothing != 1",
        "\"body.locale != '\\U0001F600\\u00e9' && body.nothing != 1\"",
        "'body.locale != ''😀é'' && body.nothing != 1'",
        "|\n        body.locale != '😀é' &&\n        body.nothing != 1",
        ">-\n        body.locale != '😀é' &&\n        body.nothing != 1",
        "body.locale != '😀é' &&\n        body.nothing != 1",
        "body.locale !=\t'😀é' &&\tbody.nothing != 1",
        "|2\n          body.locale != '😀é' &&\n\n        \t\t// 😀\n          body.nothing != 1",
    ];
    let folder = tempfile::tempdir().unwrap();
    let mut editor = Editor::start(folder.path(), &[]);
    for (position, form) in forms.iter().enumerate() {
        for (name, text) in [("n", text(form)), ("r", text(form).replace('\n', "\r\n"))] {
            fs::create_dir(folder.path().join(format!("{name}{position}"))).unwrap();
            let file = format!("{name}{position}/a.yaml");
            editor.open(&file, &text);
            let found = editor.diagnostics(&file, |found| !found.is_empty());
            let place = found.iter().find(|it| it["message"].as_str().unwrap().contains("nothing"));
            let place = place.unwrap_or_else(|| panic!("{text}: {found:?}"));
            assert_eq!(part(&text, place), "nothing", "{text}");
            editor.close(&file);
        }
    }
    editor.leave();
}

#[test]
fn a_byte_order_mark_counts_if_the_editor_has_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut editor = Editor::start(folder.path(), &[]);
    let text = "\u{feff}{ kind: RequestPolici, apiVersion: portcullis/v1 }\n";
    editor.open("a.yaml", text);
    let found = editor.diagnostic("a.yaml", "`kind`");
    assert_eq!(part(text, &found), "RequestPolici");
    editor.leave();
}
