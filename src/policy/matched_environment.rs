//! The environments that a rule matches: those of credentials, and those that configurations name.

use crate::contract::credential::Environment;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

/// An environment that a rule matches.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Deserialize)]
#[serde(from = "String")]
pub enum MatchedEnvironment {
    /// That of the credential, whatever the configuration names the environment.
    OfCredential(Environment),
    /// One that the configuration names.
    Named(Arc<str>),
}

impl MatchedEnvironment {
    /// Those that each gateway has.
    pub const OF_CREDENTIALS: [Self; 2] =
        [Self::OfCredential(Environment::Production), Self::OfCredential(Environment::Development)];

    /// What policies write for it.
    pub fn as_str(&self) -> &str {
        match self {
            Self::OfCredential(environment) => environment.as_str(),
            Self::Named(name) => name,
        }
    }
}

impl From<String> for MatchedEnvironment {
    fn from(written: String) -> Self {
        let known = Self::OF_CREDENTIALS.into_iter().find(|known| known.as_str() == written);
        known.unwrap_or_else(|| Self::Named(written.into()))
    }
}

impl fmt::Display for MatchedEnvironment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl JsonSchema for MatchedEnvironment {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Environment".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string" })
    }
}
