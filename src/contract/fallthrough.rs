//! What happens to requests that are not for an operation of the contract, and how logs show their paths.

use super::Contract;
use std::fmt::Write;

/// What happens to a request that is not for an operation of the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Fallthrough {
    /// With a safe method.
    pub reads: ReadFallthrough,
    /// With any other method.
    pub writes: WriteFallthrough,
}

/// What happens to a read that is not for an operation of the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ReadFallthrough {
    /// It is forwarded as it came.
    Forward,
    /// It is refused.
    Deny,
}

/// What happens to a write that is not for an operation of the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum WriteFallthrough {
    /// It is forwarded as it came.
    Forward,
    /// It is forwarded as it came; logs, metrics and traces show it as audited.
    Audit,
    /// It is refused.
    Deny,
}

impl Default for Fallthrough {
    /// The SDKs fetch keys, lists and more through the gateway, which harms nothing. A write that no rule knows may do any
    /// harm.
    fn default() -> Self {
        Self { reads: ReadFallthrough::Forward, writes: WriteFallthrough::Deny }
    }
}

impl Fallthrough {
    /// All requests are forwarded.
    pub const FORWARD: Self = Self { reads: ReadFallthrough::Forward, writes: WriteFallthrough::Forward };
    /// All requests are refused.
    pub const DENY: Self = Self { reads: ReadFallthrough::Deny, writes: WriteFallthrough::Deny };

    /// What happens to a request with `method`, of the kinds that there are for a write.
    pub fn of(self, method: &str) -> WriteFallthrough {
        match self.reads {
            _ if !is_safe(method) => self.writes,
            ReadFallthrough::Forward => WriteFallthrough::Forward,
            ReadFallthrough::Deny => WriteFallthrough::Deny,
        }
    }
}

/// Whether a method changes no state (RFC 9110 section 9.2.1).
pub fn is_safe(method: &str) -> bool {
    matches!(method, "GET" | "HEAD" | "OPTIONS")
}

impl Contract {
    /// The shape of a path that the contract does not have, for logs: the segments that are words of the contract. Any other could be
    /// an id or a secret, however it is spelled, and is `*`.
    pub fn path_shape(&self, path: &str) -> String {
        // what follows is of no use to an operator, and a path may have thousands
        const MOST_SEGMENTS: usize = 8;
        // hashing what is longer than any word would be work that a client chooses
        const LONGEST_WORD: usize = 64;
        let is_known = |segment: &str| segment.len() <= LONGEST_WORD && self.words.contains(segment);
        let mut shape = String::new();
        for segment in path.split('/').skip(1).take(MOST_SEGMENTS) {
            // writing to a `String` cannot fail
            let _ = write!(shape, "/{}", if is_known(segment) { segment } else { "*" });
        }
        shape
    }
}

#[cfg(test)]
mod tests {
    use super::{Fallthrough, ReadFallthrough, WriteFallthrough};
    use crate::contract::Contract;

    #[test]
    fn a_write_is_any_method_that_is_not_safe() {
        let mixed = Fallthrough { reads: ReadFallthrough::Forward, writes: WriteFallthrough::Audit };
        for (method, expected) in [
            ("GET", WriteFallthrough::Forward),
            ("HEAD", WriteFallthrough::Forward),
            ("OPTIONS", WriteFallthrough::Forward),
            ("POST", WriteFallthrough::Audit),
            ("PURGE", WriteFallthrough::Audit),
        ] {
            assert_eq!(mixed.of(method), expected, "{method}");
            assert_eq!(Fallthrough::DENY.of(method), WriteFallthrough::Deny);
        }
    }

    #[test]
    fn a_shape_has_words_of_the_contract_only() {
        let contract = Contract::built_in("2026-05-12").expect("the built-in contract is valid");
        for (path, expected) in [
            ("/v1/users/user_2abC/ban", "/v1/users/*/ban"),
            ("/v1/users/user_2abC/notes", "/v1/users/*/*"),
            ("/v1/users/ada", "/v1/users/*"),
            ("/v1/hunter", "/v1/*"),
            ("/v1/shares/a@b.example/users", "/v1/*/*/users"),
            ("/v1/8f14e45f", "/v1/*"),
            ("/", "/*"),
            ("/a/a/a/a/a/a/a/a/a/a", "/*/*/*/*/*/*/*/*"),
            ("/%75sers", "/*"),
        ] {
            assert_eq!(contract.path_shape(path), expected, "{path}");
        }
    }
}
