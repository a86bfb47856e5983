//! The language, compared with another implementation of it, and its bounds.

mod bounds;
mod conformance;
mod differential;
mod generate;
mod language;
mod libraries;
mod unknown;

use super::{RequestActivation, RequestDeclarations};
use crate::cel::{
    Budget, Container, Env, Evaluation, EvaluationError, EvaluationFailure, Issue, Purpose, Value, Variables,
};
use crate::contract::credential::Environment;
use crate::contract::{Contract, Operation};
use crate::document::{Document, NodeRef};
use crate::peer::Client;
use crate::policy::{Attributes, Instance};
use http::HeaderMap;
use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, UNIX_EPOCH};

/// `CreateUser`, whose body has metadata that may be anything.
fn operations() -> &'static [Arc<Operation>] {
    static OPERATIONS: LazyLock<Vec<Arc<Operation>>> = LazyLock::new(|| {
        let contract = Contract::built_in("2026-05-12").expect("the built-in contract is valid");
        contract.operations().into_iter().filter(|operation| operation.id.as_ref() == "CreateUser").collect()
    });
    &OPERATIONS
}

fn env(params: &serde_json::Value) -> Env<'static> {
    static DECLARATIONS: LazyLock<RequestDeclarations<'static>> =
        LazyLock::new(|| RequestDeclarations::new(operations(), &[]));
    let params: BTreeMap<String, serde_json::Value> = serde_json::from_value(params.clone()).expect("an object");
    Env::new(&*DECLARATIONS, &params)
}

/// What the compiler reports of an expression; empty if it compiles.
fn issues(source: &str) -> Vec<Issue> {
    env(&serde_json::json!({})).compile(source, Purpose::Validation).err().unwrap_or_default()
}

/// What `source` evaluates to for `body`, as [`shown`] shows it.
fn value(source: &str, body: &str) -> Result<Result<String, EvaluationError>, Vec<Issue>> {
    let mut env = env(&serde_json::json!({}));
    let issues = env.declare("it", source);
    if !issues.is_empty() {
        return Err(issues);
    }
    let (variables, _) = env.finish();
    Ok(evaluated(&variables, body, shown))
}

/// What `read` makes of the first variable's value for `body`.
fn evaluated<T>(
    variables: &Variables,
    body: &str,
    read: impl for<'a> Fn(&Value<'a, NodeRef<'a>>) -> T,
) -> Result<T, EvaluationError> {
    let document = Document::parse(bytes::Bytes::copy_from_slice(body.as_bytes())).expect("a document");
    let headers = HeaderMap::new();
    let client = Client::default();
    let attributes = Attributes {
        method: "POST",
        path: "/v1/users",
        parameters: &[],
        query: "",
        headers: &headers,
        environment: Environment::Production,
        key_fingerprint: None,
        instance: &Instance::UNNAMED,
        client: &client,
        time: UNIX_EPOCH + Duration::from_secs(1_000_000_000),
    };
    let request = RequestActivation { document: Some(&document), operation: &operations()[0], attributes: &attributes };
    let mut evaluation: Evaluation<'_, NodeRef<'_>> = variables.evaluation(request);
    let node = variables.first().expect("a variable");
    evaluation.value(node).map(|value| read(&value)).map_err(EvaluationFailure::error)
}

fn shown<'a>(value: &Value<'a, NodeRef<'a>>) -> String {
    type_tagged(value)
}

/// A value as text, which tells values of different types apart, and maps in any order alike.
fn type_tagged<'a, C: Container<'a>>(value: &Value<'a, C>) -> String {
    if let Some(text) = value.as_str() {
        return format!("{text:?}");
    }
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Int(value) => value.to_string(),
        Value::Uint(value) => format!("{value}u"),
        Value::Double(value) => format!("{value:?}d"),
        Value::Bytes(bytes) => format!("b{bytes:?}"),
        Value::Timestamp(time) => format!("t{}", i64::try_from(time.as_nanos()).unwrap_or_default()),
        Value::Duration(length) => format!("d{length}"),
        Value::Type(kind) => format!("{kind:?}"),
        Value::Unknown(_) => "Unknown".to_owned(),
        _ => {
            let length = value.len().unwrap_or_default();
            let items = (0..length).map(|position| value.item(position).expect("an item"));
            if !value.is_map() {
                return format!("[{}]", items.map(|item| type_tagged(&item)).collect::<Vec<_>>().join(", "));
            }
            let mut budget = Budget::new();
            let mut entries: Vec<String> = items
                .map(|key| {
                    let value = value.get_entry(&key, &mut budget).map(|entry| type_tagged(&entry.expect("an entry")));
                    format!("{}: {}", type_tagged(&key), value.unwrap_or_else(|_| "Unknown".to_owned()))
                })
                .collect();
            entries.sort();
            format!("{{{}}}", entries.join(", "))
        }
    }
}
