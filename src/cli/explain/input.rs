//! The request to explain, as it would reach the gateway, from whatever a person has of it.

use super::args::ExplainArgs;
use super::{curl, http_message};
use crate::cli::client_facts::client;
use crate::cli::exit::CommandError;
use crate::config::gateway::Gateway;
use crate::head::HeadDefect;
use crate::peer::Client;
use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HOST};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri};
use std::io::{ErrorKind, Read};
use std::path::Path;

/// The request to explain.
#[derive(Debug)]
pub(super) struct ExplainInput {
    pub(super) request: Request<Bytes>,
    pub(super) client: Client,
    /// What a person should know of how it was read.
    pub(super) notes: Vec<&'static str>,
}

impl ExplainInput {
    /// The request that the arguments give.
    pub(super) fn of(args: &ExplainArgs, gateway: &Gateway) -> Result<Self, CommandError> {
        let (request, notes) = match (&args.http, &args.curl) {
            (Some(file), _) => {
                (http_message::request(&read(file, "--http")?, gateway.limits.header_bytes)?, Vec::new())
            }
            (_, Some(command)) => curl::request(command)?,
            (None, None) => (flags(args)?, Vec::new()),
        };
        let (request, note) = cut_to_content_length(request)?;
        Ok(Self { request, client: client(&args.client)?, notes: notes.into_iter().chain(note).collect() })
    }
}

/// The request that `--path` and its like describe.
fn flags(args: &ExplainArgs) -> Result<Request<Bytes>, CommandError> {
    let path = args.path.as_deref().unwrap_or_default();
    let body = match (&args.body, &args.body_file) {
        (Some(body), _) => Bytes::from(body.clone()),
        (None, Some(file)) => read(file, "--body-file")?.into(),
        (None, None) => Bytes::new(),
    };
    let method = args.method.as_str();
    let method = Method::try_from(method).map_err(|_| CommandError::Usage("`--method` is not a method".to_owned()))?;
    let no_path = || CommandError::Usage("`--path` is not a path, such as /v1/users/user_1".to_owned());
    let path: Uri = path.parse().map_err(|_| no_path())?;
    // `*` and `host:port` are valid request targets, too
    if !path.path().starts_with('/') {
        return Err(no_path());
    }
    let mut request = Request::new(body);
    (*request.method_mut(), *request.uri_mut()) = (method, path);
    for header in &args.headers {
        let (name, value) = header_of(header).ok_or_else(|| CommandError::Usage(NO_HEADER.to_owned()))?;
        // not `insert`: a header that is sent twice is a case to explain
        request.headers_mut().append(name, value);
    }
    let has_body = !request.body().is_empty();
    complete(request.headers_mut(), has_body);
    Ok(request)
}

const NO_HEADER: &str = "`--header` is not `Name: value`";

/// Parses `Name: value`, with any blanks around both; `None` if either is invalid in HTTP.
pub(super) fn header_of(text: &str) -> Option<(HeaderName, HeaderValue)> {
    let (name, value) = text.split_once(':')?;
    Some((HeaderName::try_from(name.trim()).ok()?, HeaderValue::try_from(value.trim()).ok()?))
}

/// The request as the gateway reads it: its body ends where a given `Content-Length` ends it.
fn cut_to_content_length(mut request: Request<Bytes>) -> Result<(Request<Bytes>, Option<&'static str>), CommandError> {
    let mut lengths = request.headers().get_all(CONTENT_LENGTH).iter();
    // of two, the gateway reads neither
    let (Some(length), None) = (lengths.next(), lengths.next()) else { return Ok((request, None)) };
    // digits only: `parse` would accept `+5`, which no gateway should
    let length = length.to_str().ok().filter(|text| text.bytes().all(|digit| digit.is_ascii_digit()));
    let Some(length) = length.and_then(|text| text.parse::<usize>().ok()) else {
        return Err(CommandError::Usage("`Content-Length` is not a number of bytes".to_owned()));
    };
    let body = request.body_mut();
    if length > body.len() {
        let error = "the body is shorter than its `Content-Length`: the gateway would wait for the rest of it";
        return Err(CommandError::Usage(error.to_owned()));
    }
    let is_cut = length < body.len();
    body.truncate(length);
    let note = "the body ends by its `Content-Length`; the gateway would read what follows as the next request";
    Ok((request, is_cut.then_some(note)))
}

/// Adds the headers that every client sends and a description of a request leaves out.
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

/// What the file that `given` names holds, or standard input for `-`.
pub(super) fn read(file: &Path, given: &str) -> Result<Vec<u8>, CommandError> {
    let mut bytes = Vec::new();
    let bound = MOST_BYTES as u64 + 1;
    let read = if file.as_os_str() == "-" {
        std::io::stdin().lock().take(bound).read_to_end(&mut bytes)
    } else {
        std::fs::File::open(file).and_then(|file| file.take(bound).read_to_end(&mut bytes))
    };
    match read {
        // a device such as `/dev/zero` has no end
        Ok(length) if length > MOST_BYTES => Err(CommandError::Usage(format!(
            "`{given}`: `{}` is longer than {} MiB, which no request to explain is",
            file.display(),
            MOST_BYTES >> 20
        ))),
        Ok(_) => Ok(bytes),
        Err(error) => Err(unreadable(file, given, &error)),
    }
}

/// Most bytes that are read of a file or of standard input. The default of `limits.bodyBytes` is 256 KiB.
pub(super) const MOST_BYTES: usize = 16 << 20;

/// A file that `given` names cannot be read.
pub(super) fn unreadable(file: &Path, given: &str, error: &std::io::Error) -> CommandError {
    let why = match error.kind() {
        ErrorKind::NotFound => "there is no such file".to_owned(),
        _ => error.to_string(),
    };
    CommandError::Usage(format!("`{given}`: `{}` cannot be read: {why}", file.display()))
}
