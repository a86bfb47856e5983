//! One operation of the contract in one API version.

use super::BodySchema;
use super::Parameters;
use super::any_version::{ANY_VERSION, AnyVersionSchema};
use super::route::is_canonical_parameter;
use std::borrow::Cow;
use std::fmt::Write;
use std::sync::Arc;

/// One operation of the contract in one API version.
#[derive(Debug)]
pub struct Operation {
    /// The contract's operation id, such as `UpdateUser`.
    pub id: Arc<str>,
    /// The HTTP method, in upper case.
    pub method: Arc<str>,
    /// The path template, such as `/v1/users/{user_id}`.
    pub path: Arc<str>,
    /// The API version, such as `2026-05-12`, or [`ANY_VERSION`].
    pub api_version: Arc<str>,
    /// Whether the contract lists 422 among its statuses. Typed SDKs handle only those that are listed.
    pub lists_422: bool,
    /// The JSON Schema of its body; `None` if it has no JSON body.
    pub body: Option<BodySchema>,
    /// Other paths that clients use for it. They differ from `path` in literal segments only.
    pub also_at: Box<[Box<str>]>,
    /// The query parameters that it takes although its body is inspected.
    pub query: Box<[Box<str>]>,
    /// Whether it is from the overlay: no spec has it.
    pub is_added: bool,
}

impl Operation {
    /// Whether it is for requests that may be for any API version.
    pub fn is_of_any_version(&self) -> bool {
        self.api_version.as_ref() == ANY_VERSION
    }

    /// The operation for requests that may be for any of the `versions` of an operation, oldest first.
    pub(super) fn of_any_version(versions: &[Arc<Self>]) -> Option<Self> {
        let newest = versions.last()?;
        Some(Self {
            id: newest.id.clone(),
            method: newest.method.clone(),
            path: newest.path.clone(),
            api_version: ANY_VERSION.into(),
            lists_422: newest.lists_422,
            body: AnyVersionSchema::new(versions.iter().rev().cloned()).map(BodySchema::OfAny),
            also_at: newest.also_at.clone(),
            query: newest.query.clone(),
            is_added: newest.is_added,
        })
    }

    /// The names of the path's parameters, such as `user_id`.
    pub fn parameters(&self) -> impl Iterator<Item = &str> {
        self.path.split('/').filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'))
    }

    /// The canonical path of a request whose path, with these parameters, is one of the operation's. Policies that compare paths
    /// must see one spelling.
    pub fn canonical_path<'p>(&self, path: &'p str, parameters: &Parameters) -> Cow<'p, str> {
        // most operations have one path, and then the request has it
        if self.also_at.is_empty() || is_at(&self.path, path) {
            return Cow::Borrowed(path);
        }
        let mut values = parameters.iter().map(|(_, value)| value.as_ref());
        let mut canonical = String::with_capacity(path.len());
        for segment in self.path.split('/').skip(1) {
            let shown = if segment.starts_with('{') { values.next().unwrap_or_default() } else { segment };
            // writing to a `String` cannot fail
            let _ = write!(canonical, "/{shown}");
        }
        Cow::Owned(canonical)
    }
}

/// Whether `path` is one of the template's.
fn is_at(template: &str, path: &str) -> bool {
    let is_segment =
        |(known, found): (&str, &str)| known == found || known.starts_with('{') && is_canonical_parameter(found);
    template.split('/').count() == path.split('/').count() && template.split('/').zip(path.split('/')).all(is_segment)
}
