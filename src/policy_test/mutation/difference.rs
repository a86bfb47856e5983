//! Searches a request that two bundles decide differently, among variations of the requests of cases.

use super::change::ChangedLines;
use crate::contract::credential::Environment;
use crate::judge::Bundle;
use crate::policy::Instance;
use crate::policy_test::Suite;
use crate::policy_test::actual::ActualDecision;
use crate::policy_test::request::{TestRequest, example};
use bytes::Bytes;
use http::{HeaderValue, Uri};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// Most requests that are judged for one mutant: some tenths of a second.
const MOST: usize = 2_000;

/// A request, as the `request` of a case, that the bundle of `suite` and `other` decide differently.
pub(super) fn find(suite: &Suite, other: &Bundle, lines: &ChangedLines) -> Option<String> {
    let words = words(lines);
    let requests: Vec<&TestRequest> = suite.cases.iter().map(|case| &case.request).collect();
    let values = values_of(&requests, &words);
    let targets = targets(suite, other);
    let near = requests.iter().flat_map(|request| variations(request, &values, &requests, (&words, &targets)));
    let mut all = requests.iter().copied().cloned().chain(near).take(MOST);
    let found = all.find(|request| differs(request, &suite.bundle, other))?;
    Some(describe(&found))
}

fn differs(request: &TestRequest, one: &Bundle, other: &Bundle) -> bool {
    let [one, other] = [one, other].map(|bundle| ActualDecision::of(request, bundle));
    one.refused != other.refused
        || one.violations != other.violations
        || one.counting_limits() != other.counting_limits()
}

/// The request with one of its parts changed, or with a part of one of `others`.
pub(in crate::policy_test) fn variations(
    request: &TestRequest,
    values: &[Value],
    others: &[&TestRequest],
    (words, targets): (&[String], &[(String, Uri)]),
) -> Vec<TestRequest> {
    let environments = [Environment::Production, Environment::Development];
    let mut found: Vec<_> =
        environments.map(|environment| TestRequest { environment, ..request.clone() }).into_iter().collect();
    for other in others {
        found.push(TestRequest { client: other.client.clone(), ..request.clone() });
        found.push(TestRequest { instance: other.instance.clone(), ..request.clone() });
        found.push(TestRequest { headers: other.headers.clone(), ..request.clone() });
    }
    for (name, value) in &request.headers {
        let texts = value.to_str().into_iter().flat_map(|text| [format!("{text}_"), format!("_{text}")]);
        for value in texts.filter_map(|text| HeaderValue::try_from(text).ok()) {
            let mut headers = request.headers.clone();
            headers.insert(name.clone(), value);
            found.push(TestRequest { headers, ..request.clone() });
        }
    }
    for (method, uri) in targets {
        found.push(TestRequest { method: method.clone(), uri: uri.clone(), ..request.clone() });
    }
    let Ok(body) = serde_json::from_slice::<Value>(&request.body) else { return found };
    let mut bodies = Vec::new();
    for pointer in pointers(&body) {
        for value in values.iter().cloned().chain(body.pointer(&pointer).into_iter().flat_map(near)) {
            let mut body = body.clone();
            if let Some(part) = body.pointer_mut(&pointer) {
                *part = value;
                bodies.push(body);
            }
        }
    }
    for pointer in std::iter::once(String::new()).chain(pointers(&body)) {
        for word in words {
            let mut body = body.clone();
            if let Some(Value::Object(members)) = body.pointer_mut(&pointer) {
                members.insert(word.clone(), json!("a"));
                bodies.push(body);
            }
        }
    }
    if let Value::Object(members) = &body {
        bodies.extend(members.keys().map(|name| {
            let mut fewer = members.clone();
            fewer.remove(name);
            Value::Object(fewer)
        }));
    }
    found.extend(bodies.into_iter().map(|body| TestRequest { body: Bytes::from(body.to_string()), ..request.clone() }));
    found
}

/// The targets of the other cases, and of the operations of the rules before and after the change.
fn targets(suite: &Suite, other: &Bundle) -> Vec<(String, Uri)> {
    let of_cases = suite.cases.iter().map(|case| (case.request.method.clone(), case.request.uri.clone()));
    let scopes = [&suite.bundle, other].into_iter().flat_map(|bundle| {
        let policies = bundle.policies.all().iter().map(|policy| &policy.scope);
        policies.chain(bundle.policies.limits().iter().map(|limit| &limit.scope))
    });
    let ids: BTreeSet<&str> = scopes.flat_map(|scope| &scope.operations).map(AsRef::as_ref).collect();
    let operations = other.contract.operations();
    let of_rules = ids.into_iter().filter_map(|id| {
        let operation = operations.iter().rfind(|operation| operation.id.as_ref() == id)?;
        Some((operation.method.to_string(), example(&operation.path).parse().ok()?))
    });
    of_cases.chain(of_rules).collect()
}

/// The words of the changed lines: what is compared with a constant is most often decided otherwise for the constant itself.
fn words(lines: &ChangedLines) -> Vec<String> {
    let parts = lines.before.iter().flat_map(|line| line.split([' ', ',', '"', '\'', '(', ')', '[', ']', '{', '}']));
    let words: BTreeSet<_> = parts.filter(|word| !word.is_empty()).map(str::to_owned).collect();
    words.into_iter().take(20).collect()
}

/// The places of all values in `body` but itself.
fn pointers(body: &Value) -> Vec<String> {
    let children: Vec<(String, &Value)> = match body {
        Value::Array(elements) => elements.iter().enumerate().map(|(at, it)| (at.to_string(), it)).collect(),
        Value::Object(members) => {
            members.iter().map(|(name, it)| (name.replace('~', "~0").replace('/', "~1"), it)).collect()
        }
        _ => Vec::new(),
    };
    let below = children.into_iter().flat_map(|(name, child)| {
        let inside = pointers(child).into_iter().map(|pointer| format!("/{name}{pointer}")).collect::<Vec<_>>();
        std::iter::once(format!("/{name}")).chain(inside)
    });
    below.collect()
}

/// Values that are nearly `value`.
fn near(value: &Value) -> Vec<Value> {
    match value {
        Value::Bool(value) => vec![json!(!value)],
        Value::Number(number) => {
            let number = number.as_i64().unwrap_or_default();
            vec![json!(number.saturating_add(1)), json!(number.saturating_sub(1))]
        }
        Value::String(text) => vec![json!(format!("{text}_")), json!(format!("_{text}"))],
        Value::Array(elements) => vec![json!(elements.iter().skip(1).collect::<Vec<_>>())],
        Value::Object(_) | Value::Null => Vec::new(),
    }
}

/// Values to try everywhere: those of the requests, and some of each type.
pub(in crate::policy_test) fn values_of(requests: &[&TestRequest], words: &[String]) -> Vec<Value> {
    let bodies = requests.iter().filter_map(|request| serde_json::from_slice::<Value>(&request.body).ok());
    let mut texts = BTreeSet::new();
    for body in bodies {
        let values = pointers(&body).into_iter().filter_map(|pointer| body.pointer(&pointer).cloned());
        texts.extend(values.filter(|value| !value.is_array() && !value.is_object()).map(|value| value.to_string()));
    }
    let of_cases = texts.iter().take(20).filter_map(|text| serde_json::from_str(text).ok());
    let of_types = [json!(null), json!(true), json!(false), json!(0), json!(1), json!(-1), json!(""), json!("a")];
    let of_lines = words.iter().map(|word| word.parse::<i64>().map_or_else(|_| json!(word), |number| json!(number)));
    let all = of_types.into_iter().chain([json!([]), json!({})]).chain(of_cases);
    all.chain(of_lines.flat_map(|value| std::iter::once(value.clone()).chain(near(&value)).collect::<Vec<_>>()))
        .collect()
}

/// The request as YAML in one line.
pub(in crate::policy_test) fn describe(request: &TestRequest) -> String {
    let mut parts = Map::new();
    parts.insert("method".to_owned(), request.method.as_str().into());
    parts.insert("path".to_owned(), request.uri.to_string().into());
    if request.environment == Environment::Development {
        parts.insert("environment".to_owned(), "development".into());
    }
    if request.instance != Instance::UNNAMED {
        let Instance { name, labels } = &request.instance;
        parts.insert("instance".to_owned(), json!({ "name": name, "labels": labels }));
    }
    let headers =
        request.headers.iter().filter_map(|(name, value)| Some((name.to_string(), value.to_str().ok()?.into())));
    let headers: Map<String, Value> = headers.filter(|(name, _)| name != "clerk-api-version").collect();
    if !headers.is_empty() {
        parts.insert("headers".to_owned(), headers.into());
    }
    if let Some(id) = request.client.certificate.as_ref().and_then(|certificate| certificate.spiffe_id.clone()) {
        parts.insert("client".to_owned(), json!({ "spiffeId": id }));
    }
    if let Ok(body) = serde_json::from_slice::<Value>(&request.body) {
        parts.insert("body".to_owned(), body);
    }
    let parts: Vec<_> = parts.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    format!("{{ {} }}", parts.join(", "))
}
