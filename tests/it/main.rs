//! The one integration-test binary.

#[cfg(test)]
mod config_errors;
#[cfg(test)]
mod embedded;
#[cfg(test)]
mod support;
