//! Searches a request for which something holds, among variations of known requests.

use super::request::{TestRequest, example};
use crate::contract::credential::Environment;
use crate::judge::Bundle;
use bytes::Bytes;
use http::{HeaderValue, Uri};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The requests that are searched.
pub(crate) struct RequestSearch {
    seeds: Vec<TestRequest>,
    values: Vec<Value>,
    words: Vec<String>,
    targets: Vec<(String, Uri)>,
}

impl RequestSearch {
    /// Variations of `seeds`, to the operations of the rules of both bundles, with `words` among their values.
    pub(crate) fn new(seeds: Vec<TestRequest>, words: Vec<String>, (one, other): (&Bundle, &Bundle)) -> Self {
        let (values, targets) = (values_of(&seeds, &words), targets(&seeds, one, other));
        Self { seeds, values, words, targets }
    }

    /// Variations of `seeds` to their own operations, with `words` among their values.
    pub(crate) fn near(seeds: Vec<TestRequest>, words: Vec<String>) -> Self {
        let values = values_of(&seeds, &words);
        Self { seeds, values, words, targets: Vec::new() }
    }

    /// Each seed, then each with one of its parts changed.
    pub(crate) fn requests(&self) -> impl Iterator<Item = TestRequest> {
        self.seeds.iter().cloned().chain(self.changed_once())
    }

    /// As [`Self::requests`], then each with two of its parts changed.
    pub(crate) fn requests_and_their_neighbours(&self) -> impl Iterator<Item = TestRequest> {
        // all with one change first: a request with one field is easier to read than one with two
        self.requests().chain(self.changed_once().flat_map(|request| variations(&request, self)))
    }

    fn changed_once(&self) -> impl Iterator<Item = TestRequest> {
        self.seeds.iter().flat_map(|seed| variations(seed, self))
    }
}

/// The request with one of its parts changed.
fn variations(request: &TestRequest, search: &RequestSearch) -> Vec<TestRequest> {
    let RequestSearch { seeds, values, words, targets } = search;
    let environments = [Environment::Production, Environment::Development];
    let mut found: Vec<_> =
        environments.map(|environment| TestRequest { environment, ..request.clone() }).into_iter().collect();
    for other in seeds {
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

/// The targets of the seeds, and of the operations of the rules of both bundles.
fn targets(seeds: &[TestRequest], one: &Bundle, other: &Bundle) -> Vec<(String, Uri)> {
    let of_cases = seeds.iter().map(|request| (request.method.clone(), request.uri.clone()));
    let scopes = [one, other].into_iter().flat_map(|bundle| {
        let policies = bundle.policies.all().iter().map(|policy| &policy.scope);
        policies.chain(bundle.policies.limits().iter().map(|limit| &limit.scope))
    });
    let ids: BTreeSet<&str> = scopes.flat_map(|scope| &scope.operations).map(AsRef::as_ref).collect();
    let of_rules = ids.into_iter().filter_map(|id| {
        let operation = other.contract.newest_operation(id)?;
        Some((operation.method.to_string(), example(&operation.path).parse().ok()?))
    });
    of_cases.chain(of_rules).collect()
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

/// Values to try everywhere: those of the seeds, and some of each type.
fn values_of(seeds: &[TestRequest], words: &[String]) -> Vec<Value> {
    let bodies = seeds.iter().filter_map(|request| serde_json::from_slice::<Value>(&request.body).ok());
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
