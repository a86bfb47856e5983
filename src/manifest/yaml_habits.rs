//! Help for common habits: keys of Kubernetes' policies, and shorter forms of values that our files do not have.

use serde_json::Value;

/// Keys of `ValidatingAdmissionPolicy` and similar resources: the map in which they would be, the key, and the help.
const KEYS: [(&str, &str, &str); 5] = [
    ("/spec", "validationActions", "here it is `actions`, with `Deny`, `Warn` or `Audit`"),
    ("/spec", "matchConstraints", "here it is `match: { operations: [...] }`"),
    ("/spec/validations/", "messageExpression", "`message` is a fixed text here; there are no expressions in it"),
    ("/spec", "failurePolicy", "leave it out: a validation that cannot be evaluated fails"),
    ("/metadata", "namespace", "leave it out: policies have no namespaces"),
];

/// The help for `key` in the map at `pointer`, if it is a key of another system.
pub(super) fn foreign_key_help(pointer: &str, key: &str) -> Option<&'static str> {
    let is_in = |place: &str| if place.ends_with('/') { pointer.starts_with(place) } else { pointer == place };
    KEYS.iter().find(|(place, name, _)| *name == key && is_in(place)).map(|(.., help)| *help)
}

/// The help for a value at `pointer` in a shorter form than the file has.
pub(super) fn shorthand_help(pointer: &str, written: &Value) -> Option<String> {
    match (pointer, written) {
        ("/upstream", Value::String(url)) if url == "embedded" => {
            Some("write `upstream: { url: embedded }`".to_owned())
        }
        // without the URL itself, which may hold a password
        ("/upstream", Value::String(_)) => Some("write `upstream: { url: ... }`".to_owned()),
        ("/admin", Value::String(word)) if word == "off" => Some("write `admin: { listen: off }`".to_owned()),
        ("/admin", Value::Bool(false)) => Some("write `admin: { listen: off }`".to_owned()),
        ("/admin", Value::String(_)) => Some("write `admin: { listen: ... }`".to_owned()),
        ("/logs/access", Value::String(file)) if file.contains(['.', '/']) => {
            Some("write `access: { file: ... }` for a file".to_owned())
        }
        (_, Value::String(quantity)) if pointer.ends_with("Bytes") => {
            Some(format!("write the number of bytes: `{}`", bytes_of(quantity)?))
        }
        ("/listen", Value::Number(port)) => Some(format!("write `listen: 127.0.0.1:{port}`")),
        _ => None,
    }
}

/// The number of bytes in a quantity such as `256KiB` or `10 MB`; `None` if it is not one.
fn bytes_of(quantity: &str) -> Option<u64> {
    const UNITS: [(&str, u64); 9] = [
        ("", 1),
        ("k", 1_000),
        ("m", 1_000_000),
        ("g", 1_000_000_000),
        ("ki", 1 << 10),
        ("mi", 1 << 20),
        ("gi", 1 << 30),
        ("t", 1_000_000_000_000),
        ("ti", 1 << 40),
    ];
    let end = quantity.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(quantity.len());
    let (digits, unit) = quantity.split_at_checked(end)?;
    let unit = unit.trim().to_ascii_lowercase();
    let prefix = unit.strip_suffix('b').unwrap_or(&unit);
    let (_, size) = UNITS.iter().find(|(known, _)| *known == prefix)?;
    digits.parse::<u64>().ok()?.checked_mul(*size)
}

/// The help for a value at `pointer` that older versions of JSON Schema, or YAML, read otherwise.
pub(super) fn json_schema_help(pointer: &str, written: &Value) -> Option<&'static str> {
    let (_, keyword) = pointer.rsplit_once('/')?;
    match (keyword, written) {
        ("type", Value::Null) => Some("write `\"null\"` in quotes: without them it is empty"),
        ("type", Value::Array(types)) if types.contains(&Value::Null) => {
            Some("write `\"null\"` in quotes: without them it is empty")
        }
        ("items", Value::Array(_)) => {
            Some("schemas by position are in `prefixItems`; `items` has the one for the others")
        }
        ("exclusiveMinimum" | "exclusiveMaximum", Value::Bool(_)) => Some("write the bound itself, as a number"),
        ("required", Value::Bool(_)) => Some("`required` is a list of names, beside `properties`"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{foreign_key_help, shorthand_help};
    use serde_json::json;

    #[test]
    fn keys_of_kubernetes_get_help_where_they_would_be() {
        assert!(foreign_key_help("/spec", "validationActions").unwrap().contains("`actions`"));
        assert!(foreign_key_help("/spec", "matchConstraints").unwrap().contains("operations"));
        assert!(foreign_key_help("/spec", "failurePolicy").unwrap().contains("leave it out"));
        assert!(foreign_key_help("/spec/validations/0", "messageExpression").unwrap().contains("fixed text"));
        assert!(foreign_key_help("/metadata", "namespace").unwrap().contains("no namespaces"));
        assert_eq!((foreign_key_help("", "namespace"), foreign_key_help("/spec", "name")), (None, None));
    }

    #[test]
    fn a_short_form_gets_its_long_form_as_help() {
        let help = |pointer: &str, written| shorthand_help(pointer, &written).unwrap_or_default();
        assert_eq!(help("/upstream", json!("embedded")), "write `upstream: { url: embedded }`");
        assert_eq!(help("/upstream", json!("https://user:canary@host")), "write `upstream: { url: ... }`");
        assert_eq!(help("/admin", json!("off")), "write `admin: { listen: off }`");
        assert_eq!(help("/listen", json!(18787)), "write `listen: 127.0.0.1:18787`");
        assert_eq!(help("/limits", json!("off")), "");
        assert_eq!(help("/logs/access", json!("x.log")), "write `access: { file: ... }` for a file");
        for (quantity, bytes) in
            [("256KiB", "262144"), ("64 MiB", "67108864"), ("10MB", "10000000"), ("1Gi", "1073741824"), ("5", "5")]
        {
            assert_eq!(help("/limits/bodyBytes", json!(quantity)), format!("write the number of bytes: `{bytes}`"));
        }
        for other in ["", "MiB", "1.5MiB", "1 hour", "99999999999999999999", "9999999999Ti"] {
            assert_eq!(help("/limits/bodyBytes", json!(other)), "", "{other}");
        }
    }
}
