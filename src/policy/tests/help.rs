//! Slips that CEL takes: what is always true or never, what no name can be, what checks nothing.

use super::errors::{EXPRESSION, SOUND, told};
use super::load;
use crate::policy::{PolicyDocuments, compile_waiver};
use std::path::Path;

/// What is wrong with each expression, in place of the validation's in [`SOUND`].
fn are_told(expressions: &[(&str, &str)]) {
    for (planted, expected) in expressions {
        let found = told(&SOUND.replace(EXPRESSION, planted));
        assert_eq!(found.join("\n"), *expected, "{planted}");
    }
}

/// What is wrong with a policy in which a part of [`SOUND`] is another.
fn is_told(part: &str, planted: &str, expected: &str) {
    assert!(SOUND.contains(part), "{part}");
    assert_eq!(told(&SOUND.replace(part, planted)).join("\n"), expected, "{planted}");
}

const NULL: &str = "reads as null where it is absent, and null is not true or false";
const CHOSEN: &str = "but what is chosen here must be a bool [compare it with something]";
const NO_VALUE: &str = "never has a value: number out of range or division by zero";
const ALWAYS: &str = "13:9: the expression is always true, so it checks nothing";
const NEVER: &str = "13:9: the expression is never true, so no request passes [to refuse every request that the policy matches, write `false`]";

#[test]
fn what_is_chosen_must_be_true_or_false() {
    for (planted, expected) in [
        ("body.locale == null ? true : \"x\"", format!("13:38: `\"x\"` is a string, {CHOSEN}")),
        (
            "body.password == null ? true : size(body.password)",
            format!("13:40: `size(body.password)` is an int, {CHOSEN}"),
        ),
        ("body.locale == null ? null : true", format!("13:31: `null` is null, {CHOSEN}")),
        ("!(body.locale == null ? 1 : true)", format!("13:33: `1` is an int, {CHOSEN}")),
        ("body.locale == null ? true : body.locale == \"a\" ? 1 : true", format!("13:59: `1` is an int, {CHOSEN}")),
        (
            "body.delete_self_enabled == true ? body.create_organization_enabled : true",
            format!(
                "13:44: `body.create_organization_enabled` {NULL} [write `body.create_organization_enabled == true`]"
            ),
        ),
        ("body.delete_self_enabled == null ? true : body.delete_self_enabled", String::new()),
        ("(body.locale == null ? 1 : 2) == size(body.first_name)", String::new()),
    ] {
        are_told(&[(planted, &expected)]);
    }
}

#[test]
fn numbers_that_no_calculation_gives_are_told() {
    let field = "body.create_organizations_limit";
    for (sign, zero) in [("/", "0"), ("%", "0"), ("/", "0u")] {
        let planted = format!("{field} {sign} {zero} > 2");
        are_told(&[(&planted, &format!("13:9: `{field} {sign} {zero}` {NO_VALUE}"))]);
    }
    are_told(&[
        ("body.create_organizations_limit < 1e999", "13:43: the number is too large, or has no digits"),
        ("body.email_address[-1] == \"a\"", "13:28: the first position in a list is `0`, but this is `-1`"),
        (
            "body.public_metadata[-1] == \"a\"",
            "13:30: `-1` is an int, but what is between `[` and `]` is a double or a string",
        ),
    ]);
}

#[test]
fn what_is_always_true_is_told() {
    for planted in [
        "body.locale != \"de\" || body.locale != \"en\"",
        "body.first_name == body.first_name",
        "body.locale == null || body.locale != null",
        "json.size(body.public_metadata) >= 0",
        "request.time.getHours(\"Europe/Berlin\") <= 23",
        "body.create_organizations_limit == null || body.create_organizations_limit > 3 || body.create_organizations_limit < 5",
        "request.headers[\"X-A\"] == null || request.headers[\"x-a\"] != null",
        "body.locale == null ? true : has(body.locale)",
        "!(body.locale == \"a\" && body.locale == \"b\")",
    ] {
        are_told(&[(planted, ALWAYS)]);
    }
}

#[test]
fn what_is_never_true_is_told() {
    for planted in [
        "body.locale == \"a\" && body.locale == \"b\"",
        "body.delete_self_enabled == true && body.delete_self_enabled == false",
        "body.create_organizations_limit > 5 && body.create_organizations_limit < 3",
        "body.locale in [\"a\", \"b\"] && body.locale in [\"c\"]",
        "request.time.getMonth() > 11",
        "json.size(body.public_metadata) > 3 && json.size(body.public_metadata) < 4",
        "has(body.locale) && !(\"locale\" in body)",
    ] {
        are_told(&[(planted, NEVER)]);
    }
}

#[test]
fn what_a_request_can_decide_is_not_told() {
    for planted in [
        "body.locale != \"de\" && body.locale != \"en\"",
        "body.create_organizations_limit > 5 && body.create_organizations_limit < 6",
        "body.locale > \"a\" && body.locale < \"b\"",
        "body.locale == null || has(body.locale) && body.locale == \"a\"",
        "has(body.locale) || body.timezone == null",
        "body.locale == body.timezone || body.locale != body.timezone && body.locale == \"a\"",
        "body.email_address != [\"a\"] || body.locale == \"a\"",
        "request.time.getHours() > 22",
        "body.locale in [] || body.locale == \"a\" || body.timezone == \"b\" || body.first_name == \"c\" || body.last_name == \"d\"",
    ] {
        let found = told(&SOUND.replace(EXPRESSION, planted));
        assert!(found.iter().all(|found| !found.contains("true, so")), "{planted}: {found:?}");
    }
}

#[test]
fn conditions_that_exclude_each_other_are_told() {
    let condition = "- { name: named, expression: body.first_name != null }";
    let with = |other: &str| format!("{condition}\n    - {{ name: other, expression: '{other}' }}");
    let at = "11:34: the condition is never true where those before it are, so the policy can never match";
    is_told(condition, &with("body.first_name == null"), at);
    let two = "- { name: a, expression: 'request.operation == \"CreateUser\"' }\n    - { name: b, expression: 'request.operation == \"UpdateUser\"' }";
    is_told(condition, two, &at.replace("34", "30"));
    is_told(condition, &with("body.first_name == \"a\""), "");
    is_told(condition, &with("body.last_name == null"), "");
}

#[test]
fn what_the_conditions_say_need_not_be_asked() {
    let told_at = "13:9: the expression is true wherever the match conditions are, so it checks nothing";
    are_told(&[
        ("body.first_name != null", told_at),
        ("body.first_name != null || body.locale == null", told_at),
        ("body.first_name == \"a\"", ""),
        // every request that it is for is refused, which is one way to write a policy
        ("body.first_name == null", ""),
    ]);
    let same = SOUND.replace("body.first_name != null", "size(body.first_name) > 3");
    assert_eq!(told(&same.replace(EXPRESSION, "(size(body.first_name)>3)")), [told_at]);
}

#[test]
fn what_no_name_can_be_is_told() {
    let never = ": the comparison is always false";
    for (planted, expected) in [
        (
            "client.ip == \"10.0.0.0/8\"",
            format!("13:22: `client.ip` is an IP address, never `10.0.0.0/8`{never} [write `cidr(\"10.0.0.0/8\").containsIP(client.ip)`]"),
        ),
        ("client.ip == \"localhost\"", format!("13:22: `client.ip` is an IP address, never `localhost`{never}")),
        (
            "client.ip == \"::0001\"",
            format!("13:22: `client.ip` is an IP address in its shortest form, never `::0001`{never} [write \"::1\"]"),
        ),
        (
            "\"x\" != client.spiffeId",
            "13:9: `client.spiffeId` is a SPIFFE ID, never `x`: the comparison is always true [it begins with `spiffe://`]".to_owned(),
        ),
        (
            "client.spiffeId in [\"spiffe://a/b\", \"x\"]",
            "13:28: `client.spiffeId` is a SPIFFE ID, never `x` [it begins with `spiffe://`]".to_owned(),
        ),
        ("request.path == \"v1/users\"", format!("13:25: `request.path` is a path, never `v1/users`{never} [it begins with `/`]")),
        (
            "instance.keyFingerprint == \"0123456789ABCDEF\"",
            format!("13:36: `instance.keyFingerprint` is a fingerprint, never `0123456789ABCDEF`{never} [16 digits and letters from `a` to `f`, as in the log]"),
        ),
        ("request.headers[\"x ticket\"] == null", "13:26: `x ticket` is no name that a header can have".to_owned()),
        ("client.ip == \"10.0.0.1\" || client.ip == \"::1\"", String::new()),
        ("client.spiffeId == \"spiffe://a/b\" || request.path == \"/v1/users\"", String::new()),
        ("instance.keyFingerprint == \"0123456789abcdef\"", String::new()),
    ] {
        are_told(&[(planted, &expected)]);
    }
}

#[test]
fn one_slip_is_told_once() {
    are_told(&[
        (
            "body.first_name.all(c, c != \"x\")",
            "13:9: `body.first_name` is a string or null, but what is gone through is a list or a map",
        ),
        (
            "body.username[0] == \"a\"",
            "13:9: `body.username` is a string or null, but what is before `[` is a list or a map",
        ),
        ("[].all(x, x == \"a\") && body.locale == null", ""),
        ("set.unite(body.locale, x) == 1", "13:9: `set.unite` is not a function that policies know"),
        (
            "authorizer.group(\"x\").resource(\"y\").check(\"z\").allowed()",
            "13:9: `authorizer.group` is not a function that policies know",
        ),
        ("", "14:7: the expression is empty"),
    ]);
    let broken = SOUND.replace("size(body.first_name) > params.limit", "size(body.frist_name) > params.limit");
    let at = "8:43: `frist_name` is not a field of any operation that this policy matches [did you mean `first_name`?]";
    for planted in [EXPRESSION, "variables.long", "variables.long == null || variables.long != null"] {
        assert_eq!(told(&broken.replace(EXPRESSION, planted)), [at], "{planted}");
    }
}

#[test]
fn the_words_of_others_are_answered() {
    are_told(&[
        ("body.locale.matches(\"^\\d+$\")", "13:29: no escape that CEL has [write `\\\\d`, or `r\"^\\d+$\"`]"),
        ("request.time - duration(\"1d\") > request.time", "13:24: `1d` is no duration [write hours, as in `24h`]"),
        (
            "request.time - duration(\"1x\") > request.time",
            "13:24: `1x` is no duration [as in `24h`, `90m` or `1h30m`]",
        ),
        (
            "request.time > timestamp(\"2026-01-01\")",
            "13:24: `2026-01-01` is not a time [write `2026-01-01T00:00:00Z`]",
        ),
        (
            "body.first_name.size > 3",
            "13:25: `body.first_name` is a string or null, which has no members [write `size(body.first_name)`]",
        ),
        (
            "has(request.headers[\"x\"])",
            "13:9: `has` asks for a member, not for what is behind `[` [write `request.headers[\"x\"] != null`]",
        ),
        (
            "body.locale != \"a\" # no comment",
            "13:28: not a sign that CEL has [a comment begins with `//` in CEL; one of YAML stands outside of the expression]",
        ),
        ("body.locale in (\"a\",\"b\")", "13:28: `,` stands where `)` should be [a list stands in `[` and `]`]"),
        ("body.locale in [\"a\" \"b\"]", "13:29: `\"b\"` stands where `]` should be"),
        ("body.email_address.all(a, 1)", "13:35: `1` is an int, but the test of each element takes a bool"),
    ]);
}

/// What is wrong in a file of policies, each with its cure.
fn read(text: &str) -> Vec<String> {
    let told = PolicyDocuments::default().read(Path::new("rule.yaml"), text);
    told.iter().map(|mistake| format!("{mistake} [{}]", mistake.help.as_deref().unwrap_or_default())).collect()
}

#[test]
fn keys_of_admission_policies_are_answered() {
    for (key, help) in [
        ("validationActions: [Deny]", "here it is `actions`, with `Deny`, `Warn` or `Audit`"),
        ("matchConstraints: {}", "here it is `match: { operations: [...] }`"),
        ("failurePolicy: Fail", "leave it out: a validation that cannot be evaluated fails"),
    ] {
        let found = read(&SOUND.replace("  actions: [Deny]", &format!("  actions: [Deny]\n  {key}")));
        let name = key.split(':').next().expect("a key");
        assert_eq!(found, [format!("rule.yaml:17:3: unknown key `{name}` in `spec` [{help}]")]);
    }
    let found = read(&SOUND.replace("message: no", "message: no\n      messageExpression: a"));
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].ends_with("[`message` is a fixed text here]"), "{found:?}");
}

#[test]
fn environments_are_some_and_each_once() {
    is_told(
        "[production]",
        "[]",
        "5:64: `environments` is empty, so the policy can never match [leave it out to match all]",
    );
    is_told("[production]", "[production, production]", "5:77: `production` is listed twice");
    is_told(", environments: [production]", "", "");
}

#[test]
fn texts_stand_on_one_line_and_are_short() {
    let control = "`message` has a control character in it, and must fit on one line";
    is_told("message: no", r#"message: "a\r\nX: b\u001b[31m""#, &format!("15:18: {control}"));
    is_told("message: no", "message: |\n        no\n", "");
    let long = "a".repeat(501);
    is_told("message: no", &format!("message: {long}"), "15:16: `message` is longer than 500 characters");
    is_told("message: no", &format!("message: {}", "a".repeat(500)), "");
    is_told("message: no", &format!("message: no\n      hint: {long}"), "16:13: `hint` is longer than 500 characters");
}

/// What is wrong with a schema of users' bodies.
fn of_schema(schema: &str) -> Vec<String> {
    told(&format!(
        "apiVersion: portcullis/v1\nkind: RequestPolicy\nmetadata: {{ name: rule }}\nspec:\n  \
         match: {{ operations: [UpdateUserMetadata] }}\n  actions: [Deny]\n  schema: {schema}\n"
    ))
}

#[test]
fn schemas_that_check_nothing_or_that_nothing_fits_are_told() {
    for (schema, expected) in [
        ("{}", "the schema checks nothing"),
        ("{ title: a, description: b }", "the schema checks nothing"),
        ("{ properties: { public_metadata: true } }", "this checks nothing of the field"),
        ("{ properties: { public_metadata: {} } }", "this checks nothing of the field"),
        ("{ properties: { public_metadata: { title: a } } }", "this checks nothing of the field"),
        ("{ properties: { public_metadata: { not: {} } } }", "every value matches the schema in `not`"),
        ("{ properties: { public_metadata: { enum: [] } } }", "`enum` is empty, so that nothing matches"),
        (
            "{ properties: { public_metadata: { properties: { a: { minimum: 5, maximum: 1 } } } } }",
            "`minimum` is more than `maximum`, so that nothing matches",
        ),
        ("{ required: [public_metadata], then: { minProperties: 1 } }", "`then` has no effect without `if`"),
        ("{ required: [public_metadata], if: { minProperties: 1 } }", "`if` has no effect without `then` or `else`"),
    ] {
        let found = of_schema(schema);
        assert!(found.len() == 1 && found[0].contains(expected), "{schema}: {found:?}");
    }
    for schema in [
        "{ properties: { public_metadata: true }, additionalProperties: false }",
        "{ properties: { private_metadata: false } }",
        "{ properties: { public_metadata: { properties: { a: { minimum: 1, maximum: 1 } } } } }",
        "{ if: { required: [public_metadata] }, then: { minProperties: 1 } }",
    ] {
        assert_eq!(of_schema(schema), Vec::<String>::new(), "{schema}");
    }
}

#[test]
fn waivers_are_told_in_their_own_words() {
    let limit = "apiVersion: portcullis/v1\nkind: RequestLimit\nmetadata: { name: l }\nspec:\n  match: { operations: [CreateUser] }\n  \
                 events: 3\n  period: 1m\n  message: no\n  actions: [Deny]\n";
    let mistakes = |policy: &str, expression: &str| {
        let text = format!(
            "{SOUND}---\n{limit}---\napiVersion: portcullis/v1\nkind: Waiver\nmetadata: {{ name: w }}\nspec:\n  policy: {policy}\n  \
             matchConditions: [{{ name: a, expression: '{expression}' }}]\n  owner: a\n  ticket: b\n  reason: c\n  expires: 2027-06-30\n"
        );
        let mut manifests = PolicyDocuments::default();
        assert_eq!(manifests.read(Path::new("rule.yaml"), &text), []);
        let found = compile_waiver(&manifests.waivers[0], &manifests, super::contract()).err().unwrap_or_default();
        found
            .iter()
            .map(|it| format!("{} [{}]", it.message, it.help.as_deref().unwrap_or_default()))
            .collect::<Vec<_>>()
    };
    assert_eq!(mistakes("rule", "false"), ["the condition is never true, so the waiver never applies []"]);
    assert_eq!(
        mistakes("rul", "client.ip == null"),
        ["`rul` is not a policy or limit that was loaded [did you mean `rule`?]"]
    );
    for name in ["rule", "l"] {
        assert_eq!(mistakes(name, "client.ip == null"), Vec::<String>::new());
    }
    assert!(load(SOUND).is_ok());
}
