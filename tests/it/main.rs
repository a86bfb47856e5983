//! The one integration-test binary.

#[cfg(test)]
mod admin;
#[cfg(test)]
mod support;
#[cfg(test)]
mod traces;
