//! What SDKs call and no spec has: whole operations, and other paths and query parameters of known ones.

use super::Overlays;
use super::source::{OperationSource, RouteSource};
use crate::contract::Operation;
use crate::contract::contract_file::{BodyFile, ContractFile, OperationFile};
use crate::contract::version::is_date;
use crate::diagnostic::Diagnostic;
use crate::manifest::Source;
use serde_json::value::to_raw_value;
use std::collections::BTreeSet;
use std::sync::Arc;

/// An operation that no spec has.
#[derive(Debug)]
pub(in crate::contract) struct AddedOperation {
    position: usize,
    written: OperationSource,
}

/// Other paths and query parameters of an operation.
#[derive(Debug)]
pub(in crate::contract) struct RouteOverlay {
    position: usize,
    written: RouteSource,
}

impl AddedOperation {
    pub(super) fn new((position, written): (usize, OperationSource)) -> Self {
        Self { position, written }
    }

    fn is_for(&self, version: &str) -> bool {
        // other families have operations of their own
        self.written
            .versions
            .as_ref()
            .map_or_else(|| is_date(version), |versions| versions.iter().any(|it| it == version))
    }
}

impl RouteOverlay {
    pub(super) fn new((position, written): (usize, RouteSource)) -> Self {
        Self { position, written }
    }

    /// An error at its list of paths.
    pub(in crate::contract) fn refuse(&self, source: Option<&Source>, message: String) -> Option<Diagnostic> {
        Some(source?.at(&format!("/routes/{}/alsoAt", self.position), message))
    }

    /// The other paths, with the parameters of the operation's own path.
    pub(in crate::contract) fn also_at(&self) -> &[String] {
        self.written.also_at.as_deref().unwrap_or_default()
    }
}

impl Overlays {
    /// The place of the body of an operation that the file adds.
    pub(super) fn place_of_body(&self, id: &str, version: &str) -> Option<String> {
        let added = self.operations.iter().find(|added| added.written.id == id && added.is_for(version))?;
        Some(format!("/operations/{}/body", added.position))
    }

    /// The errors of these entries that the JSON Schema of the file cannot express.
    pub(super) fn check_routes(&self) -> Vec<Diagnostic> {
        let Some(source) = &self.source else { return Vec::new() };
        let mut errors = Vec::new();
        let mut check = |place: String, evidence: &str, paths: Vec<(String, &str)>| {
            if evidence.trim().is_empty() {
                let message = "`evidence` is empty; a reviewer needs it";
                errors.push(source.at(&format!("{place}/evidence"), message));
            }
            let wrong = paths.into_iter().filter(|(_, path)| !is_template(path));
            errors.extend(wrong.map(|(below, _)| {
                let message =
                    "a path is segments of letters, digits, `_` and `-`, or whole parameters such as `{user_id}`";
                source.at(&format!("{place}{below}"), message)
            }));
        };
        for AddedOperation { position, written } in &self.operations {
            check(format!("/operations/{position}"), &written.evidence, vec![("/path".to_owned(), &written.path)]);
        }
        for route in &self.routes {
            let paths = route.also_at().iter().enumerate().map(|(at, path)| (format!("/alsoAt/{at}"), path.as_str()));
            check(format!("/routes/{}", route.position), &route.written.evidence, paths.collect());
        }
        errors
    }

    /// Adds the operations to `file` that it does not have.
    pub(in crate::contract) fn add_operations(&self, file: &mut ContractFile) {
        for AddedOperation { written, .. } in self.operations.iter().filter(|added| added.is_for(&file.api_version)) {
            let is_same = |known: &OperationFile| {
                *known.id == *written.id
                    || *known.method == *written.method && route_shape(&known.path).eq(route_shape(&written.path))
            };
            // once a spec has it, its word counts: the entry is then reported as one without an effect
            if file.operations.iter().any(is_same) {
                continue;
            }
            let schema = written.body.as_ref().and_then(|schema| to_raw_value(schema).ok());
            file.operations.push(OperationFile {
                id: written.id.as_str().into(),
                method: written.method.as_str().into(),
                path: written.path.as_str().into(),
                statuses: written.statuses.clone(),
                body: schema.map(|schema| BodyFile {
                    media_types: vec!["application/json".into()],
                    required: true,
                    schema: Some(schema),
                }),
                is_added: true,
            });
        }
    }

    /// The entries about the routes of `operation`.
    pub(in crate::contract) fn routes_of(&self, operation: &str) -> impl Iterator<Item = &RouteOverlay> {
        self.routes.iter().filter(move |route| route.written.operation == operation)
    }

    /// The query parameters of `operation` that its spec does not have.
    pub(in crate::contract) fn query_of(&self, operation: &str) -> Box<[Box<str>]> {
        let of_routes = self.routes_of(operation).flat_map(|route| route.written.query.iter());
        let of_added = self.operations.iter().filter(|added| added.written.id == operation);
        let of_added = of_added.flat_map(|added| added.written.query.iter());
        of_routes.chain(of_added).map(|name| name.as_str().into()).collect()
    }

    /// The ids of the operations.
    #[cfg(test)]
    pub(super) fn added_ids(&self) -> impl Iterator<Item = &str> {
        self.operations.iter().map(|added| added.written.id.as_str())
    }

    /// The file of the overlays.
    pub(in crate::contract) const fn source(&self) -> Option<&Source> {
        self.source.as_ref()
    }

    /// An error for each of these entries without an effect on `operations`.
    pub(in crate::contract) fn ineffective_routes(&self, operations: &[Arc<Operation>]) -> Vec<Diagnostic> {
        let Some(source) = &self.source else { return Vec::new() };
        let added: BTreeSet<&str> = operations.iter().filter(|it| it.is_added).map(|it| it.id.as_ref()).collect();
        let known: BTreeSet<&str> = operations.iter().map(|it| it.id.as_ref()).collect();
        let idle = self.operations.iter().filter(|it| !added.contains(it.written.id.as_str()));
        let idle = idle.map(|AddedOperation { position, written }| {
            let message = format!("`{}` has no effect: the specs have this operation", written.id);
            source.at(&format!("/operations/{position}/id"), message)
        });
        let unknown = self.routes.iter().filter(|route| !known.contains(route.written.operation.as_str()));
        let unknown = unknown.map(|RouteOverlay { position, written }| {
            let message = format!("`{}` has no effect: it is unknown to the contract", written.operation);
            source.at(&format!("/routes/{position}/operation"), message)
        });
        idle.chain(unknown).collect()
    }
}

/// Whether `path` is a template of plain segments and whole parameters.
fn is_template(path: &str) -> bool {
    let is_plain = |text: &str| {
        !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
    };
    let is_segment = |segment: &str| match segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
        Some(name) => is_plain(name),
        // readings of hostile paths are in lower case
        None => is_plain(segment) && !segment.bytes().any(|byte| byte.is_ascii_uppercase()),
    };
    path.strip_prefix('/').is_some_and(|segments| segments.split('/').all(is_segment))
}

/// The segments of a template, without the names of its parameters.
pub(in crate::contract) fn route_shape(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').map(|segment| if segment.starts_with('{') { "{}" } else { segment })
}

#[cfg(test)]
mod tests {
    use crate::contract::Contract;

    #[test]
    fn the_fields_that_only_sdks_have_are_declared() {
        let contract = Contract::built_in("2026-05-12").expect("a contract");
        let operations = contract.operations_of("2026-05-12");
        let certificates = ["saml", "idp_certificates"];
        for (id, fields) in [
            ("CreateEnterpriseConnection", &[&["sync_user_attributes"][..], &["authenticatable"], &certificates][..]),
            ("CreateEnterpriseConnection", &[&["disable_jit_provisioning"]]),
            ("UpdateEnterpriseConnection", &[&["provider"], &["authenticatable"], &certificates]),
            ("UpdateEnterpriseConnection", &[&["disable_jit_provisioning"]]),
            ("UpdateInstance", &[&["enhanced_email_deliverability"]]),
            ("UpdateInstanceRestrictions", &[&["ignore_dots_for_gmail_addresses"]]),
            ("UpdateOrganizationDomain", &[&["name"]]),
            ("CreateSAMLConnection", &[&["idp_certificates"]]),
            ("UpdateSAMLConnection", &[&["provider"], &["idp_certificates"]]),
            ("CreateEmail", &[&["to", "user_id"], &["from", "address"], &["attachments"], &["text"]]),
            ("CreateEmailBatch", &[&["messages"]]),
            ("ChangeDomain", &[&["home_url"], &["is_secondary"]]),
        ] {
            let operation = operations.iter().find(|operation| *operation.id == *id).expect(id);
            for field in fields {
                assert!(operation.takes(field.iter().copied()), "{id} {field:?}");
            }
        }
    }
}
