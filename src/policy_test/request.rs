//! Compiles the request of a case.

use super::source::{ClientSource, InstanceSource, RequestSource};
use crate::cel::CelTimestamp;
use crate::contract::credential::Environment;
use crate::contract::{Contract, requested_version};
use crate::diagnostic::Diagnostic;
use crate::manifest::Source;
use crate::peer::{Client, ClientCertificate};
use crate::policy::Instance;
use crate::redact::Fingerprint;
use crate::suggest::nearest;
use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName, HeaderValue, Uri};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use std::borrow::Cow;
use std::sync::Arc;
use std::time::SystemTime;

/// The time of requests that have none. Fixed, so that a test gives the same result on every day.
pub(super) const TIME: &str = "2026-01-01T00:00:00Z";
/// The header that selects the API version.
const VERSION: &str = "clerk-api-version";

/// The request of a case.
#[derive(Clone, Debug)]
pub(crate) struct TestRequest {
    pub(crate) method: String,
    pub(crate) uri: Uri,
    /// The API version that it asks for.
    pub(crate) version: Option<String>,
    pub(crate) headers: HeaderMap,
    pub(crate) environment: Environment,
    pub(crate) key_fingerprint: Option<Fingerprint>,
    pub(crate) instance: Instance,
    pub(crate) client: Client,
    pub(crate) time: SystemTime,
    pub(crate) body: Bytes,
}

/// The file of the requests, and their defaults.
pub(super) struct FileContext<'w> {
    pub(super) source: &'w Source,
    pub(super) contract: &'w Contract,
    /// The API version of requests that ask for none.
    pub(super) api_version: Option<&'w str>,
}

/// Compiles the request at `pointer` of a file. `default_time` is its time if it has none, and there is a better one than the
/// fixed one.
///
/// # Errors
///
/// Returns every error in the request, each with its place.
pub(super) fn request(
    file: &FileContext<'_>,
    written: &RequestSource,
    default_time: Option<SystemTime>,
    pointer: &str,
) -> Result<TestRequest, Vec<Diagnostic>> {
    let source = file.source;
    let mut errors = Vec::new();
    let headers = headers(written, source, pointer).map_err(|found| errors.extend(found));
    let target = target(written, source, pointer, file.contract).map_err(|error| errors.push(error));
    let time = time(written, default_time, source, pointer).map_err(|error| errors.push(error));
    let fingerprint = fingerprint(written, source, pointer).map_err(|error| errors.push(error));
    let (Ok(mut headers), Ok((method, uri)), Ok(time), Ok(key_fingerprint)) = (headers, target, time, fingerprint)
    else {
        return Err(errors);
    };
    // Resolved as the gateway does it, so that the contract and the policies see the same version.
    let version = version(&mut headers, &uri, file.api_version);
    let version = version.map_err(|message| vec![source.at_key(pointer, message)])?;
    Ok(TestRequest {
        method,
        uri,
        version,
        headers,
        // As in the gateway, where a request without a key of development is judged as production.
        environment: written.environment.unwrap_or(Environment::Production),
        key_fingerprint,
        instance: instance(&written.instance),
        client: client(&written.client),
        time,
        body: written.body.as_ref().map(|body| Bytes::from(body.to_string())).unwrap_or_default(),
    })
}

/// The API version that the request asks for. The default is added as a header, as a client would send it.
fn version(headers: &mut HeaderMap, uri: &Uri, default: Option<&str>) -> Result<Option<String>, String> {
    let asked = headers.get(VERSION).and_then(|value| value.to_str().ok());
    let asked = requested_version(asked, uri.query()).map_err(|error| error.to_string())?.map(Cow::into_owned);
    match (asked, default) {
        (None, Some(default)) => {
            let value = HeaderValue::try_from(default).map_err(|_| "`clerkApiVersion` is not a version".to_owned())?;
            headers.insert(VERSION, value);
            Ok(Some(default.to_owned()))
        }
        (asked, _) => Ok(asked),
    }
}

/// The method and the target, given or taken from the operation.
fn target(
    written: &RequestSource,
    source: &Source,
    pointer: &str,
    contract: &Contract,
) -> Result<(String, Uri), Diagnostic> {
    let (method, uri) = target_without_query(written, source, pointer, contract)?;
    let pairs = written.query.iter().flat_map(|(name, value)| value.texts().into_iter().map(move |it| (name, it)));
    let query: Vec<_> = pairs.map(|(name, value)| format!("{}={}", encode(name), encode(&value))).collect();
    if query.is_empty() {
        return Ok((method, uri));
    }
    let sign = if uri.query().is_some() { '&' } else { '?' };
    let with_query = format!("{uri}{sign}{}", query.join("&")).parse();
    let wrong = |_| source.at_key(&format!("{pointer}/query"), "`query` is too long");
    Ok((method, with_query.map_err(wrong)?))
}

/// What is escaped in the query: all that has, or could have, a meaning in it.
const QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// `text` as a part of a target.
pub(crate) fn encode(text: &str) -> String {
    utf8_percent_encode(text, QUERY).to_string()
}

fn target_without_query(
    written: &RequestSource,
    source: &Source,
    pointer: &str,
    contract: &Contract,
) -> Result<(String, Uri), Diagnostic> {
    match (&written.operation, &written.method, &written.path) {
        (Some(id), None, None) => {
            let at = format!("{pointer}/operation");
            let Some(operation) = contract.newest_operation(id) else {
                let error = source.at(&at, format!("`{id}` is not an operation of the contract"));
                let known = contract.operation_ids().iter().map(AsRef::as_ref);
                return Err(match nearest(id, known) {
                    Some(meant) => error.with_help(format!("did you mean `{meant}`?")),
                    None => error,
                });
            };
            let uri = example(&operation.path).parse();
            let uri = uri.map_err(|_| source.at(&at, "`operation` has a path that is no target; write `path`"))?;
            Ok((operation.method.to_string(), uri))
        }
        (None, Some(method), Some(path)) => {
            let wrong = || source.at(&format!("{pointer}/path"), "`path` is not a path, such as /v1/users/user_1");
            let uri: Uri = path.parse().map_err(|_| wrong())?;
            if path.starts_with('/') { Ok((method.clone(), uri)) } else { Err(wrong()) }
        }
        _ => Err(source.at_key(pointer, "`request` needs `operation`, or `method` and `path`")),
    }
}

/// An example path of a template: `/v1/users/user_1` for `/v1/users/{user_id}`.
pub(crate) fn example(template: &str) -> String {
    let segments = template.split('/').map(|segment| {
        let name = segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
        name.map_or_else(|| segment.to_owned(), |name| format!("{}_1", name.trim_end_matches("_id")))
    });
    segments.collect::<Vec<_>>().join("/")
}

/// Help for a case with a key in `Authorization`.
//
// Policies never see the key itself, and a test file is no place for one.
const KEY_HELP: &str =
    "write `environment: development` for a key of the kind `sk_test_`, and `keyFingerprint` to identify it";

fn headers(written: &RequestSource, source: &Source, pointer: &str) -> Result<HeaderMap, Vec<Diagnostic>> {
    let (mut headers, mut errors) = (HeaderMap::new(), Vec::new());
    for (name, value) in &written.headers {
        let at = format!("{pointer}/headers/{}", name.replace('~', "~0").replace('/', "~1"));
        match (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            (Ok(name), Ok(_)) if name == AUTHORIZATION => {
                let message = "`Authorization` is ignored: policies do not see the key";
                errors.push(source.at_key(&at, message).with_help(KEY_HELP));
            }
            (Ok(name), Ok(_)) if headers.contains_key(&name) => {
                errors.push(source.at_key(&at, "this header is listed twice: names of headers have no case"));
            }
            (Ok(name), Ok(value)) => {
                headers.append(name, value);
            }
            (Err(_), _) => errors.push(source.at_key(&at, "the name is not valid for a header")),
            (_, Err(_)) => errors.push(source.at(&at, "the value is not valid for a header")),
        }
    }
    if errors.is_empty() { Ok(headers) } else { Err(errors) }
}

fn time(
    written: &RequestSource,
    default: Option<SystemTime>,
    source: &Source,
    pointer: &str,
) -> Result<SystemTime, Diagnostic> {
    if let (None, Some(default)) = (&written.time, default) {
        return Ok(default);
    }
    let time = CelTimestamp::parse(written.time.as_deref().unwrap_or(TIME)).ok();
    let wrong =
        || source.at(&format!("{pointer}/time"), "`time` is not a time since 1970, such as 2026-01-01T00:00:00Z");
    time.and_then(CelTimestamp::to_system_time).ok_or_else(wrong)
}

fn fingerprint(written: &RequestSource, source: &Source, pointer: &str) -> Result<Option<Fingerprint>, Diagnostic> {
    let Some(text) = &written.key_fingerprint else { return Ok(None) };
    // `from_str_radix` also accepts a sign and upper case, which no log has.
    let is_fingerprint = text.len() == 16 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let fingerprint = u64::from_str_radix(text, 16).ok().filter(|_| is_fingerprint);
    let wrong =
        || source.at(&format!("{pointer}/keyFingerprint"), "`keyFingerprint` is not 16 digits of `0123456789abcdef`");
    fingerprint.map(|bits| Some(Fingerprint(bits))).ok_or_else(wrong)
}

fn instance(written: &InstanceSource) -> Instance {
    let labels = written.labels.iter().map(|(name, value)| (Arc::from(name.as_str()), Arc::from(value.as_str())));
    Instance {
        name: written.name.as_deref().map(Arc::from),
        labels: labels.collect(),
        environment: written.environment_name.as_deref().map(Arc::from),
    }
}

fn client(written: &ClientSource) -> Client {
    let has_certificate = written.spiffe_id.is_some() || written.dns_names.is_some() || written.cert_sha256.is_some();
    Client {
        address: written.ip.map(|ip| (ip, 0).into()),
        unix_uid: written.unix_uid,
        certificate: has_certificate.then(|| ClientCertificate {
            spiffe_id: written.spiffe_id.clone(),
            dns_names: written.dns_names.clone().unwrap_or_default(),
            sha256: written.cert_sha256.clone().unwrap_or_default(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::example;

    #[test]
    fn a_template_has_an_example() {
        assert_eq!(example("/v1/users/{user_id}/metadata"), "/v1/users/user_1/metadata");
        assert_eq!(example("/v1/users"), "/v1/users");
    }
}
