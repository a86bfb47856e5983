//! Words and signs of other languages, and their equivalents in CEL.

/// What to write instead of the word `name`, which CEL does not have.
pub(in crate::cel) fn word_help(name: &str) -> Option<&'static str> {
    Some(match name {
        "and" => "write `&&`",
        "or" => "write `||`",
        "not" => "write `!(...)` around what must not be",
        "is" => "write `==`",
        "if" | "then" | "else" => "write `condition ? value : other value`",
        "None" | "nil" | "NULL" | "Null" | "undefined" => "write `null`",
        "True" | "TRUE" => "write `true`",
        "False" | "FALSE" => "write `false`",
        "len" | "length" | "count" | "strlen" => "write `size(...)`",
        "keys" => "`all`, `exists` and `in` look at the keys of a map",
        "lower" | "toLowerCase" | "downcase" => "write `value.lowerAscii()`",
        "upper" | "toUpperCase" | "upcase" => "write `value.upperAscii()`",
        // Kubernetes has these, and nothing in a request to Clerk is one
        "url" | "isURL" | "getHost" | "getHostname" | "getScheme" | "getPort" | "getEscapedPath" => {
            "a URL is a text here: write `value.find(\"^https://[^/]+\")` or `value.matches(...)`"
        }
        "quantity" | "isQuantity" | "semver" | "isSemver" => {
            "compare parts of the text, as in `int(value.split(\".\")[0])`"
        }
        "authorizer" => "`client` has who the caller is, and `params` can have who is allowed to",
        "strip" => "write `value.trim()`",
        "substr" => "write `value.substring(from, to)`",
        "concat" | "append" => "write `+`",
        "isEmpty" | "empty" => "write `size(value) == 0`",
        "sortBy" => "write `list.map(element, ...).sort()`",
        "abs" | "ceil" | "floor" | "round" | "sqrt" | "greatest" | "least" => {
            "it is in the library `math`, as in `math.abs(...)`"
        }
        "toString" | "str" => "write `string(value)`",
        "toNumber" | "parseInt" => "write `int(value)`",
        "includes" => "write `contains` of a text, `in` of a list",
        "test" | "match" => "write `value.matches(\"pattern\")`",
        _ => return None,
    })
}

/// What to write instead of the sign at the start of `rest`, which CEL does not have.
pub(super) fn sign_help(rest: &str) -> Option<&'static str> {
    let known = [
        ("=~", "write `value.matches(\"pattern\")`"),
        // longer signs before those that they begin with
        ("=<", "write `<=`"),
        ("=>", "write `>=`"),
        ("=", "write `==` to compare"),
        ("&", "write `&&` for `and`"),
        ("|", "write `||` for `or`"),
        ("“", "a text stands in straight quotes"),
        ("”", "a text stands in straight quotes"),
        ("‘", "a text stands in straight quotes"),
        ("’", "a text stands in straight quotes"),
        (";", "leave it out"),
        ("#", "a comment begins with `//` in CEL; one of YAML stands outside of the expression"),
    ];
    known.into_iter().find(|(sign, _)| rest.starts_with(sign)).map(|(_, help)| help)
}

/// What to write instead of a sign in a place where it cannot be, given the source before it.
pub(super) fn misplaced_sign_help(before: &str, sign: &str) -> Option<&'static str> {
    match (before.chars().next_back(), sign) {
        (Some('<'), ">") => Some("write `!=`"),
        (Some('[' | '{' | ','), "?") => Some("an element is `null` where it is absent; `filter` leaves it out"),
        (Some('?'), ".") => Some("write `.`; a field that is absent reads as `null`"),
        (Some('?'), "?") => Some("write `value == null ? other : value`"),
        (Some('('), "/") => Some("a pattern stands in quotes"),
        (_, ",") if before.rsplit_once('(').is_some_and(|(before, _)| before.trim_end().ends_with(" in")) => {
            Some("a list stands in `[` and `]`")
        }
        _ => None,
    }
}
