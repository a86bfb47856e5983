//! A test of the suite: its expression, the values it is given, and the value that it must have.

use crate::cel::CelTimestamp;
use serde_json::Value as Json;
use std::collections::BTreeMap;

#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Case {
    pub(super) file: String,
    pub(super) section: String,
    pub(super) name: String,
    pub(super) expr: String,
    value: Option<Json>,
    typed_result: Option<TypedResult>,
    eval_error: Option<Json>,
    #[serde(default)]
    check_only: bool,
    #[serde(default)]
    container: String,
    #[serde(default)]
    type_env: Vec<Json>,
    #[serde(default)]
    bindings: BTreeMap<String, Binding>,
}

#[derive(serde::Deserialize)]
struct TypedResult {
    result: Option<Json>,
}

#[derive(serde::Deserialize)]
struct Binding {
    value: Json,
}

impl Case {
    /// Its name in the suite.
    pub(super) fn path(&self) -> String {
        format!("{}/{}/{}", self.file, self.section, self.name)
    }

    /// Whether it is about what a policy can have. The rest is about protocol buffers, names and functions that a host adds, the
    /// types that a checker deduces, and the nodes that an optimizer of cel-go makes.
    pub(super) fn applies(&self) -> bool {
        let words = [
            "protobuf",
            "TestAllTypes",
            "TestMsg",
            "proto.",
            "cel.block",
            "cel.iterVar",
            "GlobalEnum",
            "TestRequiredGroup",
        ];
        let has_function = self.type_env.iter().any(|entry| entry.get("function").is_some());
        let is_given = self.bindings.keys().all(|name| !name.contains('.'))
            && self.bindings.values().all(|binding| literal(&binding.value).is_some());
        // a name that nothing declares, evaluated without a check
        let is_unbound = self.section == "receiver_function_names" || self.name == "unbound_is_runtime_error";
        let is_ours = !is_unbound && (self.expected().is_some() || self.eval_error.is_some());
        let is_foreign = words.iter().any(|word| self.expr.contains(word));
        let is_named = self.container.is_empty();
        is_named && !has_function && !self.check_only && !is_foreign && is_given && is_ours
    }

    /// The value that it must have, as `shown` shows values; `None` if it must have none.
    pub(super) fn expected(&self) -> Option<String> {
        let typed = self.typed_result.as_ref().and_then(|typed| typed.result.as_ref());
        let expected = self.value.as_ref().or(typed);
        // the suite leaves `true` out
        if expected.is_none() && self.eval_error.is_none() { Some("true".to_owned()) } else { expected.and_then(shown) }
    }

    /// The names that the expression uses, each with its value as a literal.
    pub(super) fn bindings(&self) -> BTreeMap<&str, String> {
        self.bindings.iter().map(|(name, it)| (name.as_str(), literal(&it.value).expect("a value"))).collect()
    }
}

/// The kind of a value of the suite, and the value.
fn variant(value: &Json) -> Option<(&str, &Json)> {
    value.as_object()?.iter().next().map(|(kind, value)| (kind.as_str(), value))
}

fn items(list: &Json) -> &[Json] {
    list.get("values").and_then(Json::as_array).map_or(&[], Vec::as_slice)
}

fn entries(map: &Json) -> impl Iterator<Item = (&Json, &Json)> {
    map.get("entries").and_then(Json::as_array).into_iter().flatten().map(|entry| (&entry["key"], &entry["value"]))
}

fn double(value: &Json) -> Option<f64> {
    match value {
        Json::Number(number) => number.to_string().parse().ok(),
        _ => Some(match value.as_str()? {
            "Infinity" => f64::INFINITY,
            "-Infinity" => f64::NEG_INFINITY,
            "NaN" => f64::NAN,
            number => number.parse().ok()?,
        }),
    }
}

fn bytes(value: &Json) -> Option<Vec<u8>> {
    let code = |letter: u8| {
        let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        alphabet.iter().position(|known| *known == letter)
    };
    let mut bytes = Vec::new();
    for group in value.as_str()?.trim_end_matches('=').as_bytes().chunks(4) {
        let bits =
            group.iter().try_fold(0, |bits, letter| Some(bits << 6 | code(*letter)?))? << (6 * (4 - group.len()));
        bytes.extend((0..group.len() - 1).map(|at| u8::try_from(bits >> (16 - 8 * at) & 0xff).expect("a byte")));
    }
    Some(bytes)
}

/// A value of the suite as `shown` shows those of evaluations; `None` for a message.
fn shown(value: &Json) -> Option<String> {
    let (kind, value) = variant(value)?;
    Some(match kind {
        "nullValue" => "null".to_owned(),
        "boolValue" => value.as_bool()?.to_string(),
        "int64Value" => value.as_str()?.to_owned(),
        "uint64Value" => format!("{}u", value.as_str()?),
        "doubleValue" => format!("{:?}d", double(value)?),
        "stringValue" => format!("{:?}", value.as_str()?),
        "bytesValue" => format!("b{:?}", bytes(value)?),
        "typeValue" => {
            let name = value.as_str()?.trim_start_matches("google.protobuf.").trim_end_matches("_type");
            let mut letters = name.chars();
            letters.next()?.to_uppercase().chain(letters).collect()
        }
        "listValue" => format!("[{}]", items(value).iter().map(shown).collect::<Option<Vec<_>>>()?.join(", ")),
        "mapValue" => {
            let entries = entries(value).map(|(key, value)| Some(format!("{}: {}", shown(key)?, shown(value)?)));
            let mut entries = entries.collect::<Option<Vec<_>>>()?;
            entries.sort();
            format!("{{{}}}", entries.join(", "))
        }
        "objectValue" => match (value["@type"].as_str()?.rsplit('.').next()?, value["value"].as_str()?) {
            ("Timestamp", time) => {
                format!("t{}", i64::try_from(CelTimestamp::parse(time).ok()?.as_nanos()).unwrap_or_default())
            }
            ("Duration", seconds) => {
                let (whole, fraction) =
                    seconds.trim_end_matches('s').split_once('.').unwrap_or((seconds.trim_end_matches('s'), ""));
                format!("d{}", format!("{whole}{fraction:0<9}").parse::<i64>().ok()?)
            }
            _ => return None,
        },
        _ => return None,
    })
}

/// A value of the suite as it is written in CEL; `None` for a message.
fn literal(value: &Json) -> Option<String> {
    let (kind, value) = variant(value)?;
    Some(match kind {
        "nullValue" => "null".to_owned(),
        "boolValue" => value.as_bool()?.to_string(),
        "int64Value" | "typeValue" => value.as_str()?.to_owned(),
        "uint64Value" => format!("{}u", value.as_str()?),
        "doubleValue" => {
            let double = double(value)?;
            if double.is_finite() { format!("{double:?}") } else { format!("double(\"{double}\")") }
        }
        "stringValue" => value.to_string(),
        "bytesValue" => {
            let bytes: String = bytes(value)?.iter().map(|byte| format!("\\x{byte:02x}")).collect();
            format!("b\"{bytes}\"")
        }
        "listValue" => format!("[{}]", items(value).iter().map(literal).collect::<Option<Vec<_>>>()?.join(", ")),
        "mapValue" => {
            let entries = entries(value).map(|(key, value)| Some(format!("{}: {}", literal(key)?, literal(value)?)));
            format!("{{{}}}", entries.collect::<Option<Vec<_>>>()?.join(", "))
        }
        _ => return None,
    })
}
