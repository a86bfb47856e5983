//! Policy files hold documents of several kinds: told apart by `kind`, every mistake in all of them at once.

use crate::support::gateway::contract;
use portcullis::contract::strictness::Strictness;
use portcullis::judge::{Bundle, PolicyText};

/// Everything that is wrong with files of these names and texts.
fn mistakes(files: &[(&str, &str)]) -> Vec<String> {
    let texts = files.iter().map(|(file, text)| PolicyText { file: file.into(), text: (*text).to_owned() });
    let loaded = Bundle::compile(contract(), &texts.collect::<Vec<_>>(), Strictness::default());
    let told = loaded.err().map(|error| error.0).unwrap_or_default().into_iter();
    told.map(|it| it.help.as_ref().map_or(it.to_string(), |help| format!("{it} ({help})"))).collect()
}

fn policy(name: &str, expression: &str) -> String {
    format!(
        "apiVersion: portcullis/v1\nkind: RequestPolicy\nmetadata: {{ name: {name} }}\nspec:\n  match: {{ operations: [UpdateUser] }}\n  \
         validations: [{{ expression: {expression}, message: no }}]\n  actions: [Deny]\n"
    )
}

const SOUND: &str = "body.username == null";

#[test]
fn a_kind_that_there_is_not_is_told_those_that_there_are() {
    let sound = policy("a", SOUND);
    let like = policy("b", SOUND).replace("RequestPolicy", "RequestPolicies");
    let unlike = policy("c", SOUND).replace("RequestPolicy", "Gateway");
    let none = policy("d", SOUND).replace("kind: RequestPolicy\n", "");
    assert_eq!(
        mistakes(&[("rules.yaml", &[&*sound, &like, &unlike, &none].join("---\n"))]),
        [
            "rules.yaml:10:7: `kind` must be one of `RequestPolicy`, `Waiver`, `RequestLimit` or `Params` (did you mean `RequestPolicy`?)",
            "rules.yaml:18:7: `kind` must be one of `RequestPolicy`, `Waiver`, `RequestLimit` or `Params`",
            "rules.yaml:25:1: missing key `kind`",
        ]
    );
}

#[test]
fn mistakes_of_every_sort_are_told_at_once_file_by_file() {
    let shape = policy("a", SOUND).replace("actions:", "action:");
    let meaning = policy("b", "body.usernam == null");
    let first = [&*meaning, &shape].join("---\n");
    assert_eq!(
        mistakes(&[("one.yaml", &first), ("two.yaml", &policy("b", SOUND)), ("three.yaml", "kind: a: b")]),
        [
            "one.yaml:6:36: `usernam` is not a field of any operation that this policy matches (did you mean `username`?)",
            "one.yaml:12:1: missing key `spec.actions`",
            "one.yaml:15:3: unknown key `action` in `spec` (did you mean `actions`?)",
            "two.yaml:3:19: `b` is the name of another policy, in one.yaml",
            "three.yaml:1:8: not valid YAML: mapping values are not allowed in this context (put text that contains `: ` in quotes, and a map within a map on lines of its own)",
        ]
    );
}
