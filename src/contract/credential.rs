//! What the `Authorization` header reveals about a request. The credential itself is never stored.

use std::fmt;

/// Which of the organisation's Clerk instances a request is for.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Deserialize, serde::Serialize, schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Environment {
    /// A development instance: its secret keys start with `sk_test_`.
    Development,
    /// Any other credential: an unusual spelling must not switch off the policies for production.
    Production,
}

impl Environment {
    /// The value in policies, logs and spans.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Development => "development",
            Self::Production => "production",
        }
    }
}

impl fmt::Display for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The kind of credential in a request. Apart from a keyed fingerprint, only this appears in logs, spans and metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyClass {
    /// `Bearer sk_test_...`, the secret key of a development instance.
    Test,
    /// `Bearer sk_live_...`, the secret key of a production instance.
    Live,
    /// A credential of another shape, such as a machine or API key.
    Other,
    /// No credential.
    None,
}

impl KeyClass {
    /// Every kind, for metrics that exist from the start.
    pub const ALL: [Self; 4] = [Self::Test, Self::Live, Self::Other, Self::None];

    /// Classifies the value of an `Authorization` header. A key must be exactly `Bearer`, one space and the key.
    pub fn of(authorization: Option<&[u8]>) -> Self {
        let Some(value) = authorization else { return Self::None };
        // RFC 9110 section 11.1 allows other spellings of the scheme, but what Clerk makes of them is not known: they are
        // `Other`, which is production. So is a list of two credentials, of which another server could use the second
        let is_key = |rest: &[u8]| rest.iter().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(byte));
        match (value.strip_prefix(b"Bearer sk_test_"), value.strip_prefix(b"Bearer sk_live_")) {
            (Some(rest), _) if is_key(rest) => Self::Test,
            (_, Some(rest)) if is_key(rest) => Self::Live,
            _ => Self::Other,
        }
    }

    /// The value in logs, spans and metrics: the prefix of the key, or `other` or `none`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Test => "sk_test",
            Self::Live => "sk_live",
            Self::Other => "other",
            Self::None => "none",
        }
    }

    /// The environment of the credential: production unless it is exactly a test key.
    pub const fn environment(self) -> Environment {
        match self {
            Self::Test => Environment::Development,
            Self::Live | Self::Other | Self::None => Environment::Production,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Environment, KeyClass};

    #[test]
    fn anything_but_an_exact_test_key_is_production() {
        let test = KeyClass::of(Some(b"Bearer sk_test_a"));
        assert_eq!(test.environment(), Environment::Development);
        for other in [
            &b"bearer sk_test_a"[..],
            b"Bearer  sk_test_a",
            b"Basic sk_test_a",
            b"sk_test_a",
            b"Bearer sk_live_a",
            b"Bearer sk_test_a, Bearer sk_live_b",
            b"Bearer sk_test_a sk_live_b",
            b"",
        ] {
            assert_eq!(KeyClass::of(Some(other)).environment(), Environment::Production);
        }
        assert_eq!(KeyClass::of(None).environment(), Environment::Production);
    }
}
