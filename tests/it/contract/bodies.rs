//! What the judge says of bodies generated from the contract, for every operation in every version.

use super::mutation::mutations;
use super::valid::{Optional, valid};
use crate::support::gateway::bundle;
use bytes::Bytes;
use http::HeaderMap;
use portcullis::contract::Operation;
use portcullis::contract::credential::Environment;
use portcullis::judge::violation::Field;
use portcullis::judge::{Bundle, decide};
use portcullis::peer::Client;
use portcullis::policy::{Attributes, Instance};
use portcullis::reason::Reason;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};
use serde_json::Value;
use std::sync::Arc;
use std::time::SystemTime;

/// Random bodies for each operation.
const CASES: u32 = 4;

/// What the judge says: the reason of a refusal, and the fields that it names.
fn judged(bundle: &Bundle, operation: &Operation, body: &Value) -> (Option<Reason>, Vec<String>) {
    let headers = HeaderMap::new();
    let attributes = Attributes {
        method: "POST",
        path: "/",
        parameters: &Vec::new(),
        query: "",
        headers: &headers,
        environment: Environment::Production,
        key_fingerprint: None,
        instance: &Instance::UNNAMED,
        client: &Client::default(),
        time: SystemTime::UNIX_EPOCH,
    };
    let judgement = decide(bundle, operation, &attributes, Bytes::from(body.to_string()), &mut ());
    let fields = judgement.violations.iter().filter_map(|violation| violation.field.as_ref().map(Field::for_caller));
    (judgement.verdict.err(), fields.collect())
}

/// Every operation with a body schema, in every version, with that schema.
fn bodies(bundle: &Bundle) -> Vec<(Arc<Operation>, Value)> {
    // for any version a body is judged by all schemas, and what breaks one can fit another
    let operations = bundle.contract.operations().into_iter().filter(|operation| !operation.is_of_any_version());
    let bodies = operations.filter_map(|operation| {
        let schema = operation.body.as_ref()?.effective().expect("a sound schema").schema;
        Some((operation, schema))
    });
    bodies.collect()
}

fn runner() -> TestRunner {
    let config = Config { cases: CASES, failure_persistence: None, ..Config::default() };
    TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha))
}

#[test]
fn generated_valid_bodies_pass() {
    let bundle = bundle(&[]);
    let bodies = bodies(&bundle);
    assert!(bodies.len() > 500, "{} bodies", bodies.len());
    for (operation, schema) in bodies {
        let result =
            runner().run(&valid(&schema, &schema, Optional::Some), |body| match judged(&bundle, &operation, &body) {
                (None, _) => Ok(()),
                (Some(reason), fields) => Err(TestCaseError::fail(format!("{reason:?} {fields:?}"))),
            });
        result.unwrap_or_else(|error| panic!("{} of {}: {error}", operation.id, operation.api_version));
    }
}

#[test]
fn mutated_bodies_are_refused_naming_the_field() {
    let bundle = bundle(&[]);
    let (mut wrong, mut tried) = (Vec::new(), 0);
    for (operation, schema) in bodies(&bundle) {
        let body = valid(&schema, &schema, Optional::All).new_tree(&mut runner()).expect("a body").current();
        for mutation in mutations(&body, &schema) {
            let (reason, fields) = judged(&bundle, &operation, &mutation.body);
            let expected =
                if mutation.what == "case-changed name" { Reason::AmbiguousJson } else { Reason::SchemaViolation };
            if reason != Some(expected) || !fields.contains(&mutation.field) {
                let (id, version) = (&operation.id, &operation.api_version);
                wrong.push(format!("{id} of {version}: {} `{}`: {reason:?} {fields:?}", mutation.what, mutation.field));
            }
            tried += 1;
        }
    }
    assert!(tried > 7_000, "{tried} mutations");
    assert!(wrong.is_empty(), "{} of {tried}:\n{}", wrong.len(), wrong.join("\n"));
}
