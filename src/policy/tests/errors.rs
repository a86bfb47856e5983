//! What loading finds wrong: the place in the file, what it is, and the cure.

use super::load;

/// A policy with which nothing is wrong.
pub(super) const SOUND: &str = "\
apiVersion: portcullis/v1
kind: RequestPolicy
metadata: { name: rule, labels: { owner: us } }
spec:
  match: { operations: [CreateUser, UpdateUser], environments: [production] }
  params: { limit: 3, allowed: [bcrypt, argon2id] }
  variables:
    - { name: long, expression: size(body.first_name) > params.limit }
  matchConditions:
    - { name: named, expression: body.first_name != null }
  validations:
    - expression: >-
        variables.long || body.password_hasher in params.allowed
      field: first_name
      message: no
  actions: [Deny]
";

/// The validation's expression in [`SOUND`].
pub(super) const EXPRESSION: &str = "variables.long || body.password_hasher in params.allowed";

/// Every mistake in `text`, each as `line:column what is wrong [the cure]`.
pub(super) fn told(text: &str) -> Vec<String> {
    let mistakes = load(text).err().unwrap_or_default();
    let told = mistakes.iter().map(|mistake| {
        let place = mistake.to_string();
        let cure = mistake.help.as_ref().map(|help| format!(" [{help}]")).unwrap_or_default();
        format!("{}{cure}", place.strip_prefix("rule.yaml:").unwrap_or(&place))
    });
    told.collect()
}

#[test]
fn nothing_is_wrong_with_the_sound_one() {
    assert_eq!(told(SOUND), Vec::<String>::new());
}

/// In place of the validation's expression: what is wrong with it.
const EXPRESSIONS: [(&str, &str); 90] = [
    (
        "body.frist_name != null",
        "13:14: `frist_name` is not a field of any operation that this policy matches [did you mean `first_name`?]",
    ),
    ("bdy.first_name != null", "13:9: `bdy` is not a name that policies know [did you mean `body`?]"),
    ("request.header[\"x-ticket\"] != null", "13:17: `header` is not a member of `request` [did you mean `headers`?]"),
    (
        "client.ipp == null",
        "13:16: `ipp` is not a member of `client` [there are `ip`, `unixUid`, `spiffeId`, `dnsNames`, `certSha256`]",
    ),
    (
        "instance.environmnt == \"production\"",
        "13:18: `environmnt` is not a member of `instance` [did you mean `environment`?]",
    ),
    (
        "request.params.userid == \"a\"",
        "13:24: `userid` is not a parameter of the path of any operation that this policy matches [did you mean `user_id`?]",
    ),
    ("params.limits > 3", "13:16: `limits` is not one of the policy's `params` [did you mean `limit`?]"),
    ("variables.longer", "13:19: `longer` is not one of the `variables` declared before [did you mean `long`?]"),
    (
        "has(body.pasword)",
        "13:18: `pasword` is not a field of any operation that this policy matches [did you mean `password`?]",
    ),
    (
        "\"frist_name\" in body",
        "13:9: `frist_name` is not a field of any operation that this policy matches [did you mean `first_name`?]",
    ),
    (
        "body.skip_password_checks == \"true\"",
        "13:38: `body.skip_password_checks` is a bool or null, never a string: the comparison is always false [write `true` without quotes]",
    ),
    (
        "body.create_organizations_limit == \"3\"",
        "13:44: `body.create_organizations_limit` is a number or null, never a string: the comparison is always false [write `3` without quotes]",
    ),
    (
        "body.first_name == 1",
        "13:28: `body.first_name` is a string or null, never an int: the comparison is always false [write \"1\", with quotes]",
    ),
    (
        "body.delete_self_enabled != 1",
        "13:37: `body.delete_self_enabled` is a bool or null, never an int: the comparison is always true [write `true`]",
    ),
    (
        "body.skip_legal_checks != \"null\"",
        "13:35: `body.skip_legal_checks` is a bool or null, never a string: the comparison is always true [write `null` without quotes]",
    ),
    ("body.first_name > 3", "13:9: `>` is not for a string or null (`body.first_name`) with an int (`3`)"),
    ("body.first_name + 1 == 2", "13:9: `+` is not for a string or null (`body.first_name`) with an int (`1`)"),
    (
        "body.email_address == \"a@b.c\"",
        "13:31: `body.email_address` is a list or null, never a string: the comparison is always false",
    ),
    (
        "body.first_name in [1, 2]",
        "13:9: `body.first_name` is a string or null, but `[1, 2]` holds an int: it is never in it",
    ),
    (
        "params.limit in params.allowed",
        "13:9: the expression is never true, so no request passes [to refuse every request that the policy matches, write `false`]",
    ),
    ("body.first_name in \"abc\"", "13:28: `\"abc\"` is a string, but what is behind `in` is a list or a map"),
    (
        "body.first_name.startWith(\"A\")",
        "13:25: `startWith` is not a function that policies know [did you mean `startsWith`?]",
    ),
    ("body.first_name.startsWith()", "13:9: `startsWith` takes 1 argument, not 0"),
    ("body.first_name.startsWith(1)", "13:36: `1` is an int, but what `startsWith` takes here is a string"),
    ("sizeof(body.first_name) > 3", "13:9: `sizeof` is not a function that policies know [did you mean `size`?]"),
    ("startsWith(body.first_name, \"A\")", "13:9: `startsWith` is called on a value [write `value.startsWith(...)`]"),
    ("body.email_address.size(1) == 1", "13:9: `size` takes 0 arguments, not 1"),
    (
        "size(body.delete_self_enabled) > 1",
        "13:14: `body.delete_self_enabled` is a bool or null, but what `size` takes here is a string, a bytes, a list or a map",
    ),
    ("body.first_name.matches(\"[a-\")", "13:33: not a regular expression: unclosed character class"),
    (
        "body.first_name.matches(body.last_name)",
        "13:33: the pattern of `matches` must be known when the policy is loaded [write it as a text, or in `params`]",
    ),
    ("body.first_name.matches(\"((a{500}){500}){500}\")", "13:33: the pattern takes more than 1024 KiB"),
    (
        "body.first_name",
        "13:9: the expression gives a string or null, and must give a bool [compare it with something]",
    ),
    ("size(body.first_name)", "13:9: the expression gives an int, and must give a bool [compare it with something]"),
    (
        "body.first_name && body.last_name != null",
        "13:9: `body.first_name` is a string or null, but `&&` takes a bool [compare it, as in `... != null`]",
    ),
    (
        "!body.first_name",
        "13:10: `body.first_name` is a string or null, but `!` takes a bool [compare it, as in `... != null`]",
    ),
    (
        "body.first_name ? true : false",
        "13:9: `body.first_name` is a string or null, but `?` takes a bool [compare it, as in `... != null`]",
    ),
    ("true", "13:9: the expression is always true, so it checks nothing"),
    ("params.limit == 3", "13:9: the expression is always true, so it checks nothing"),
    (
        "params.limit > 3",
        "13:9: the expression is never true, so no request passes [to refuse every request that the policy matches, write `false`]",
    ),
    (
        "body.locale == null && params.limit > 3",
        "13:9: the expression is never true, so no request passes [to refuse every request that the policy matches, write `false`]",
    ),
    (
        "instance.environment == \"prod\"",
        "13:33: `instance.environment` is `production`, never `prod`: the comparison is always false",
    ),
    (
        "instance.environment == \"development\"",
        "13:33: `instance.environment` is `production`, never `development`: the comparison is always false",
    ),
    (
        "request.operation == \"DeleteUser\"",
        "13:30: `request.operation` is `CreateUser` or `UpdateUser`, never `DeleteUser`: the comparison is always false",
    ),
    (
        "request.time > timestamp(\"2026-13-01T00:00:00Z\")",
        "13:24: `2026-13-01T00:00:00Z` is not a time [as in `2026-01-01T00:00:00Z`]",
    ),
    ("request.time - duration(\"1 day\") > request.time", "13:24: `1 day` is no duration [write hours, as in `24h`]"),
    ("request.time.getHours(\"Berlin\") > 3", "13:31: `Berlin` is not a time zone"),
    (
        "1 / (params.limit - 3) > 0",
        "13:9: `1 / (params.limit - 3)` never has a value: number out of range or division by zero",
    ),
    (
        "body.first_name.length > 3",
        "13:25: `body.first_name` is a string or null, which has no members [write `size(body.first_name)`]",
    ),
    (
        "body.public_metadata.all(k, key == \"a\")",
        "13:37: `key` is not a name that policies know [there are `body`, `request`, `client`, `instance`, `params`, `variables`; a text stands in quotes]",
    ),
    (
        "body.email_address.all(body, true)",
        "13:32: `body` is the name of something else [give the variable another name]",
    ),
    (
        "body.email_address.exists(e == \"a\")",
        "13:28: `exists` takes a name and an expression [as in `body.email_address.exists(address, address != \"\")`]",
    ),
    (
        "exists(body.email_address, e, e == \"a\")",
        "13:9: `exists` is called on a list or map [write `list.exists(element, ...)`]",
    ),
    (
        "[1].all(a, [1].all(b, [1].all(c, body.locale == null)))",
        "13:31: more than 2 of `all`, `exists`, `map` and `filter` inside each other",
    ),
    (
        "request.headers == null",
        "13:17: `request.headers` is no value by itself [ask for one of its entries, as in `request.headers[\"name\"]`]",
    ),
    ("body != null", "13:9: `body` is no value by itself [ask for one of its members, as in `body.NAME`]"),
    ("request[\"me\" + \"thod\"] == \"GET\"", "13:17: a member of `request` is asked for by its name, written out"),
    ("body.locale = null", "13:21: not a sign that CEL has [write `==` to compare]"),
    ("body.locale == null & body.timezone == null", "13:29: not a sign that CEL has [write `&&` for `and`]"),
    ("body.locale == 'a", "13:24: the string has no end"),
    ("body.locale == null)", "13:28: `)` stands where an operator or the end should be"),
    ("body.locale ==", "13:23: the expression ends where a value should follow"),
    ("body.locale == null or true", "13:29: `or` stands where an operator or the end should be [write `||`]"),
    ("if(body.locale == null)", "13:9: CEL keeps the word `if` for itself [write `condition ? value : other value`]"),
    ("has(body)", "13:9: `has` asks for a member, as in `has(body.first_name)`"),
    ("{\"a\": 1, \"a\": 2}[body.locale] == 1", "13:9: `{\"a\": 1, \"a\": 2}` never has a value: key twice in a map"),
    (
        "{[1]: 1} == {} || body.locale == null",
        "13:10: the key of a map is a bool, an int, a uint or a string, not a list",
    ),
    ("-body.first_name == 1", "13:10: `body.first_name` is a string or null, but what `-` takes is an int or a double"),
    ("1 == 1u.foo", "13:17: `1u` is a uint, which has no members"),
    (
        "body.locale.matches(r\"\\bx\\b\")",
        "13:29: the pattern has a `\\b` or `\\B`, which depends on the language of the text [write `(?-u:\\b)` for the boundary of an ASCII word]",
    ),
    ("body.locale == null and true", "13:29: `and` stands where an operator or the end should be [write `&&`]"),
    (
        "not body.locale",
        "13:13: `body` stands where an operator or the end should be [write `!(...)` around what must not be]",
    ),
    (
        "body.locale not in []",
        "13:21: `not` stands where an operator or the end should be [write `!(...)` around what must not be]",
    ),
    ("body.locale is null", "13:21: `is` stands where an operator or the end should be [write `==`]"),
    ("body.locale <> null", "13:22: `>` stands where a value should be [write `!=`]"),
    ("body.locale =~ 'a'", "13:21: not a sign that CEL has [write `value.matches(\"pattern\")`]"),
    (
        "body?.locale == null",
        "13:14: `.` stands where a value should be [write `.`; a field that is absent reads as `null`]",
    ),
    ("body.locale ?? 'a' == 'a'", "13:22: `?` stands where a value should be [write `value == null ? other : value`]"),
    ("body.locale == “x”", "13:24: not a sign that CEL has [a text stands in straight quotes]"),
    ("body.locale.matches(/^a/)", "13:29: `/` stands where a value should be [a pattern stands in quotes]"),
    ("body.locale == None", "13:24: `None` is not a name that policies know [write `null`]"),
    ("first_name == null", "13:9: `first_name` is not a name that policies know [did you mean `body.first_name`?]"),
    ("object.first_name == null", "13:9: `object` is not a name that policies know [the body is `body`]"),
    ("request.body.first_name == null", "13:17: `body` is not a member of `request` [write `body` without `request.`]"),
    ("len(body.first_name) > 3", "13:9: `len` is not a function that policies know [write `size(...)`]"),
    (
        "body.first_name.toLowerCase() == 'a'",
        "13:25: `toLowerCase` is not a function that policies know [write `value.lowerAscii()`]",
    ),
    (
        "now() > request.time",
        "13:9: `now` is not a function that policies know [the time of the request is `request.time`]",
    ),
    (
        "body.delete_self_enabled",
        "13:9: `body.delete_self_enabled` reads as null where it is absent, and null is not true or false [write `body.delete_self_enabled == true`]",
    ),
    (
        "request.headers['Authorization'] != null",
        "13:26: `Authorization` holds credentials, which policies cannot read [`client` and `instance` identify the caller and the kind of its key]",
    ),
    (
        "3 < size(body.first_name) < 9",
        "13:9: `<` is not for a bool (`3 < size(body.first_name)`) with an int (`9`) [compare twice, with `&&` between]",
    ),
    (
        "body.frist_name == 1 || bdy == 2 || body.first_name.foo() == 3",
        "13:14: `frist_name` is not a field of any operation that this policy matches [did you mean `first_name`?]\n13:33: `bdy` is not a name that policies know [did you mean `body`?]\n13:61: `foo` is not a function that policies know",
    ),
];

#[test]
fn mistakes_in_an_expression_are_told_with_place_and_cure() {
    for (planted, expected) in EXPRESSIONS {
        let found = told(&SOUND.replace(EXPRESSION, planted));
        assert_eq!(found.join("\n"), expected, "{planted}");
    }
}

/// In place of a part of the policy: what is wrong with it.
const PARTS: [(&str, &str, &str); 24] = [
    ("UpdateUser]", "UpdateUsr]", "5:37: `UpdateUsr` is not an operation of the contract [did you mean `UpdateUser`?]"),
    ("[CreateUser, UpdateUser]", "[]", "5:24: `operations` is empty, so the policy can never match"),
    ("UpdateUser]", "CreateUser]", "5:37: `CreateUser` is listed twice"),
    ("name: rule", "name: Rule", "3:19: `name` must be 1 to 63 lower-case letters, digits and `-`"),
    (
        "{ name: long, expression: size(body.first_name) > params.limit }",
        "{ name: long, expression: body.locale == null }\n    - { name: long, expression: body.locale != null }",
        "9:15: `long` is declared twice",
    ),
    (
        "name: long,",
        "name: too-long,",
        "8:15: `name` must be letters, digits and `_`, as in `variables.NAME`\n13:19: `long` is not one of the `variables` declared before [there are `too-long`]",
    ),
    (
        "body.first_name) > params.limit",
        "body.first_name) > variables.later",
        "8:67: `later` is not one of the `variables` declared before",
    ),
    (
        "- { name: named, expression: body.first_name != null }",
        "- { name: named, expression: body.first_name != null }\n    - { name: named, expression: body.last_name != null }",
        "11:15: `named` is declared twice",
    ),
    (
        "expression: body.first_name != null",
        "expression: instance.environment != \"production\" && body.locale == null",
        "10:34: the condition is never true, so the policy can never match",
    ),
    (
        "expression: body.first_name != null",
        "expression: params.limit == 4",
        "10:34: the condition is never true, so the policy can never match",
    ),
    (
        "expression: body.first_name != null",
        "expression: body.first_name",
        "10:34: the expression gives a string or null, and must give a bool [compare it with something]",
    ),
    (
        "field: first_name",
        "field: frist_name",
        "14:14: `frist_name` is not a field of any operation that this policy matches [did you mean `first_name`?]",
    ),
    (
        "field: first_name",
        "field: body.first_name",
        "14:14: `body.first_name` is not a field of any operation that this policy matches [did you mean `first_name`?]",
    ),
    (
        "[CreateUser, UpdateUser]",
        "[\"Zap*\"]",
        "5:25: `Zap*` matches no operation of the contract [`portcullis contract list` lists the ids]",
    ),
    (
        "expression: body.first_name != null",
        "expression: request.method == \"patch\"",
        "10:52: `request.method` is `PATCH` or `POST`, never `patch`: the comparison is always false",
    ),
    ("message: no", "message: \"\"", "15:16: `message` is empty; the caller needs a reason"),
    (
        "message: no",
        "mesage: no",
        "12:7: missing key `spec.validations[0].message`\n15:7: unknown key `mesage` in `spec.validations[0]` [did you mean `message`?]",
    ),
    ("actions: [Deny]", "actions: []", "16:12: `actions` is empty; it must hold `Deny`, `Warn` or `Audit`"),
    (
        "actions: [Deny]",
        "actions: [Denny]",
        "16:13: `spec.actions[0]` must be one of `Deny`, `Warn` or `Audit` [did you mean `Deny`?]",
    ),
    (
        "matchConditions",
        "matchCondition",
        "9:3: unknown key `matchCondition` in `spec` [did you mean `matchConditions`?]",
    ),
    (
        "operations: [CreateUser, UpdateUser]",
        "operations: [CreateUser, CreateBulkInvitations]",
        "5:24: the body of `CreateBulkInvitations` is a list, which has no fields to read by name [check it with a `schema` with `items`, in a policy of its own]",
    ),
    ("kind: RequestPolicy", "kind: RequestPolicies", "2:7: `kind` must be `RequestPolicy`"),
    ("apiVersion: portcullis/v1", "apiVersion: portcullis/v2", "1:13: `apiVersion` must be `portcullis/v1`"),
    ("variables.long ", "|variables.lng |", "13:9: not a sign that CEL has [write `||` for `or`]"),
];

#[test]
fn mistakes_around_expressions_are_told_with_place_and_cure() {
    for (part, planted, expected) in PARTS {
        assert!(SOUND.contains(part), "{part}");
        let found = told(&SOUND.replace(part, planted));
        assert_eq!(found.join("\n"), expected, "{planted}");
    }
}

#[test]
fn what_is_said_on_purpose_is_no_mistake() {
    for expression in [
        "false",
        "dyn(body.skip_password_checks) == \"true\"",
        "instance.environment == \"production\" && body.locale == null",
        "body.public_metadata.plan == 3 || body.public_metadata.plan == \"pro\"",
        "has(body.delete_self_enabled) && body.delete_self_enabled",
        "request.headers[\"X-Ticket\"] != null && request.query.dry_run != \"1\" && \"x-ticket\" in request.headers",
        "[\"first_name\", \"last_name\"].all(field, body[field] != \"\")",
        "body.email_address == null || body.email_address.all(address, address.endsWith(\"@example.com\"))",
    ] {
        assert_eq!(told(&SOUND.replace(EXPRESSION, expression)), Vec::<String>::new(), "{expression}");
    }
}
