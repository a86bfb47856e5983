//! Which write operations and risky fields of the contract policies govern.

use super::diff::Readers;
use super::shape::{FieldShape, shapes};
use super::{InvalidSchema, Operation};
use serde::Serialize;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Which write operations of an API version, and which of their risky fields, policies govern.
#[derive(Clone, Debug, Serialize)]
pub struct ContractCoverage {
    /// Every write operation, governed or not.
    pub operations: Vec<CoveredOperation>,
    /// Every risky field of those operations.
    pub fields: Vec<CoveredField>,
}

/// A write operation and the policies on it.
#[derive(Clone, Debug, Serialize)]
pub struct CoveredOperation {
    /// The operation id, such as `UpdateUser`.
    pub operation: Arc<str>,
    /// The HTTP method.
    pub method: Arc<str>,
    /// The path template.
    pub path: Arc<str>,
    /// The policies that match it.
    pub policies: BTreeSet<Arc<str>>,
}

/// A risky field and the policies on it.
#[derive(Clone, Debug, Serialize)]
pub struct CoveredField {
    /// The operation id.
    pub operation: Arc<str>,
    /// The JSON Pointer of the field; `*` stands for the items of an array.
    pub field: String,
    /// Why it is risky.
    pub risk: Risk,
    /// The policies that match the operation and read the field.
    pub policies: BTreeSet<Arc<str>>,
}

/// Why a field is risky.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Risk {
    /// It disables a check: a boolean called `skip_*` or `bypass_*`.
    SkipsCheck,
    /// It holds a secret.
    Secret,
    /// It holds metadata, on which services decide what a user may do.
    Metadata,
}

impl Risk {
    /// The risk of the field at `pointer`; `None` if there is none.
    fn of(pointer: &str, shape: &FieldShape) -> Option<Self> {
        let name = pointer.rsplit('/').next().unwrap_or_default();
        let is_boolean = shape.types.contains("boolean");
        if is_boolean && (name.starts_with("skip_") || name.starts_with("bypass_")) {
            return Some(Self::SkipsCheck);
        }
        // only objects: the string `idp_metadata` is a SAML document and not metadata of a user
        let is_metadata = shape.types.contains("object") && (name == "metadata" || name.ends_with("_metadata"));
        if shape.secret { Some(Self::Secret) } else { is_metadata.then_some(Self::Metadata) }
    }

    /// The risk as text output shows it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SkipsCheck => "skips a check",
            Self::Secret => "secret",
            Self::Metadata => "metadata",
        }
    }
}

/// The coverage of the write operations among `operations`, in their order. `readers` returns the policies on an operation, or on
/// one of its fields.
///
/// # Errors
///
/// A schema in the contract is not valid JSON.
pub fn coverage(operations: &[Arc<Operation>], readers: Readers<'_>) -> Result<ContractCoverage, InvalidSchema> {
    let mut coverage = ContractCoverage { operations: Vec::new(), fields: Vec::new() };
    for operation in operations.iter().filter(|operation| operation.is_write()) {
        coverage.operations.push(CoveredOperation {
            operation: operation.id.clone(),
            method: operation.method.clone(),
            path: operation.path.clone(),
            policies: readers(&operation.id, None),
        });
        // an operation without a JSON body counts as an operation, but has no fields that could be risky
        let Some(body) = &operation.body else { continue };
        let shapes = shapes(&body.effective()?.schema);
        let risky = shapes.iter().filter_map(|(pointer, shape)| Some((pointer, Risk::of(pointer, shape)?)));
        coverage.fields.extend(risky.map(|(pointer, risk)| CoveredField {
            operation: operation.id.clone(),
            field: pointer.clone(),
            risk,
            policies: readers(&operation.id, Some(pointer)),
        }));
    }
    Ok(coverage)
}

#[cfg(test)]
mod tests {
    use super::{Risk, coverage};
    use crate::contract::Contract;
    use std::collections::BTreeSet;
    use std::sync::Arc;

    #[test]
    fn risky_fields_are_listed_with_their_policies() {
        let contract = Contract::built_in("2026-05-12").expect("the built-in contract is valid");
        let readers = |id: &str, field: Option<&str>| -> BTreeSet<Arc<str>> {
            let reads = id == "UpdateUser" && field.is_none_or(|field| field == "/skip_password_checks");
            reads.then(|| Arc::from("checks")).into_iter().collect()
        };
        let coverage = coverage(&contract.operations_of("2026-05-12"), &readers).expect("schemas");
        let field = |operation: &str, pointer: &str| {
            let mut fields = coverage.fields.iter();
            let found = fields.find(|field| field.operation.as_ref() == operation && field.field == pointer);
            found.map(|field| (field.risk, field.policies.len()))
        };
        assert_eq!(field("UpdateUser", "/skip_password_checks"), Some((Risk::SkipsCheck, 1)));
        assert_eq!(field("CreateUser", "/skip_password_checks"), Some((Risk::SkipsCheck, 0)));
        assert_eq!(field("CreateUser", "/bypass_client_trust"), Some((Risk::SkipsCheck, 0)));
        assert_eq!(field("UpdateUser", "/password"), Some((Risk::Secret, 0)));
        assert_eq!(field("ReplaceUserMetadata", "/public_metadata"), Some((Risk::Metadata, 0)));
        assert_eq!(field("UpdateUser", "/username"), None);
        let names = |id: &str| coverage.operations.iter().any(|operation| operation.operation.as_ref() == id);
        assert!(names("DeleteUser") && names("UpdateUser") && !names("GetUser"));
    }
}
