//! What expressions mean where the language's definition says so and comparing implementations does not show it.

use super::{issues, value};
use crate::cel::EvaluationError;

#[track_caller]
fn is(source: &str, expected: &str) {
    let body = r#"{"public_metadata":{"n":9007199254740993,"s":"x","l":[1,2],"flag":null}}"#;
    assert_eq!(value(source, body), Ok(Ok(expected.to_owned())), "{source}");
}

#[track_caller]
fn fails(source: &str, expected: EvaluationError) {
    let body = r#"{"public_metadata":{"n":9007199254740993,"s":"x","l":[1,2],"flag":null}}"#;
    assert_eq!(value(source, body), Ok(Err(expected)), "{source}");
}

#[test]
fn one_side_of_and_or_decides_whatever_the_other_fails_with() {
    is("body.public_metadata.none > 1 && body.public_metadata.s != 'x'", "false");
    is("body.public_metadata.none > 1 || body.public_metadata.s == 'x'", "true");
    is("body.public_metadata.s == 'x' || body.public_metadata.none > 1", "true");
    is("body.public_metadata.l.exists(x, x / (x - 1) == 2)", "true");
    is("body.public_metadata.l.all(x, x / (x - 1) != 2)", "false");
    fails("body.public_metadata.l.all(x, x / (x - 1) == 2)", EvaluationError::Arithmetic);
    fails("body.public_metadata.l.exists_one(x, x / (x - 1) == 2)", EvaluationError::Arithmetic);
    fails("body.public_metadata.none > 1 || body.public_metadata.s != 'x'", EvaluationError::NoSuchOverload);
    fails("body.public_metadata.flag && body.public_metadata.s == 'x'", EvaluationError::NoSuchOverload);
}

/// As a field of the body does. In a map of the policy, a key that is not there is an error, as CEL has it.
#[test]
fn a_member_that_the_body_lacks_reads_as_null() {
    is("body.public_metadata.none == null", "true");
    is("body.public_metadata['none'] == null", "true");
    is("body.public_metadata.s == null", "false");
    is("has(body.public_metadata.none)", "false");
    is("'none' in body.public_metadata", "false");
    is("[body.public_metadata].all(m, m.none == null)", "true");
    fails("body.public_metadata.none.deeper == null", EvaluationError::NoSuchOverload);
    fails("body.public_metadata.l[99] == null", EvaluationError::NoSuchKey);
    fails("{'a': body.public_metadata.s}.b == null", EvaluationError::NoSuchKey);
    fails("{'a': body.public_metadata.s}[body.public_metadata.s] == null", EvaluationError::NoSuchKey);
}

#[test]
fn numbers_of_different_types_compare_exactly() {
    is("body.public_metadata.n == 9007199254740992.0", "false");
    is("body.public_metadata.n > 9007199254740992.0", "true");
    is("body.public_metadata.l == [1u, 2.0]", "true");
    is("2.0 in body.public_metadata.l", "true");
}

#[test]
fn times_are_in_utc_unless_a_zone_is_named() {
    is("timestamp('2026-01-01T00:30:00+05:00').getHours()", "19");
    is("request.time.getFullYear()", "2001");
    is("timestamp('2026-07-01T12:00:00Z').getHours('Europe/Berlin')", "14");
    is("timestamp('2026-07-01T12:00:00Z').getHours('-02:30')", "9");
    is("(request.time + duration('36h')).getDayOfWeek() - request.time.getDayOfWeek()", "1");
    is("duration('90m').getHours()", "1");
}

#[test]
fn types_can_be_asked_for() {
    is("type(body.public_metadata.s) == string && type(body.public_metadata.l) == list", "true");
    is("type(body.public_metadata.flag) == null_type && type(body.public_metadata.n) != uint", "true");
    is("type(request.time) == timestamp && type(type(1)) == type", "true");
}

#[test]
fn what_a_pattern_finds_it_finds_anywhere() {
    is("'hello'.matches('ell') && matches('hello', '^h') && !'hello'.matches('^e')", "true");
    let found = issues("body.first_name.matches(body.last_name)");
    assert!(found[0].message.contains("must be known"), "{found:?}");
}

#[test]
fn literals_are_those_of_the_definition() {
    is(r#"'\x41\u00e9\U0001F600\101\n' == "A\u00e9\U0001F600A\n""#, "true");
    is(r"r'\d' == '\\d' && '''it's''' == 'it\'s'", "true");
    is("b'\\xff\\x00' == b'\\377\\000' && size(b'\u{e9}') == 2", "true");
    is("-9223372036854775808 < 0x7fffffffffffffff && 1e3 == 1000 && .5 == 0.5", "true");
    is("[1, 2, // and so on\n 3,].size()", "3");
}

#[test]
fn an_error_of_what_is_bound_counts_where_it_is_used() {
    is("cel.bind(it, body.public_metadata.l[5], body.public_metadata.s == 'x' || it == 1)", "true");
    fails("cel.bind(it, body.public_metadata.l[5], it == 1)", EvaluationError::NoSuchKey);
    is("cel.bind(it, '^x$', body.public_metadata.s.matches(it))", "true");
    is("cel.bind(it, 1, cel.bind(it, it + 1, it)) + cel.bind(it, 3, it)", "5");
    is("[1, 2].map(x, cel.bind(y, x + 1, [x, y]))", "[[1, 2], [2, 3]]");
}

#[test]
fn what_is_asked_of_an_optional_value_is_optional_too() {
    is("body.public_metadata.?none.a.b[0] == null", "true");
    is("body.public_metadata.?l[1] == 2 && body.public_metadata.l[?5] == null", "true");
    is("body.?first_name.orValue('a') + request.headers[?'x'].orValue('b')", "\"ab\"");
    is("has(body.public_metadata.?none) || has(body.public_metadata.?s)", "true");
    fails("body.public_metadata.?s.a", EvaluationError::NoSuchOverload);
    fails("body.public_metadata.?none.value()", EvaluationError::NoSuchKey);
}

#[test]
fn a_constant_that_decides_needs_no_value_beside_it() {
    is("true || 1 / 0 > 2", "true");
    is("1 / 0 > 2 && false", "false");
    assert!(issues("1 / 0 > 2 || body.first_name == 'a'")[0].message.contains("never has a value"));
    assert!(issues("true || 'a' > 2")[0].message.contains("is not for"));
}

#[test]
fn scopes_are_bounded() {
    let found = issues("[1].all(a, [1].all(b, [1].all(c, true)))");
    assert!(found[0].message.contains("more than 2 of"), "{found:?}");
    assert_eq!(issues("[1].all(i, a, [1].all(j, b, a + b + i + j < body.public_metadata.n))"), []);
    let deep =
        (0..9).fold("a0 == 1".to_owned(), |inside, at| format!("cel.bind(a{at}, body.public_metadata.n, {inside})"));
    assert!(issues(&deep)[0].message.contains("more than 8 names"));
    let found = issues("cel.bind(body, 1, body == 1)");
    assert!(found[0].message.contains("is the name of something else"), "{found:?}");
}

#[test]
fn a_name_of_a_comprehension_hides_those_around_it() {
    is("[1, 2].map(x, [x].map(x, x + 1)) == [[2], [3]]", "true");
    is("[[1], [2]].all(l, l.exists(x, l == [x]))", "true");
    is("{'a': 1}.exists(k, k == 'a') && [3, 4].filter(x, x > 3) == [4]", "true");
    is("[1, 2, 3].map(x, x > 1, x * 2)", "[4, 6]");
    is("body.public_metadata.l.map(x, [1, 2].exists(y, y == 2))", "[true, true]");
}
