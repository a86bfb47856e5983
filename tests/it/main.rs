//! The one integration-test binary.
//!
//! Each module says `cfg(test)`, though all is test here, because that is how clippy knows that it may `expect`.

#[cfg(test)]
mod admin;
#[cfg(test)]
mod app;
#[cfg(test)]
mod cli;
#[cfg(test)]
mod config;
#[cfg(test)]
mod contract;
#[cfg(test)]
mod gateway;
#[cfg(test)]
mod policy;
#[cfg(test)]
mod repo;
#[cfg(test)]
mod sandbox;
#[cfg(test)]
mod security;
#[cfg(test)]
mod server;
#[cfg(test)]
mod support;
#[cfg(test)]
mod telemetry;
#[cfg(test)]
mod upstream;
