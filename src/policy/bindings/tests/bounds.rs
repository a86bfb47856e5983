//! No text of a policy and no body holds a worker up.

use super::{env, evaluated, issues, shown};
use crate::cel::EvaluationError;
use serde_json::json;
use std::time::{Duration, Instant};

/// Far above what the budget allows for in a release build, for machines that are slow, busy and without optimization.
const AT_MOST: Duration = Duration::from_millis(1_500);

/// Evaluates `source` for `body` and gives why it has no value, within a bound of time.
#[track_caller]
fn outcome(source: &str, body: &str) -> Result<String, EvaluationError> {
    let mut env = env(&json!({}));
    let found = env.declare("it", source);
    assert_eq!(found, [], "{source}");
    let (variables, _) = env.finish();
    let start = Instant::now();
    let outcome = evaluated(&variables, body, |value| shown(value).chars().take(32).collect::<String>());
    assert!(start.elapsed() < AT_MOST, "{source} took {:?}", start.elapsed());
    outcome
}

/// 128 Ki numbers: the most elements that a body can have.
fn array() -> String {
    format!(r#"{{"public_metadata":{{"l":[{}1]}}}}"#, "1,".repeat(131_000))
}

fn text(letter: &str) -> String {
    format!(r#"{{"public_metadata":{{"s":"{}"}}}}"#, letter.repeat(256_000))
}

#[test]
fn one_pass_over_the_largest_body_is_within_the_budget() {
    let body = array();
    assert_eq!(outcome("1 in body.public_metadata.l", &body).as_deref(), Ok("true"));
    assert_eq!(outcome("2 in body.public_metadata.l", &body).as_deref(), Ok("false"));
    assert_eq!(outcome("json.size(body.public_metadata) > 262000", &body).as_deref(), Ok("true"));
    let body = text("a");
    assert_eq!(outcome("body.public_metadata.s.contains('b')", &body).as_deref(), Ok("false"));
    assert_eq!(outcome("body.public_metadata.s.matches('b$')", &body).as_deref(), Ok("false"));
    assert_eq!(outcome("size(body.public_metadata.s) == 256000", &body).as_deref(), Ok("true"));
}

#[test]
fn what_would_take_long_is_cut_off() {
    let costly = Err(EvaluationError::TooCostly);
    let body = array();
    for source in [
        "body.public_metadata.l.all(x, body.public_metadata.l.exists(y, x != y))",
        "body.public_metadata.l.all(x, x in body.public_metadata.l.filter(y, y > 0))",
        "body.public_metadata.l.map(x, body.public_metadata.l)[0] == body.public_metadata.l.map(x, [x, x, x])",
        "body.public_metadata.l.all(x, body.public_metadata.l == body.public_metadata.l)",
        "body.public_metadata.l.all(x, json.size(body.public_metadata) > 0)",
    ] {
        assert_eq!(outcome(source, &body), costly, "{source}");
    }
    let body = text("a");
    for source in [
        "[1, 2, 3, 4].all(x, [1, 2, 3, 4].all(y, !body.public_metadata.s.contains('ab')))",
        "[1, 2, 3, 4].map(x, [1, 2, 3, 4].map(y, body.public_metadata.s + 'b')) == []",
        "[1, 2, 3, 4].all(x, [1, 2, 3, 4].all(y, size(body.public_metadata.s) > 0))",
        "[1, 2, 3, 4].all(x, [1, 2, 3, 4].all(y, body.public_metadata.s == body.public_metadata.s + ''))",
        "body.public_metadata.s.matches('(a?){200}a{200}$')",
        "body.public_metadata.s.matches('^(a|b)*a(a|b){1000}c$')",
        "[1, 2, 3, 4, 5, 6].all(x, [1, 2].all(y, !body.public_metadata.s.matches('^(a|b)*a(a|b){200}c$')))",
        // what a function makes costs as what it reads does
        "body.public_metadata.s.replace('', body.public_metadata.s) == ''",
        "body.public_metadata.s.split('').map(x, body.public_metadata.s).join() == ''",
        "[1, 2, 3, 4].all(x, [1, 2, 3, 4].all(y, body.public_metadata.s.lowerAscii() != ''))",
        "'%s%s%s%s%s%s%s%s%s%s%s%s%s'.format(lists.range(13).map(x, body.public_metadata.s)) == ''",
        "size(lists.range(size(body.public_metadata.s))) == 1",
        "body.public_metadata.s.findAll('a').size() == 1",
        "body.public_metadata.s.split('').distinct().sort() == body.public_metadata.s.split('').sort()",
        "sets.contains(lists.range(size(body.public_metadata.s) / 256), lists.range(size(body.public_metadata.s) / 256))",
        "lists.range(size(body.public_metadata.s) / 256).distinct().size() == 1000",
    ] {
        assert_eq!(outcome(source, &body), costly, "{source}");
    }
}

#[test]
fn once_the_budget_is_used_up_nothing_absorbs_that() {
    let source = "body.public_metadata.l.all(x, body.public_metadata.l.exists(y, x != y)) || request.path != '/'";
    assert_eq!(outcome(source, &array()), Err(EvaluationError::TooCostly));
}

#[test]
fn no_text_overflows_the_stack() {
    let longest = 4096;
    for part in [
        "(", "!", "[", "-", "1+", "{", "{1:", "a.", "f(", "a[", "true?", "true?1:", "!-", "x.all(x,", "&&", "\"",
        "'''", "\\",
    ] {
        let count = longest / part.len();
        for source in
            [part.repeat(count), format!("{}1", part.repeat(count - 1)), format!("1{}", part.repeat(count - 1))]
        {
            assert!(!issues(&source).is_empty(), "{part}");
        }
    }
    for (open, close) in [("(", ")"), ("[", "]"), ("{1:", "}"), ("size(", ")")] {
        let source = format!("{}1{}", open.repeat(600), close.repeat(600));
        let found = issues(&source);
        assert!(found[0].message.contains("nests deeper than 64 levels"), "{open}: {found:?}");
    }
    let found = issues(&format!("'{}' == ''", "a".repeat(longest)));
    assert!(found[0].message.contains("longer than 4096 bytes"), "{found:?}");
}

#[test]
fn a_long_chain_of_and_or_is_not_deep() {
    let source = vec!["body.locale == null"; 150].join(" && ");
    assert_eq!(issues(&source), []);
    let source = vec!["body.locale == null"; 150].join(" || ");
    assert_eq!(issues(&source), []);
}

#[test]
fn a_pattern_is_bounded_in_size() {
    let found = issues("body.first_name.matches('(((a{100}){100}){100}){100}')");
    assert!(found[0].message.contains("the pattern takes more than 1024 KiB"), "{found:?}");
    let found = issues(r"body.first_name.matches(r'\bAda\b')");
    assert!(found[0].help.as_ref().is_some_and(|help| help.contains(r"write `(?-u:\b)`")), "{found:?}");
    assert_eq!(issues(r"body.first_name.matches(r'(?-u:\b)Ada(?-u:\b)')"), []);
    let found = issues("body.first_name.matches('(a')");
    assert!(found[0].message.contains("not a regular expression: unclosed group"), "{found:?}");
}
