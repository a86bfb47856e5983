//! Logs, metrics, traces and the decision log, as operators and collectors receive them.

mod collector_interim_responses;
mod collector_proxy;
mod collector_responses;
pub(crate) mod dashboards;
mod decision_log;
mod logs;
mod otlp_metrics_and_logs;
mod process;
pub(crate) mod span_tree;
mod trace_export;
