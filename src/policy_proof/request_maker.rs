//! Makes requests from the values that expressions are to read.

use crate::cel::CelTimestamp;
use crate::contract::credential::Environment;
use crate::contract::sample_body::{sample_body, sample_field};
use crate::contract::{Contract, Operation};
use crate::peer::{Client, ClientCertificate};
use crate::policy::comparison::Assignment;
use crate::policy::{Instance, RequestPart};
use crate::policy_test::{TestRequest, encode, example};
use crate::redact::Fingerprint;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime};

/// 2026-01-01T00:00:00Z, the time of requests of tests that have none.
const TIME: u64 = 1_767_225_600;
const VERSION: &str = "clerk-api-version";
/// Longest text that is made up for a constant that may be a length.
const LONGEST: usize = 10_000;

/// Makes requests to one operation in one environment.
pub(super) struct RequestMaker<'o> {
    operation: &'o Operation,
    environment: Environment,
    /// The API version that requests ask for.
    version: Option<String>,
    /// The schema of its body, read once.
    schema: Option<Value>,
    /// What the rest of a body is.
    body: Option<Value>,
}

impl<'o> RequestMaker<'o> {
    pub(super) fn new(contract: &Contract, operation: &'o Operation, environment: Environment) -> Self {
        let is_of_family = contract.families().contains(&operation.api_version);
        let version = (!operation.is_of_any_version() && !is_of_family).then(|| operation.api_version.to_string());
        let schema = operation.body.as_ref().and_then(|body| body.effective().ok()).map(|it| it.schema);
        let body = schema.as_ref().map(sample_body);
        Self { operation, environment, version, schema, body }
    }

    /// The values to try for each part, those of `assigned` first.
    pub(super) fn options(
        &self,
        assigned: &Assignment,
        hints: &BTreeMap<RequestPart, BTreeSet<String>>,
    ) -> Vec<(RequestPart, Vec<Option<Value>>)> {
        let mut options: BTreeMap<RequestPart, Vec<Option<Value>>> = BTreeMap::new();
        for (part, value) in assigned {
            let mut values = vec![value.clone()];
            if let (RequestPart::Field(name), Some(value)) = (part, value) {
                // another value of the same kind, which fits the contract
                let sample = self.schema.as_ref().and_then(|schema| sample_field(schema, name));
                values.extend(sample.filter(|it| same_type(it, value)).map(Some));
            }
            if matches!(part, RequestPart::Time) {
                values.extend(times().map(Some));
            }
            options.insert(part.clone(), values);
        }
        for (part, constants) in hints.iter().filter(|(part, _)| !matches!(part, RequestPart::Fixed)) {
            let known = options.entry(part.clone()).or_default();
            let is_free = known.is_empty();
            if is_free {
                known.push(None);
            }
            let has_text = known.iter().flatten().any(Value::is_string);
            // where null or no value is needed, a hint would be another case
            if is_free || has_text || matches!(part, RequestPart::Time) || known.iter().flatten().any(is_container) {
                known.extend(constants.iter().flat_map(|constant| candidates(part, constant)).map(Some));
                known.extend(defaults(part).into_iter().map(Some));
            }
        }
        options.into_iter().collect()
    }

    /// The request in which the parts have these values; `None` if there is no such request.
    pub(super) fn request(&self, parts: &[(&RequestPart, Option<&Value>)]) -> Option<TestRequest> {
        let mut made = Made::default();
        for (part, value) in parts {
            made.set(part, *value)?;
        }
        let path = path(&self.operation.path, &made.parameters);
        let query: Vec<_> =
            made.query.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
        let target = if query.is_empty() { path } else { format!("{path}?{}", query.join("&")) };
        let body = self.body_with(&made.all_fields(), made.items);
        let mut headers = made.headers;
        if let Some(version) = &self.version {
            headers.insert(VERSION, HeaderValue::try_from(version).ok()?);
        }
        Some(TestRequest {
            method: self.operation.method.to_string(),
            uri: target.parse().ok()?,
            version: self.version.clone(),
            headers,
            environment: self.environment,
            key_fingerprint: made.fingerprint,
            client: made.client,
            instance: made.instance,
            time: SystemTime::UNIX_EPOCH + made.time.unwrap_or(Duration::from_secs(TIME)),
            body,
        })
    }

    fn body_with(&self, fields: &BTreeMap<&str, Option<&Value>>, items: Option<usize>) -> Bytes {
        let Some(sample) = &self.body else { return Bytes::new() };
        let body = match sample {
            Value::Object(members) => {
                let is_empty = fields.values().all(Option::is_none);
                let mut members = members.clone();
                for (name, value) in fields {
                    match value {
                        Some(value) => _ = members.insert((*name).to_owned(), (*value).clone()),
                        None if is_empty && members.contains_key(*name) => return Bytes::new(),
                        None => _ = members.remove(*name),
                    }
                }
                if members.is_empty() {
                    return Bytes::new();
                }
                Value::Object(members)
            }
            Value::Array(elements) => {
                let first = elements.first().cloned().unwrap_or(json!({}));
                (0..items.unwrap_or(elements.len()).min(1_000)).map(|_| first.clone()).collect()
            }
            other => other.clone(),
        };
        Bytes::from(body.to_string())
    }
}

/// The parts of a request that is being made.
#[derive(Default)]
struct Made<'v> {
    fields: BTreeMap<&'v str, Option<&'v Value>>,
    /// Fields of which only the size matters.
    sized: BTreeMap<&'v str, Value>,
    headers: HeaderMap,
    query: BTreeMap<&'v str, &'v str>,
    parameters: BTreeMap<&'v str, &'v str>,
    client: Client,
    instance: Instance,
    fingerprint: Option<Fingerprint>,
    time: Option<Duration>,
    items: Option<usize>,
}

impl<'v> Made<'v> {
    fn all_fields(&self) -> BTreeMap<&str, Option<&Value>> {
        let sized = self.sized.iter().map(|(name, value)| (*name, Some(value)));
        sized.chain(self.fields.iter().map(|(name, value)| (*name, *value))).collect()
    }

    /// Sets one part; `None` if it cannot have that value.
    fn set(&mut self, part: &'v RequestPart, value: Option<&'v Value>) -> Option<()> {
        let value = value.filter(|value| !value.is_null() || matches!(part, RequestPart::Field(_)));
        let RequestPart::Field(name) = part else {
            let Some(value) = value else { return Some(()) };
            return self.set_present(part, value);
        };
        self.fields.insert(name, value);
        Some(())
    }

    fn set_present(&mut self, part: &'v RequestPart, value: &'v Value) -> Option<()> {
        match part {
            RequestPart::Field(_) | RequestPart::Fixed => {}
            RequestPart::FieldSize(name) => {
                let size = usize::try_from(value.as_u64()?).ok()?;
                // what is absent has no size
                if size > 0 {
                    self.sized.insert(name, of_size(size)?);
                }
            }
            RequestPart::Header(name) => {
                let value = HeaderValue::try_from(value.as_str()?).ok()?;
                self.headers.insert(HeaderName::try_from(name).ok()?, value);
            }
            RequestPart::QueryParameter(name) => _ = self.query.insert(name, value.as_str()?),
            RequestPart::PathParameter(name) => _ = self.parameters.insert(name, value.as_str()?),
            RequestPart::ClientIp => {
                self.client.address = Some((value.as_str()?.parse::<std::net::IpAddr>().ok()?, 0).into());
            }
            RequestPart::ClientUnixUid => self.client.unix_uid = Some(u32::try_from(value.as_u64()?).ok()?),
            RequestPart::ClientSpiffeId => self.certificate().spiffe_id = Some(value.as_str()?.to_owned()),
            RequestPart::ClientDnsNames => {
                let names = value.as_array()?.iter().map(|name| name.as_str().map(str::to_owned));
                let names = names.collect::<Option<Vec<_>>>()?;
                if !names.is_empty() {
                    self.certificate().dns_names = names;
                }
            }
            RequestPart::ClientCertSha256 => value.as_str()?.clone_into(&mut self.certificate().sha256),
            RequestPart::KeyFingerprint => {
                let text = value.as_str()?;
                let bits = u64::from_str_radix(text, 16).ok().filter(|bits| format!("{bits:016x}") == *text);
                self.fingerprint = Some(Fingerprint(bits.unwrap_or(1)));
            }
            RequestPart::InstanceName => self.instance.name = Some(value.as_str()?.into()),
            RequestPart::EnvironmentName => self.instance.environment = Some(value.as_str()?.into()),
            RequestPart::InstanceLabel(name) => {
                self.instance.labels.insert(name.as_str().into(), value.as_str()?.into());
            }
            RequestPart::Time => {
                let time = CelTimestamp::parse(value.as_str()?).ok()?.to_system_time()?;
                self.time = Some(time.duration_since(SystemTime::UNIX_EPOCH).ok()?);
            }
            RequestPart::BodyItems => self.items = Some(usize::try_from(value.as_u64()?).ok()?),
        }
        Some(())
    }

    fn certificate(&mut self) -> &mut ClientCertificate {
        self.client.certificate.get_or_insert_default()
    }
}

fn path(template: &str, parameters: &BTreeMap<&str, &str>) -> String {
    let segments = template.split('/').map(|segment| {
        let name = segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
        name.and_then(|name| parameters.get(name)).map_or_else(|| example(segment), |value| encode(value))
    });
    segments.collect::<Vec<_>>().join("/")
}

/// An object that takes `size` bytes as JSON; `None` if there is none.
fn of_size(size: usize) -> Option<Value> {
    match size {
        2 => Some(json!({})),
        // `{"a":""}` has eight bytes
        8..=100_000 => Some(json!({ "a": "a".repeat(size - 8) })),
        _ => None,
    }
}

fn same_type(one: &Value, other: &Value) -> bool {
    std::mem::discriminant(one) == std::mem::discriminant(other)
}

fn is_container(value: &Value) -> bool {
    value.is_object() || value.is_array()
}

/// Times within a week, an hour apart on its first day.
fn times() -> impl Iterator<Item = Value> {
    let hours = (0..24).chain((1..7).flat_map(|day| [day * 24, day * 24 + 12]));
    hours.map(|hour: u64| time_text(SystemTime::UNIX_EPOCH + Duration::from_secs(TIME + hour * 3_600)))
}

fn time_text(time: SystemTime) -> Value {
    CelTimestamp::from_system_time(time).map_or(Value::Null, |time| json!(time.to_string()))
}

/// Values that an expression with this constant may treat in different ways.
fn candidates(part: &RequestPart, constant: &str) -> Vec<Value> {
    let mut found = vec![json!(constant), json!(format!("{constant}x")), json!(format!("x{constant}"))];
    let number = constant.parse::<i64>().ok();
    for near in number.into_iter().flat_map(|number| [number - 1, number, number + 1]) {
        found.push(json!(near.to_string()));
        found.push(json!(near));
        if let Ok(length) = usize::try_from(near)
            && length <= LONGEST
        {
            found.push(json!("a".repeat(length)));
            // `{"a":""}` has eight bytes
            found.push(json!({ "a": "a".repeat(length.saturating_sub(8)) }));
            found.push((0..length.min(100)).map(|at| json!(format!("a{at}"))).collect());
        }
    }
    let duration = constant.strip_suffix("ms").and_then(|text| text.parse().ok()).map(Duration::from_millis);
    let duration = duration.or_else(|| crate::manifest::duration::parse(constant).ok());
    for length in duration.into_iter().chain([Duration::ZERO]) {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(TIME);
        let second = Duration::from_secs(1);
        for offset in [length, length + second, length.saturating_sub(second)] {
            found.extend(now.checked_add(offset).map(time_text));
            found.extend(now.checked_sub(offset).map(time_text));
        }
    }
    found.extend([json!([constant]), json!({ constant: "a" }), json!([constant, "other"])]);
    found.retain(|value| matches!(part, RequestPart::Field(_)) || value.is_string());
    found
}

/// Values to try whatever the constants are.
fn defaults(part: &RequestPart) -> Vec<Value> {
    match part {
        RequestPart::Field(_) => {
            vec![
                json!("a"),
                json!([]),
                json!({}),
                json!(["other"]),
                json!({ "other": "a" }),
                json!(true),
                json!(1),
                json!(null),
            ]
        }
        RequestPart::Time => times().collect(),
        _ => vec![json!("a")],
    }
}

/// Requests to `operation` that do not fit the contract.
pub(super) fn unfitting(contract: &Contract, operation: &Operation) -> Vec<TestRequest> {
    let maker = RequestMaker::new(contract, operation, Environment::Production);
    let Some(plain) = maker.request(&[]) else { return Vec::new() };
    if operation.body.is_none() {
        return Vec::new();
    }
    let bodies = [r#"{"portcullis_unknown":true}"#, "[1]", "{"];
    bodies.map(|body| TestRequest { body: Bytes::from_static(body.as_bytes()), ..plain.clone() }).into()
}

/// The request from other callers.
pub(super) fn callers(request: &TestRequest) -> Vec<TestRequest> {
    let with_id = |id: &str| {
        let mut request = request.clone();
        request.client.certificate.get_or_insert_default().spiffe_id = Some(id.to_owned());
        request
    };
    let with_key = TestRequest { key_fingerprint: Some(Fingerprint(1)), ..request.clone() };
    let with_both = |bits: u64| {
        let mut request = with_id("spiffe://example.org/one");
        request.key_fingerprint = Some(Fingerprint(bits));
        request
    };
    vec![
        with_id("spiffe://example.org/one"),
        with_id("spiffe://example.org/other"),
        with_key,
        with_both(1),
        with_both(2),
    ]
}

/// The request with longer lists in its body.
pub(super) fn larger(request: &TestRequest) -> Vec<TestRequest> {
    let Ok(body) = serde_json::from_slice::<Value>(&request.body) else { return Vec::new() };
    let lengthen = |value: &Value, length: usize| match value.as_array().and_then(|elements| elements.first()) {
        Some(first) => (0..length).map(|_| first.clone()).collect(),
        None => value.clone(),
    };
    let lengths = [2, 3, 50].into_iter().map(|length| match &body {
        Value::Object(members) => {
            members.iter().map(|(name, value)| (name.clone(), lengthen(value, length))).collect::<Value>()
        }
        other => lengthen(other, length),
    });
    let lengths = lengths.filter(|longer| *longer != body);
    lengths.map(|longer| TestRequest { body: Bytes::from(longer.to_string()), ..request.clone() }).collect()
}
