//! Places the operations of contract files on their routes.

use super::{ContractText, at};
use crate::contract::body_schema::VersionSchema;
use crate::contract::contract_file::{ContractFile, OperationFile};
use crate::contract::guarded_route::{is_canonical_template, is_operation_id};
use crate::contract::operation::Operation;
use crate::contract::overlay::{Overlays, RouteOverlay};
use crate::contract::route::Routes;
use crate::contract::{BodySchema, ByVersion};
use crate::diagnostic::Diagnostic;
use std::collections::HashMap;
use std::sync::Arc;

/// Adds the operations of a file to the routes. The file is for the version at `position` of `versions` many. Its schemas are
/// corrected by `overlays`, and then by `more`.
pub(super) fn place_operations(
    routes: &mut Routes<ByVersion>,
    (text, file): (&ContractText, ContractFile),
    (position, versions): (usize, usize),
    [overlays, more]: [&Overlays; 2],
) -> Vec<Diagnostic> {
    let mut errors = Vec::new();
    let definitions = Arc::new(file.definitions);
    let version: Arc<str> = file.api_version.as_ref().into();
    for written in file.operations {
        if let Some(message) = unusable(&written) {
            errors.push(at(text, &written.id, message));
            continue;
        }
        let by_version = routes.entry(&written.path, &written.method, || vec![None; versions + 1]);
        // versions are added from the oldest. Policies match ids: a new id for the same route would escape those written for
        // the old one
        let renamed = by_version.iter().take(position).flatten().find(|known| *known.id != *written.id);
        if let Some(known) = renamed {
            let message = format!("`{}` is `{}` in {}: give it one id", written.id, known.id, known.api_version);
            errors.push(at(text, &written.id, message));
        }
        let Some(place) = by_version.get_mut(position) else { continue };
        let schema = written.body.and_then(|body| body.schema);
        let corrections = || [overlays.of(&written.id, &version), more.of(&written.id, &version)].concat();
        let schema = schema.map(|schema| VersionSchema::new(schema, &definitions, corrections()));
        let operation = Operation {
            id: written.id.as_ref().into(),
            method: written.method.as_ref().into(),
            path: written.path.as_ref().into(),
            api_version: version.clone(),
            lists_422: written.statuses.contains(&422),
            body: schema.map(BodySchema::OfVersion),
            also_at: overlays
                .routes_of(&written.id)
                .flat_map(RouteOverlay::also_at)
                .map(|it| it.as_str().into())
                .collect(),
            query: overlays.query_of(&written.id),
            is_added: written.is_added,
        };
        if let Some(first) = place.replace(Arc::new(operation)) {
            let message = format!("`{}` and `{}` have the same method and path", first.id, written.id);
            errors.push(at(text, &written.id, message));
        }
    }
    errors
}

/// Why the operation cannot be routed or named; `None` if it can.
fn unusable(written: &OperationFile) -> Option<String> {
    let id = written.id.escape_debug();
    if !is_operation_id(&written.id) {
        return Some(format!("`{id}` is no operation id: use letters, digits and `_`"));
    }
    if !written.method.bytes().all(|byte| byte.is_ascii_uppercase()) || written.method.is_empty() {
        return Some(format!("the method of `{id}` must be in upper case"));
    }
    let is_routable = is_canonical_template(&written.path);
    (!is_routable).then(|| format!("the path of `{id}` must be plain: lower-case segments and `{{parameters}}` only"))
}

/// Adds the other paths of all operations to the routes, of `versions` many versions.
pub(super) fn place_elsewhere(routes: &mut Routes<ByVersion>, versions: usize, overlays: &Overlays) -> Vec<Diagnostic> {
    let by_version = routes.targets().into_iter().flat_map(|by_version| by_version.clone().into_iter().enumerate());
    // once all have their own paths: a path that is another one's is an error of the overlay, not of the other
    let placed: Vec<_> = by_version.filter_map(|(position, operation)| Some((position, operation?))).collect();
    let placed = placed.into_iter();
    placed.flat_map(|(position, operation)| place_one(routes, &operation, (position, versions), overlays)).collect()
}

/// Adds the other paths of an operation to the routes.
fn place_one(
    routes: &mut Routes<ByVersion>,
    operation: &Arc<Operation>,
    (position, versions): (usize, usize),
    overlays: &Overlays,
) -> Vec<Diagnostic> {
    let mut errors = Vec::new();
    for overlay in overlays.routes_of(&operation.id) {
        for path in overlay.also_at() {
            let mut refuse = |message| errors.extend(overlay.refuse(overlays.source(), message));
            // a request there must have the parameters that policies read
            if !parameters(path).eq(parameters(&operation.path)) {
                refuse(format!("`{path}` must have the parameters of `{}`, in their order", operation.path));
                continue;
            }
            let by_version = routes.entry(path, &operation.method, || vec![None; versions + 1]);
            if let Some(other) = by_version.iter().flatten().find(|known| known.id != operation.id) {
                refuse(format!("`{path}` is the path of `{}`", other.id));
            } else if let Some(place) = by_version.get_mut(position)
                && place.replace(operation.clone()).is_some()
            {
                refuse(format!("`{}` is at `{path}` already", operation.id));
            }
        }
    }
    errors
}

/// Adds to each route the operation for requests that may be for any of the first `dated` versions, at the position `any`.
pub(super) fn place_any_version(routes: &mut Routes<ByVersion>, dated: usize, any: usize) {
    // an operation with several paths is the same one at each
    let mut made: HashMap<Arc<str>, Option<Arc<Operation>>> = HashMap::new();
    routes.for_each_target(&mut |by_version: &mut ByVersion| {
        let versions: Vec<_> = by_version.iter().take(dated).flatten().cloned().collect();
        let Some(newest) = versions.last() else { return };
        let of_any =
            made.entry(newest.id.clone()).or_insert_with(|| Operation::of_any_version(&versions).map(Arc::new));
        if let Some(place) = by_version.get_mut(any) {
            place.clone_from(of_any);
        }
    });
}

/// The parameters of a path template.
fn parameters(template: &str) -> impl Iterator<Item = &str> {
    template.split('/').filter(|segment| segment.starts_with('{'))
}
