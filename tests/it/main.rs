//! The one integration-test binary.
//!
//! Each module says `cfg(test)`, though all is test here, because that is how clippy knows that it may `expect`.

#[cfg(test)]
mod admin;
#[cfg(test)]
mod attempts;
#[cfg(test)]
mod canary;
#[cfg(test)]
mod cli;
#[cfg(test)]
mod config_errors;
#[cfg(test)]
mod contract;
#[cfg(test)]
mod decision_log;
#[cfg(test)]
mod decisions;
#[cfg(test)]
mod embedded;
#[cfg(test)]
mod explain;
#[cfg(test)]
mod first_use;
#[cfg(test)]
mod forwarding;
#[cfg(test)]
mod heads;
#[cfg(test)]
mod http2;
#[cfg(test)]
mod http2_frames;
#[cfg(test)]
mod kinds;
#[cfg(test)]
mod life;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod listeners;
#[cfg(test)]
mod logs;
#[cfg(test)]
mod policy_schemas;
#[cfg(test)]
mod policy_tests;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod readme;
#[cfg(test)]
mod refusals;
#[cfg(test)]
mod request_limits;
#[cfg(test)]
mod rollout;
#[cfg(test)]
mod schemas;
#[cfg(test)]
mod selftest;
#[cfg(test)]
mod server;
#[cfg(test)]
mod shadow;
#[cfg(test)]
mod shadowed;
#[cfg(test)]
mod siblings;
#[cfg(test)]
mod signals;
#[cfg(test)]
mod span_tree;
#[cfg(test)]
mod support;
#[cfg(test)]
mod tail;
#[cfg(test)]
mod tidy;
#[cfg(test)]
mod traces;
#[cfg(test)]
mod upstream;
#[cfg(test)]
mod upstream_http2;
#[cfg(test)]
mod upstream_tls;
#[cfg(test)]
mod waivers;
#[cfg(test)]
mod watching;
