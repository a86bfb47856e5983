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
fn a_name_of_a_comprehension_hides_those_around_it() {
    is("[1, 2].map(x, [x].map(x, x + 1)) == [[2], [3]]", "true");
    is("[[1], [2]].all(l, l.exists(x, l == [x]))", "true");
    is("{'a': 1}.exists(k, k == 'a') && [3, 4].filter(x, x > 3) == [4]", "true");
    is("[1, 2, 3].map(x, x > 1, x * 2)", "[4, 6]");
    is("body.public_metadata.l.map(x, [1, 2].exists(y, y == 2))", "[true, true]");
}
