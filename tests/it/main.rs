//! The one integration-test binary.

#[cfg(test)]
mod config_errors;
#[cfg(test)]
mod embedded;
#[cfg(test)]
mod server;
#[cfg(test)]
mod support;
#[cfg(test)]
mod tidy;
#[cfg(test)]
mod upstream;
#[cfg(test)]
mod upstream_tls;
