//! The request to explain, as it would reach the gateway, from whatever a person has of it.

use super::args::ExplainArgs;
use super::{curl, raw};
use crate::cli::Failure;
use crate::cli::client_facts::client;
use crate::config::gateway::Gateway;
use crate::gateway::HeadDefect;
use crate::policy::Client;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST};
use http::{HeaderMap, HeaderName, HeaderValue, Request};
use std::io::Read;
use std::path::Path;

/// The request to explain.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) request: Request<Bytes>,
    pub(super) client: Client,
    /// What a person should know of how it was read.
    pub(super) notes: Vec<&'static str>,
}

impl Asked {
    /// The request that the arguments give.
    pub(super) fn of(args: &ExplainArgs, gateway: &Gateway) -> Result<Self, Failure> {
        let (request, notes) = match (&args.http, &args.curl) {
            (Some(file), _) => (raw::request(&read(file, "the request")?, gateway.limits.header_bytes)?, Vec::new()),
            (_, Some(command)) => curl::request(command)?,
            (None, None) => (flags(args)?, Vec::new()),
        };
        Ok(Self { request, client: client(&args.client)?, notes })
    }
}

/// The request that `--path` and its like describe.
fn flags(args: &ExplainArgs) -> Result<Request<Bytes>, Failure> {
    let path = args.path.as_deref().unwrap_or_default();
    let body = match (&args.body, &args.body_file) {
        (Some(body), _) => Bytes::from(body.clone()),
        (None, Some(file)) => read(file, "the body")?.into(),
        (None, None) => Bytes::new(),
    };
    let method = args.method.as_str();
    let mut request = Request::builder().method(method).uri(path).body(body).map_err(|_| {
        Failure::Usage("`--path` is not a path, such as /v1/users/user_1, or `--method` no method".to_owned())
    })?;
    for header in &args.headers {
        let (name, value) = header_of(header).ok_or_else(|| Failure::Usage(NO_HEADER.to_owned()))?;
        request.headers_mut().append(name, value);
    }
    let has_body = !request.body().is_empty();
    complete(request.headers_mut(), has_body);
    Ok(request)
}

const NO_HEADER: &str = "`--header` is not `Name: value`";

/// The header that `text` is, as `Name: value`.
pub(super) fn header_of(text: &str) -> Option<(HeaderName, HeaderValue)> {
    let (name, value) = text.split_once(':')?;
    Some((HeaderName::try_from(name.trim()).ok()?, HeaderValue::try_from(value.trim()).ok()?))
}

/// Adds what every client sends, and nobody who describes a request cares for.
fn complete(headers: &mut HeaderMap, has_body: bool) {
    headers.entry(HOST).or_insert(HeaderValue::from_static("localhost"));
    if has_body {
        headers.entry(CONTENT_TYPE).or_insert(HeaderValue::from_static("application/json"));
    }
}

/// A request of which only this is known, as the server hands it on.
pub(super) fn defective(defect: HeadDefect) -> Request<Bytes> {
    let mut request = Request::new(Bytes::new());
    request.extensions_mut().insert(defect);
    request
}

/// What a file holds, or standard input for `-`.
pub(super) fn read(file: &Path, what: &str) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let read = if file.as_os_str() == "-" {
        std::io::stdin().lock().read_to_end(&mut bytes).map(|_| bytes)
    } else {
        std::fs::read(file)
    };
    read.map_err(|error| Failure::Trouble(format!("{what} cannot be read: {error}")))
}
