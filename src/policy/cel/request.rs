//! `request`, `client` and `instance` as CEL sees them.

use super::json::{name, no_such_key};
use crate::contract::query_pairs;
use crate::policy::{Attributes, Client};
use cel::ExecutionError;
use cel::common::traits::{Container, Indexer};
use cel::common::types::{CelInt, CelList, CelNull, CelString, CelTimestamp, MAP_TYPE, Type};
use cel::common::value::{CowVal, Val};
use http::HeaderMap;
use std::fmt;

/// Names under which policies reach what is not the body. Whatever is not listed is an error when a policy is loaded.
pub(in crate::policy) const MEMBERS: [(&str, &[&str]); 3] = [
    ("request", &["method", "path", "operation", "apiVersion", "params", "query", "headers", "time"]),
    ("client", &["ip", "unixUid", "spiffeId", "dnsNames", "certSha256"]),
    ("instance", &["environment"]),
];

/// Headers that hold credentials: policies cannot read them, so that no rule can tell them to anyone.
const CREDENTIALS: [&str; 4] = ["authorization", "proxy-authorization", "cookie", "set-cookie"];

/// A part of the request that has members.
#[derive(Clone, Copy)]
pub(super) enum Facts<'a> {
    Request { attributes: &'a Attributes<'a>, operation: &'a str, api_version: &'a str },
    Client(&'a Attributes<'a>),
    Instance(&'a Attributes<'a>),
    Parameters(&'a [(Box<str>, Box<str>)]),
    Query(&'a str),
    Headers(&'a HeaderMap),
}

impl<'a> Facts<'a> {
    /// The member called `name`. Absent parameters and headers read as `null`.
    fn member(self, name: &str) -> Result<Box<dyn Val + 'a>, ExecutionError> {
        Ok(match (self, name) {
            (Self::Request { attributes, operation, api_version }, _) => match name {
                "method" => string(attributes.method),
                "path" => string(attributes.path),
                "operation" => string(operation),
                "apiVersion" => string(api_version),
                "params" => Box::new(Self::Parameters(attributes.parameters)),
                "query" => Box::new(Self::Query(attributes.query)),
                "headers" => Box::new(Self::Headers(attributes.headers)),
                "time" => Box::new(timestamp(attributes)),
                _ => return Err(no_such_key()),
            },
            (Self::Client(attributes), _) => return of_client(attributes.client, name),
            (Self::Instance(attributes), "environment") => string(attributes.environment.as_str()),
            (Self::Instance(_), _) => return Err(no_such_key()),
            (Self::Parameters(_) | Self::Query(_) | Self::Headers(_), _) => {
                self.text(name).map_or_else(null, |text| Box::new(CelString::from(text)))
            }
        })
    }

    /// The text of a path parameter, query parameter or header.
    fn text(self, name: &str) -> Option<String> {
        match self {
            Self::Parameters(pairs) => {
                pairs.iter().find(|(known, _)| **known == *name).map(|(_, value)| value.to_string())
            }
            Self::Query(query) => {
                query_pairs(query).find(|(known, _)| known == name).map(|(_, value)| value.into_owned())
            }
            Self::Headers(headers) => {
                let name = name.to_ascii_lowercase();
                if CREDENTIALS.contains(&name.as_str()) || !headers.contains_key(name.as_str()) {
                    return None;
                }
                let values =
                    headers.get_all(name.as_str()).iter().map(|value| String::from_utf8_lossy(value.as_bytes()));
                Some(values.collect::<Vec<_>>().join(", "))
            }
            Self::Request { .. } | Self::Client(_) | Self::Instance(_) => None,
        }
    }
}

/// A member of `client`. What the connection does not tell reads as `null`; no certificate has no names.
fn of_client<'a>(client: &'a Client, name: &str) -> Result<Box<dyn Val + 'a>, ExecutionError> {
    let certificate = client.certificate.as_ref();
    Ok(match name {
        "ip" => client.address.map_or_else(null, |address| Box::new(CelString::from(address.ip().to_string()))),
        "unixUid" => client.unix_uid.map_or_else(null, |uid| Box::new(CelInt::from(i64::from(uid)))),
        "spiffeId" => certificate.and_then(|certificate| certificate.spiffe_id.as_deref()).map_or_else(null, string),
        "certSha256" => certificate.map_or_else(null, |certificate| string(&certificate.sha256)),
        "dnsNames" => {
            let names = certificate.map(|certificate| certificate.dns_names.as_slice()).unwrap_or_default();
            let names: Vec<Box<dyn Val + 'a>> = names.iter().map(|name| string(name)).collect();
            Box::new(CelList::from(names))
        }
        _ => return Err(no_such_key()),
    })
}

fn string<'a>(text: &'a str) -> Box<dyn Val + 'a> {
    Box::new(CelString::from(text))
}

fn null<'a>() -> Box<dyn Val + 'a> {
    Box::new(CelNull)
}

fn timestamp(attributes: &Attributes<'_>) -> CelTimestamp {
    CelTimestamp::from(chrono::DateTime::<chrono::Utc>::from(attributes.time).fixed_offset())
}

impl fmt::Debug for Facts<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{..}")
    }
}

impl Val for Facts<'_> {
    fn get_type(&self) -> &Type {
        &MAP_TYPE
    }

    fn cel_type() -> &'static Type {
        &MAP_TYPE
    }

    fn as_container(&self) -> Option<&dyn Container> {
        Some(self)
    }

    fn as_indexer<'b, 'v>(&'b self) -> Option<&'b (dyn Indexer + 'v)>
    where
        Self: 'v,
    {
        Some(self)
    }

    fn clone_as_boxed<'v>(&self) -> Box<dyn Val + 'v>
    where
        Self: 'v,
    {
        Box::new(*self)
    }
}

impl Indexer for Facts<'_> {
    fn get<'b, 'v>(&'b self, key: &dyn Val) -> Result<CowVal<'b, 'v>, ExecutionError>
    where
        Self: 'v,
    {
        self.member(name(key)?).map(CowVal::Owned)
    }

    fn steal<'v>(self: Box<Self>, key: &dyn Val) -> Result<Box<dyn Val + 'v>, ExecutionError>
    where
        Self: 'v,
    {
        self.get(key).map(CowVal::into_owned)
    }
}

impl Container for Facts<'_> {
    fn contains(&self, wanted: &dyn Val) -> Result<bool, ExecutionError> {
        let name = name(wanted)?;
        Ok(match self {
            Self::Parameters(_) | Self::Query(_) | Self::Headers(_) => self.text(name).is_some(),
            Self::Request { .. } | Self::Client(_) | Self::Instance(_) => self.member(name).is_ok(),
        })
    }
}
