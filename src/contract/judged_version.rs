//! By which API version a request is judged and why, for refusals and explanations.

use super::field::Field;
use super::route::Routes;
use super::{ByVersion, Contract, Operation, VersionChoice};
use std::sync::Arc;

/// Where a request names its API version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VersionPlace {
    /// The header `Clerk-API-Version`.
    Header,
    /// The query parameter `__clerk_api_version`.
    Query,
}

impl VersionPlace {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Header => "the header `Clerk-API-Version`",
            Self::Query => "the query `__clerk_api_version`",
        }
    }
}

impl Contract {
    /// Why a request to `operation` that asks for the version `asked` at `place` is judged by the operation's version.
    pub fn version_reason(&self, operation: &Operation, asked: Option<&str>, place: VersionPlace) -> String {
        let place = place.as_str();
        match self.version_choice(asked) {
            VersionChoice::Default if operation.is_of_any_version() => {
                "`contract.defaultApiVersion`, for the request asks for none".to_owned()
            }
            VersionChoice::Default => "the default, for the request asks for none".to_owned(),
            VersionChoice::Asked if asked != Some(&operation.api_version) => {
                format!("the newest that has the operation; the one that {place} asks for has not")
            }
            VersionChoice::Asked => format!("{place} asks for it"),
            VersionChoice::NoVersion => format!("the default, for {place} holds no version"),
            VersionChoice::NewestBefore => format!("the newest known before the one that {place} asks for"),
            VersionChoice::Oldest => format!("the oldest known, for {place} asks for an older one"),
        }
    }

    /// A sentence part on the version by which a refused request was judged, why by that one, and which versions have the refused
    /// `field`.
    pub fn judged_by(
        &self,
        operation: &Operation,
        (asked, place): (Option<&str>, VersionPlace),
        field: Option<&Field>,
    ) -> String {
        let reason = self.version_reason(operation, asked, place);
        let version = &operation.api_version;
        let field = field.map(|field| format!("; {}", self.versions_with(operation, field))).unwrap_or_default();
        format!("judged by API version `{version}` ({reason}){field}")
    }

    /// Which versions of `operation` have the field.
    fn versions_with(&self, operation: &Operation, field: &Field) -> String {
        let pointer = field.for_caller();
        let pointer = if pointer.starts_with('/') { pointer } else { format!("/{pointer}") };
        let versions = self.versions_of(operation);
        let has = |operation: &&Arc<Operation>| {
            operation.body.as_ref().is_some_and(|body| body.field_tree().declares(&pointer))
        };
        let with_it: Vec<&str> = versions.iter().filter(has).map(|it| it.api_version.as_ref()).collect();
        match with_it.as_slice() {
            [] => "no known version has the field".to_owned(),
            all if all.len() == versions.len() => "every known version has the field".to_owned(),
            some => format!("the field is in {}", some.join(", ")),
        }
    }

    /// The operation in each version that has it, oldest first; families last.
    fn versions_of(&self, operation: &Operation) -> Vec<Arc<Operation>> {
        // by the route: collecting all operations for each refusal would cost more than judging it
        let segments = operation.path.split('/').skip(1);
        let found = Routes::<ByVersion>::find(
            &self.routes,
            segments,
            |_| true,
            |found| {
                let by_version = found.method(&operation.method)?;
                Some(by_version.iter().take(self.versions.len()).flatten().cloned().collect())
            },
        );
        found.unwrap_or_default()
    }
}
