//! Portcullis: a reverse-proxy policy gateway between backend services and Clerk's Backend API.
//!
//! # In your own program
//!
//! The gateway is a program. What it enforces is also a library, in two forms:
//!
//! - [`PolicyLayer`](gateway::PolicyLayer), a tower layer that refuses what the rules refuse and passes on the rest. It is made
//!   of a [`Gate`](gateway::Gate): a [`Bundle`](judge::Bundle) and [`Limits`](config::gateway::Limits). It takes the
//!   [`Client`](peer::Client) of a request from its extensions, and gives an observer the
//!   [`RequestRecord`](telemetry::record::RequestRecord) of each. `examples/embed.rs` puts it in front of an axum handler.
//! - [`decide`](judge::decide), a pure function from the bytes of a body to a decision, for a service that has a server of its
//!   own. `examples/judge.rs` judges two bodies.
//!
//! Both need a bundle: policies, compiled against a [`Contract`](contract::Contract). A program reads its policy files itself, as
//! here, or has [`Configuration`](app::Configuration) and [`load_bundle`](app::load_bundle) read them as `portcullis run` does.
//!
//! ```
//! use portcullis::contract::Contract;
//! use portcullis::contract::strictness::Strictness;
//! use portcullis::judge::{Bundle, PolicyText};
//!
//! let text = include_str!("../policies/no-skip-password-checks.yaml").to_owned();
//! let policy = PolicyText { file: "no-skip-password-checks.yaml".into(), text };
//! let bundle = Bundle::compile(Contract::built_in("2026-05-12")?, &[policy], Strictness::default())?;
//! assert_eq!(bundle.policies.all().len(), 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The modules with a link below are for such programs. The others are public for the program, its tests and its benchmarks, do
//! not appear in this documentation, and may change in any version.
//!
//! # The modules
//!
//! In the order in which a request meets them:
//!
//! | module | what it is for |
//! | --- | --- |
//! | `cli` | the command line: a file for each command, and everything that is printed |
//! | [`app`] | from a configuration file to a running gateway: loading, listeners, signals, reload |
//! | [`config`] | the configuration file, flags and environment |
//! | `manifest` | YAML files that people write, every error reported at once with its place |
//! | `server` | accepts connections and hands each to a worker; TLS, drain |
//! | `head` | a request's head as bytes: how its body is framed, or why the head is refused |
//! | [`gateway`] | the layers a request passes: observe, limit, admit, inspect, meter, forward; or refuse |
//! | [`judge`] | from bytes to decision: the one pure function that everything calls |
//! | `document` | strict JSON: what it accepts has one meaning |
//! | [`contract`] | Clerk's operations, their routes and body schemas, by API version |
//! | [`policy`] | the organisation's rules: CEL in the shape of Kubernetes admission policies |
//! | `cel` | the expression language of policies: parser, type checker, evaluator |
//! | `upstream` | keep-alive connections to the BAPI |
//! | `sandbox` | the stand-in for the BAPI, for the quickstart, demos and tests; behind the default feature `sandbox` |
//! | `redact` | the forms in which parts of a request may be shown |
//! | [`telemetry`] | one record a request, from which log line, metrics and spans are made |
//! | `decision_log` | the format of the decision log, which holds no value of a request |
//! | `rollout` | from shadow to enforce: counts a decision log by policy, and replays it with other policies |
//! | `policy_test` | cases written beside policies, and whether the judge decides them as expected |
//! | `policy_proof` | whether a change of policies is stricter or looser, shown by a request or proven |
//! | `selftest` | the corpus of attacks, sent to a running gateway |
//! | `language_server` | `portcullis check` and more in an editor, by the Language Server Protocol |
//! | `admin` | health, readiness and metrics for operators |
//! | `budget` | what clients can hold: connections, requests and memory, with a share for each client |
//! | [`peer`] | the client's identity and the local endpoint of a connection |
//! | `transport` | what bytes travel on, to clients and to the upstream |
//! | `files` | reads files that are being replaced: all of one version |
//! | [`reason`], [`outcome`] | why a request was refused, and how it ended: closed lists for logs, metrics and spans |
//! | [`diagnostic`] | an error or a warning at a place in a file, with its fix |
//! | `secret`, `suggest`, `decimal` | a value that no log can show; the one did-you-mean; numbers by their digits |
#![forbid(unsafe_code)]

#[doc(hidden)]
pub mod admin;
pub mod app;
#[doc(hidden)]
pub mod budget;
#[doc(hidden)]
pub mod cel;
#[doc(hidden)]
pub mod cli;
pub mod config;
pub mod contract;
mod decimal;
#[doc(hidden)]
pub mod decision_log;
pub mod diagnostic;
#[doc(hidden)]
pub mod document;
#[doc(hidden)]
pub mod files;
pub mod gateway;
#[doc(hidden)]
pub mod head;
pub mod judge;
#[doc(hidden)]
pub mod language_server;
#[doc(hidden)]
pub mod manifest;
pub mod outcome;
pub mod peer;
pub mod policy;
#[doc(hidden)]
pub mod policy_proof;
#[doc(hidden)]
pub mod policy_test;
pub mod reason;
#[doc(hidden)]
pub mod redact;
#[doc(hidden)]
pub mod rollout;
#[cfg(feature = "sandbox")]
#[doc(hidden)]
pub mod sandbox;
#[doc(hidden)]
pub mod secret;
#[doc(hidden)]
pub mod selftest;
#[doc(hidden)]
pub mod server;
mod suggest;
pub mod telemetry;
#[doc(hidden)]
pub mod transport;
#[doc(hidden)]
pub mod upstream;
