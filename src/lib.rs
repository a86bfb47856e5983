//! Portcullis: a reverse-proxy policy gateway between backend services and Clerk's Backend API.
//!
//! Read the modules in the order a request meets them:
//!
//! | module | what it is for |
//! | --- | --- |
//! | [`server`] | accepts connections and hands each to a worker |
//! | [`head`] | a request's head as bytes: how its body is framed, or why the head is refused |
//! | [`gateway`] | the layers a request passes: observe, limit, admit, inspect, meter, forward; or refuse |
//! | [`upstream`] | keep-alive connections to the BAPI |
//! | `sandbox` | the stand-in for the BAPI, for the quickstart, demos and tests; behind the default feature `sandbox` |
//! | [`judge`] | from bytes to decision: the one pure function that everything calls |
//! | [`document`] | strict JSON: what it accepts has one meaning |
//! | [`contract`] | Clerk's operations, their routes and body schemas, by API version |
//! | [`cel`] | the expression language of policies: parser, type checker, evaluator |
//! | [`policy`] | the organisation's rules: CEL in the shape of Kubernetes admission policies |
//! | [`policy_test`] | cases written beside policies, and whether the judge decides them as expected |
//! | [`redact`] | the forms in which parts of a request may be shown |
//! | [`decision_log`] | the format of the decision log, which holds no value of a request |
//! | [`rollout`] | from shadow to enforce: counts a decision log by policy, and replays it with other policies |
//! | [`telemetry`] | one record a request, from which log line, metrics and spans are made |
//! | [`config`] | the configuration file, flags and environment |
//! | [`manifest`] | YAML files that people write, every mistake reported at once with its place |
//! | [`admin`] | health, readiness and metrics for operators |
//! | [`selftest`] | the corpus of attacks, sent to a running gateway |
//! | [`cli`] | the command line |
//! | [`peer`] | the client's identity and the local endpoint of a connection |
//! | [`transport`] | what bytes travel on, to clients and to the upstream |
//! | [`reason`], [`outcome`], [`secret`], [`diagnostic`] | words that all share |
#![forbid(unsafe_code)]

pub mod admin;
pub mod app;
pub mod cel;
pub mod cli;
pub mod config;
pub mod contract;
pub mod decision_log;
pub mod diagnostic;
pub mod document;
pub mod gateway;
pub mod head;
pub mod judge;
pub mod manifest;
pub mod outcome;
pub mod peer;
pub mod policy;
pub mod policy_test;
pub mod reason;
pub mod redact;
pub mod rollout;
#[cfg(feature = "sandbox")]
pub mod sandbox;
pub mod secret;
pub mod selftest;
pub mod server;
mod suggest;
pub mod telemetry;
pub mod transport;
pub mod upstream;
