//! Completion, hover and definitions, in files that are half typed.

use super::client::Editor;
use serde_json::{Value, json};

/// The position of the `¦` in a text, and the text without it.
fn place(text: &str) -> (String, Value) {
    let (before, after) = text.split_once('¦').expect("a place");
    let line = before.matches('\n').count();
    let character = before.rsplit('\n').next().unwrap().encode_utf16().count();
    (format!("{before}{after}"), json!({ "line": line, "character": character }))
}

fn ask(editor: &mut Editor, method: &str, file: &str, text: &str) -> Value {
    let (text, position) = place(text);
    editor.open(file, &text);
    let uri = editor.uri(file);
    let result = editor.request(method, &json!({ "textDocument": { "uri": uri }, "position": position }));
    editor.close(file);
    result
}

/// The labels that are offered, each with its detail.
fn offers(editor: &mut Editor, file: &str, text: &str) -> Vec<(String, String)> {
    let items = ask(editor, "textDocument/completion", file, text);
    let text_of = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    items.as_array().unwrap().iter().map(|item| (text_of(&item["label"]), text_of(&item["detail"]))).collect()
}

fn has(offers: &[(String, String)], label: &str) -> bool {
    offers.iter().any(|(known, _)| known == label)
}

fn policy(expression: &str) -> String {
    format!(
        "apiVersion: portcullis/v1\nkind: RequestPolicy\nmetadata: {{ name: a }}\nspec:\n  \
         match: {{ operations: [UpdateUser], environments: [production] }}\n  \
         params: {{ hours: {{ first: 7, last: 19 }}, plans: [free, 'pro'] }}\n  variables:\n    \
         - name: ticket\n      expression: request.headers['x-ticket']\n    \
         - {{ name: hour, expression: request.time.getHours() }}\n  validations:\n    - expression: {expression}\n"
    )
}

#[test]
fn keys_are_offered_by_place() {
    let folder = tempfile::tempdir().unwrap();
    let mut editor = Editor::start(folder.path(), &[]);
    let head = "apiVersion: portcullis/v1\nkind: RequestPolicy\n";
    for (text, wanted, unwanted) in [
        ("¦", "apiVersion", "operations"),
        ("api¦", "kind", "operations"),
        (&format!("{head}spec:\n  ¦\n"), "validations", "spec"),
        (&format!("{head}spec:\n  match: {{ ¦\n  actions: [Deny]\n"), "operations", "validations"),
        (&format!("{head}spec:\n  match: {{ operations: [], envi¦\n"), "environments", "operations"),
        (&format!("{head}spec:\n  validations:\n    - ¦\n"), "expression", "validations"),
        (&format!("{head}spec:\n  validations:\n    - expression: x\n      m¦\n  actions:\n"), "message", "expression"),
        ("kind: Gateway\nlimits:\n  ¦", "bodyBytes", "limits"),
        ("kind: Waiver\nspec:\n  ¦", "expires", "match"),
        ("kind: RequestLimit\nspec:\n  ¦", "period", "validations"),
        ("kind: PolicyTest\nspec:\n  cases:\n    - request: { ¦ }\n", "environment", "cases"),
    ] {
        let offered = offers(&mut editor, "a.yaml", text);
        assert!(has(&offered, wanted) && !has(&offered, unwanted), "{text}: {offered:?}");
    }
    let offered = offers(&mut editor, "a.test.yaml", "¦");
    assert!(has(&offered, "metadata"));
    editor.leave();
}

#[test]
fn values_are_offered_by_key() {
    let folder = tempfile::tempdir().unwrap();
    let mut editor = Editor::start(folder.path(), &[]);
    let head = "apiVersion: portcullis/v1\nkind: RequestPolicy\nspec:\n";
    for (text, wanted) in [
        ("kind: ¦", "RequestPolicy"),
        (&format!("{head}  actions: [¦"), "Deny"),
        (&format!("{head}  actions:\n    - A¦"), "Audit"),
        (&format!("{head}  match: {{ operations: [CreateUser, Upd¦] }}"), "UpdateUser"),
        (&format!("{head}  match:\n    operations:\n      - ¦"), "UpdateUser"),
        (&format!("{head}  match: {{ environments: [¦] }}"), "production"),
        (
            &format!("{head}  match: {{ operations: [UpdateUser] }}\n  validations:\n    - field: ¦"),
            "skip_password_checks",
        ),
        ("kind: PolicyTest\nspec:\n  cases:\n    - request: { operation: ¦", "UpdateUser"),
        ("kind: PolicyTest\nspec:\n  cases:\n    - expect: { decision: ¦", "deny"),
    ] {
        let offered = offers(&mut editor, "a.yaml", text);
        assert!(has(&offered, wanted), "{text}: {offered:?}");
    }
    editor.leave();
}

#[test]
fn names_are_offered_inside_of_expressions() {
    let folder = tempfile::tempdir().unwrap();
    let mut editor = Editor::start(folder.path(), &[]);
    for (expression, wanted, unwanted) in [
        ("¦", "body", "contains"),
        ("bo¦", "has", "first_name"),
        ("body.¦", "skip_password_checks", "contains"),
        ("body.skip_pass¦ != true", "skip_password_checks", "request"),
        ("\"body.¦", "first_name", "body"),
        ("'body.first_name == null || body.first_name.¦'", "startsWith", "first_name"),
        (">-\n        body.first_name == null ||\n        body.first_name.¦", "matches", "sum"),
        ("request.¦", "operation", "startsWith"),
        ("request.time.¦", "getHours", "startsWith"),
        ("request.params.¦", "user_id", "contains"),
        ("client.¦", "spiffeId", "environment"),
        ("instance.¦", "environment", "spiffeId"),
        ("instance.labels.¦", "", "contains"),
        ("params.¦", "hours", "ticket"),
        ("params.hours.¦", "first", "plans"),
        ("params.plans.¦", "exists", "hours"),
        ("variables.¦", "ticket", "hours"),
        ("variables.ticket.¦", "matches", "getHours"),
        ("math.¦", "greatest", "contains"),
        ("client.dnsNames.exists(name, name.¦", "endsWith", "exists"),
        ("client.dnsNames.exists(name, ¦", "name", "endsWith"),
        ("body['¦", "first_name", "contains"),
    ] {
        let offered = offers(&mut editor, "a.yaml", &policy(expression));
        let is_offered = wanted.is_empty() || has(&offered, wanted);
        assert!(is_offered && !has(&offered, unwanted), "{expression}: {offered:?}");
    }
    // a field has its type and its mark
    let offered = offers(&mut editor, "a.yaml", &policy("body.¦"));
    let detail = |name: &str| offered.iter().find(|(label, _)| label == name).unwrap().1.as_str();
    assert_eq!(detail("skip_password_checks"), "bool | null");
    assert_eq!(detail("password"), "string | null (secret)");
    for expression in ["body.first_name == '¦", "body.first_name != null // ¦", "12¦"] {
        assert_eq!(offers(&mut editor, "a.yaml", &policy(expression)), [], "{expression}");
    }
    // a variable may use those before it
    let text = policy("true").replace("request.time.getHours()", "variables.¦");
    let offered = offers(&mut editor, "a.yaml", &text);
    assert!(has(&offered, "ticket") && !has(&offered, "hour"), "{offered:?}");
    editor.leave();
}

#[test]
fn what_is_typed_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let mut editor = Editor::start(folder.path(), &[]);
    let items = ask(&mut editor, "textDocument/completion", "a.yaml", &policy("body.locale != '😀' && body.skip_pa¦"));
    let item = items.as_array().unwrap().iter().find(|item| item["label"] == "skip_password_checks").unwrap();
    let edit = &item["textEdit"];
    assert_eq!(edit["newText"], "skip_password_checks");
    let (start, end) = (&edit["range"]["start"]["character"], &edit["range"]["end"]["character"]);
    assert_eq!(end.as_i64().unwrap() - start.as_i64().unwrap(), 7, "{edit}");
    let items = ask(&mut editor, "textDocument/completion", "a.yaml", "spe¦: {}\nkind: RequestPolicy\n");
    let item = items.as_array().unwrap().iter().find(|item| item["label"] == "spec").unwrap();
    assert_eq!(item["textEdit"]["newText"], "spec");
    editor.leave();
}

#[test]
fn hover_shows_types_secrets_and_signatures() {
    let folder = tempfile::tempdir().unwrap();
    let mut editor = Editor::start(folder.path(), &[]);
    for (text, parts) in [
        (policy("body.pass¦word != null"), &["body.password: string | null", "**Secret**"][..]),
        (
            policy("body.locale.starts¦With('e')"),
            &["startsWith(string, string) -> bool", "whether it begins so", "Example"],
        ),
        (policy("client.dnsNames.ex¦ists(x, x == '')"), &["list.exists(x, test)"]),
        (policy("variables.ho¦ur > 7"), &["variables.hour: int", "request.time.getHours()"]),
        (policy("params.hours.fi¦rst > 7"), &["params.hours.first: int"]),
        (policy("re¦quest.method == 'GET'"), &["request"]),
        (policy("true").replace("operations:", "opera¦tions:"), &["Operation ids of Clerk's contract"]),
        (policy("true").replace("[UpdateUser]", "[Update¦User]"), &["PATCH /v1/users/{user_id}"]),
        ("kind: RequestPolicy\nspec:\n  actions: [De¦ny]\n".to_owned(), &["The request is refused"]),
    ] {
        let hover = ask(&mut editor, "textDocument/hover", "a.yaml", &text);
        let shown = hover["contents"]["value"].as_str().unwrap_or_default();
        assert!(parts.iter().all(|part| shown.contains(part)), "{text}: {hover}");
    }
    for text in [policy("body.not¦hing"), policy("1¦"), "¦".to_owned(), "a: [¦".to_owned()] {
        assert_eq!(ask(&mut editor, "textDocument/hover", "a.yaml", &text), Value::Null, "{text}");
    }
    editor.leave();
}

#[test]
fn definitions_are_found_in_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let mut editor = Editor::start(folder.path(), &[]);
    for (expression, line, word) in [
        ("params.ho¦urs.first", 5, "hours"),
        ("params.hours.la¦st", 5, "last"),
        ("variables.tick¦et == null", 7, "ticket"),
        ("1 < variables.hour¦", 9, "hour"),
        ("para¦ms.plans", 5, "params"),
    ] {
        let text = policy(expression);
        let found = ask(&mut editor, "textDocument/definition", "a.yaml", &text);
        let range = &found["range"];
        assert_eq!(range["start"]["line"], line, "{expression}: {found}");
        let (start, end) = (range["start"]["character"].as_u64().unwrap(), range["end"]["character"].as_u64().unwrap());
        let shown: String = text.lines().nth(line).unwrap().chars().collect();
        let shown: String =
            shown.chars().skip(usize::try_from(start).unwrap()).take(usize::try_from(end - start).unwrap()).collect();
        assert_eq!(shown, word, "{expression}");
        assert_eq!(found["uri"], editor.uri("a.yaml"));
    }
    for expression in ["params.no¦ne", "body.loc¦ale", "tr¦ue"] {
        let found = ask(&mut editor, "textDocument/definition", "a.yaml", &policy(expression));
        assert_eq!(found, Value::Null, "{expression}");
    }
    editor.leave();
}
