//! The routes by which the harm can be done that the gateway exists to prevent, and the proof that a contract knows them.
//!
//! By route and not by operation id: a contract whose `UpdateUser` is at another path would be complete by its ids, and every
//! request to the real path would be no operation at all.

use super::{Contract, Operation, Routed};
use std::sync::Arc;

/// A route that must lead to an operation with a JSON body.
#[derive(Clone, Copy, Debug)]
pub struct GuardedRoute {
    /// The id of the operation that it must lead to.
    pub operation: &'static str,
    /// In upper case, such as `PATCH`.
    pub method: &'static str,
    /// The path, with a parameter in it that is no literal of any contract.
    pub sample: &'static str,
}

const fn route(operation: &'static str, method: &'static str, sample: &'static str) -> GuardedRoute {
    GuardedRoute { operation, method, sample }
}

/// The routes of [`super::INSPECTED`].
pub const GUARDED_ROUTES: [GuardedRoute; 4] = [
    route("CreateUser", "POST", "/v1/users"),
    route("ReplaceUserMetadata", "PUT", "/v1/users/user_0/metadata"),
    route("UpdateUser", "PATCH", "/v1/users/user_0"),
    route("UpdateUserMetadata", "PATCH", "/v1/users/user_0/metadata"),
];

/// Routes of other APIs on the same host by which the same harm can be done, if the contract has their operations. If it has
/// not, their paths end in that of a guarded route, and are ambiguous.
pub const FAMILY_ROUTES: [GuardedRoute; 1] =
    [route("PlatformCreateInstanceUser", "POST", "/v1/platform/applications/user_0/instances/user_0/users")];

/// The parameter in the samples.
const PARAMETER: &str = "user_0";

impl GuardedRoute {
    /// Whether a request at `path`, a template, could be one of this route.
    fn is_reached_by(&self, path: &str) -> bool {
        let (mut own, mut other) = (self.sample.split('/'), path.split('/'));
        loop {
            match (own.next(), other.next()) {
                (None, None) => return true,
                (Some(own), Some(other)) if own == other || own == PARAMETER || other.starts_with('{') => {}
                _ => return false,
            }
        }
    }

    fn is_of(&self, operation: &Operation) -> bool {
        *operation.id == *self.operation
    }
}

impl Contract {
    /// The errors of a contract by which requests that must be inspected could be forwarded without it.
    pub(super) fn unguarded_routes(&self) -> Vec<String> {
        GUARDED_ROUTES.iter().flat_map(|route| self.errors_of(route)).collect()
    }

    fn errors_of(&self, route: &GuardedRoute) -> Vec<String> {
        let GuardedRoute { operation: id, method, sample } = route;
        let template = sample.replace(PARAMETER, "{user_id}");
        let guard = self.guard(|operation| route.is_of(operation));
        let mut errors = Vec::new();
        for version in self.versions() {
            let Routed::Operation(found, _) = self.route(method, sample, Some(version), &guard) else {
                errors.push(format!("`{method} {template}` must be `{id}`, and is no operation in {version}"));
                continue;
            };
            if !route.is_of(&found) {
                errors.push(format!("`{method} {template}` must be `{id}`, and is `{}` in {version}", found.id));
            } else if found.body.is_none() {
                let version = &found.api_version;
                errors.push(format!("`{id}` has no JSON body in {version}, so it cannot be inspected"));
            }
        }
        errors.extend(self.hiding(route).into_iter().map(|hiding| {
            format!("`{}` has a path that hides `{id}`: `{} {}`", hiding.id, hiding.method, hiding.path)
        }));
        errors.dedup();
        errors
    }

    /// Other operations that some requests of `route` are for.
    fn hiding(&self, route: &GuardedRoute) -> Vec<Arc<Operation>> {
        let mut operations = self.operations();
        operations.retain(|it| *it.method == *route.method && !route.is_of(it) && route.is_reached_by(&it.path));
        operations
    }
}

/// Whether `path` is one that the gateway can route: below a slash, segments that every server reads alike, or parameters.
pub(super) fn is_canonical_template(path: &str) -> bool {
    let is_name =
        |name: &str| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    // lower case: servers differ in whether case matters, and a reading of a path is in lower case
    let is_literal = |segment: &str| {
        !segment.is_empty()
            && segment.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte))
    };
    let is_segment = |segment: &str| match segment.strip_prefix('{') {
        Some(rest) => rest.strip_suffix('}').is_some_and(is_name),
        None => is_literal(segment),
    };
    path.strip_prefix('/').is_some_and(|segments| segments.split('/').all(is_segment))
}

/// Whether `id` is an operation id: it is printed, and written in policies and the configuration.
pub(super) fn is_operation_id(id: &str) -> bool {
    id.starts_with(|first: char| first.is_ascii_alphabetic())
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::{is_canonical_template, is_operation_id};

    #[test]
    fn a_template_has_one_reading() {
        for path in ["/v1/users", "/v1/users/{user_id}/metadata", "/v1/a-b/{adminPortalLinkTokenID}"] {
            assert!(is_canonical_template(path), "{path}");
        }
        let others = ["", "v1", "/", "/v1/", "/v1//users", "/V1/users", "/v1/us%65rs", "/v1/./users", "/v1/users;a"];
        for path in others.into_iter().chain(["/v1/{a}.json", "/v1/{}", "/v1/{a b}", "/v1/us\u{0435}rs", "/v1/{a}{b}"])
        {
            assert!(!is_canonical_template(path), "{path}");
        }
    }

    #[test]
    fn an_id_is_a_plain_word() {
        assert!(is_operation_id("UpdateUser") && is_operation_id("a_1"));
        for id in ["", "1a", "_a", "a b", "a\u{1b}[2J", "Upd\u{0430}teUser", "a-b"] {
            assert!(!is_operation_id(id), "{id}");
        }
    }
}
