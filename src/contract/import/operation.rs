//! Operations: paths, methods, statuses and bodies of a spec.

use super::body_translation::Schemas;
use super::spec::{OpenApiSpec, below};
use crate::contract::contract_file::{BodyFile, ContractFile, OperationFile};
use crate::contract::guarded_route::{is_canonical_template, is_operation_id};
use crate::contract::version::{is_date, is_of_family};
use crate::manifest::field;
use serde_json::Value;
use std::collections::HashMap;

/// The members of a path that are operations, in the order in which they are written.
const METHODS: [&str; 8] = ["delete", "get", "head", "options", "patch", "post", "put", "trace"];
/// The members of a path that are ignored.
const NOTES: [&str; 3] = ["description", "parameters", "summary"];
/// The one media type whose bodies are inspected.
const JSON: &str = "application/json";

/// The contract that `spec` describes, without the parts that have errors.
///
/// `base` is the path that the paths of the spec are below, in place of that of its server. `family` is the name of another API,
/// whose version need not be a date.
pub(super) fn contract(spec: &mut OpenApiSpec<'_>, base: Option<&str>, family: Option<&str>) -> ContractFile {
    check_format(spec);
    let version = version(spec, family);
    let base = base.map_or_else(|| base_path(spec), str::to_owned);
    let mut schemas = Schemas::default();
    let (mut operations, mut ids) = (Vec::new(), HashMap::new());
    let paths: Vec<_> = spec.map("/paths").collect();
    if paths.is_empty() {
        spec.refuse("/paths", "`paths` is empty, so there is nothing to import");
    }
    for (path, item) in paths {
        let place = below("/paths", path);
        check_template(spec, &place, path);
        check_members(spec, &place, item);
        for method in METHODS.iter().filter(|method| item.get(**method).is_some()) {
            let place = below(&place, method);
            let operation = operation(spec, &mut schemas, &place, method, format!("{base}{path}"));
            // policies and the configuration name operations by id
            if let Some(first) = ids.insert(operation.id.clone(), place.clone()) {
                let message = format!("`{}` is the id of {}, too", operation.id, field(&first));
                spec.refuse(&below(&place, "operationId"), message);
            }
            operations.push(operation);
        }
    }
    // a stable order: a new version of the spec is reviewed as a diff of two contract files
    operations.sort_by(|one, other| (&one.path, &one.method).cmp(&(&other.path, &other.method)));
    ContractFile { api_version: version, source: None, definitions: schemas.definitions(spec), operations }
}

/// The version that the contract file has: the spec's date, or the family's name with the spec's version.
fn version(spec: &mut OpenApiSpec<'_>, family: Option<&str>) -> Box<str> {
    let written = spec.text("/info/version");
    let Some(family) = family else {
        if !is_date(written) {
            let message =
                "`info.version` must be an API version such as `2026-05-12`; for another API, name its `--family`";
            spec.refuse("/info/version", message);
        }
        return written.into();
    };
    let version = format!("{family}-{}", written.to_ascii_lowercase());
    if !is_of_family(&version) {
        spec.refuse(
            "/info/version",
            "`--family` and `info.version` must be words of letters and digits, at most 31 together",
        );
    }
    version.into()
}

fn check_format(spec: &mut OpenApiSpec<'_>) {
    let format = spec.text("/openapi");
    if !["3.0", "3.1"].contains(&format) && !format.starts_with("3.0.") && !format.starts_with("3.1.") {
        spec.refuse("/openapi", "`openapi` must be 3.0 or 3.1");
    }
}

/// The path that Clerk serves its operations below.
const BASE: &str = "/v1";

/// The path of the first server, which is in front of all others.
fn base_path(spec: &mut OpenApiSpec<'_>) -> String {
    // the contract has full paths, and an OpenAPI path is relative to the server (OpenAPI 3.0.3, "Server Object")
    let (place, url) = match spec.get("/servers/0") {
        Some(_) => ("/servers/0/url", spec.text("/servers/0/url")),
        None => ("", ""),
    };
    let behind_scheme = url.split_once("://").map_or(url, |(_, rest)| rest);
    let path =
        if url.starts_with('/') { Some(url) } else { behind_scheme.find('/').and_then(|at| behind_scheme.get(at..)) };
    if url.contains('{') {
        spec.refuse(place, "a server with variables has no one path; name it with `--base`");
        return BASE.to_owned();
    }
    // at any other path every operation would be valid, and not one request would find it
    if path.map(|path| path.trim_end_matches('/')) != Some(BASE) {
        spec.refuse(place, format!("the path of the server must be `{BASE}`; if it is another, name it with `--base`"));
    }
    BASE.to_owned()
}

fn check_template(spec: &mut OpenApiSpec<'_>, place: &str, path: &str) {
    let is_plain = |segment: &str| !segment.contains(['{', '}']);
    let is_parameter = |segment: &str| {
        let name = segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
        name.is_some_and(|name| !name.is_empty() && is_plain(name))
    };
    if !path.starts_with('/') {
        spec.refuse(place, "a path must start with `/`");
    } else if !path.split('/').all(|segment| is_plain(segment) || is_parameter(segment)) {
        // routing matches whole segments only
        spec.refuse(place, "a parameter must be a whole segment of its path");
    } else if !is_canonical_template(path) {
        // servers read any other in different ways, and requests are compared with it byte for byte
        spec.refuse(place, "a path must be plain: lower-case segments and `{parameters}` only");
    }
}

fn check_members(spec: &mut OpenApiSpec<'_>, place: &str, item: &Value) {
    let Some(item) = item.as_object() else { return spec.refuse(place, "a path must be a map") };
    for member in item.keys() {
        let is_known = METHODS.contains(&member.as_str()) || NOTES.contains(&member.as_str());
        if !is_known && !member.starts_with("x-") {
            spec.refuse(&below(place, member), format!("`{}` of a path is not translated", member.escape_debug()));
        }
    }
}

fn operation(
    spec: &mut OpenApiSpec<'_>,
    schemas: &mut Schemas,
    place: &str,
    method: &str,
    path: String,
) -> OperationFile {
    // ignoring it would give the operation a wrong path, at which requests escape inspection
    if spec.get(&below(place, "servers")).is_some() {
        spec.refuse(&below(place, "servers"), "`servers` of an operation is not translated");
    }
    let id = spec.text(&below(place, "operationId"));
    if !id.is_empty() && !is_operation_id(id) {
        spec.refuse(&below(place, "operationId"), "an operation id must have letters, digits and `_` only");
    }
    let responses: Vec<_> = spec.map(&below(place, "responses")).collect();
    let mut statuses: Vec<u16> = responses.into_iter().filter_map(|(status, _)| status.parse().ok()).collect();
    statuses.sort_unstable();
    OperationFile {
        id: id.into(),
        method: method.to_ascii_uppercase().into(),
        path: path.into(),
        statuses,
        body: body(spec, schemas, &below(place, "requestBody")),
        is_added: false,
    }
}

fn body(spec: &mut OpenApiSpec<'_>, schemas: &mut Schemas, place: &str) -> Option<BodyFile> {
    let body = spec.get(place)?;
    if let Some(target) = body.get("$ref") {
        return body_by_reference(spec, schemas, place, target);
    }
    let content = below(place, "content");
    let media: Vec<_> = spec.map(&content).collect();
    if media.is_empty() {
        spec.refuse(place, "a body must have a media type");
    }
    let json = media.iter().find(|(name, _)| name.as_str() == JSON).and_then(|(_, media)| media.get("schema"));
    let at = below(&below(&content, JSON), "schema");
    Some(BodyFile {
        media_types: media.iter().map(|(name, _)| name.as_str().into()).collect(),
        required: body.get("required").and_then(Value::as_bool).unwrap_or_default(),
        schema: json.and_then(|schema| schemas.body(spec, &at, schema)),
    })
}

/// A body in `components.requestBodies`. A reference from there to another one is not supported.
fn body_by_reference(
    spec: &mut OpenApiSpec<'_>,
    schemas: &mut Schemas,
    place: &str,
    target: &Value,
) -> Option<BodyFile> {
    const SHARED: &str = "/components/requestBodies/";
    let pointer = target.as_str().and_then(|target| target.strip_prefix('#')).filter(|it| it.starts_with(SHARED));
    let is_body = |pointer: &&str| spec.get(pointer).is_some_and(|body| body.get("$ref").is_none());
    let Some(pointer) = pointer.filter(is_body) else {
        spec.refuse(&below(place, "$ref"), format!("`$ref` must lead to a body in `#{SHARED}`"));
        return None;
    };
    body(spec, schemas, pointer)
}
