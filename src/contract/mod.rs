//! Clerk's operations, their routes and body schemas, by API version.

mod any_version;
mod body_schema;
mod canonical_schema;
pub mod compiled_schema;
mod confusable;
mod contract_file;
pub mod coverage;
pub mod credential;
pub mod diff;
mod distinct_values;
mod document_adapter;
pub mod drift;
pub mod fallthrough;
mod family;
pub mod field;
pub mod field_tree;
pub mod finding;
pub(crate) mod glob;
mod guarded_route;
pub mod harm;
pub mod import;
mod judged_version;
mod lenient;
mod load;
mod mismatch_finding;
mod nullable;
mod operation;
pub mod operation_risk;
pub mod overlay;
mod route;
mod route_guard;
pub mod sample_body;
mod schema_bounds;
pub mod schema_mismatch;
mod segment_tree;
pub mod shape;
mod spec_source;
pub mod strictness;
mod validation_budget;
mod version;

pub use any_version::ANY_VERSION;
pub use body_schema::{BodySchema, Effective, InvalidSchema};
pub use guarded_route::{FAMILY_ROUTES, GUARDED_ROUTES, GuardedRoute};
pub use judged_version::VersionPlace;
pub use load::{ContractError, ContractText, ContractTexts, is_contract_file};
pub use operation::Operation;
pub use overlay::{Applied, is_overlay_file};
use route::{RouteMatch, Routes, VERSION, is_canonical_parameter};
pub use route_guard::RouteGuard;
pub(crate) use schema_bounds::check as check_bounds;
pub use spec_source::{SpecSource, VersionSpec};
use std::collections::{BTreeSet, HashSet};
use std::sync::{Arc, OnceLock};
pub use version::{UnknownVersion, VersionChoice, VersionError, requested_version};
pub(crate) use version::{VERSION_PARAMETER, decode_form, is_date, names_only, query_parameters, query_values};

/// The operations that can do the harm that the gateway exists to prevent. They are inspected even if no policy matches them.
pub const INSPECTED: [&str; 4] = ["CreateUser", "ReplaceUserMetadata", "UpdateUser", "UpdateUserMetadata"];

/// Every API version of the contract.
#[derive(Debug)]
pub struct Contract {
    /// The dated versions, oldest first; then those of other families, which no request asks for.
    versions: Vec<Arc<str>>,
    /// The spec of each, by the position of the version; `None` if its file names none.
    sources: Vec<Option<SpecSource>>,
    /// How many of them are dated.
    dated: usize,
    /// The position of the default version, in [`ByVersion`].
    default: usize,
    routes: Routes<ByVersion>,
    /// Fields that do the same harm, by the overlay.
    harms: Vec<harm::Harm>,
    risks: operation_risk::OperationRisks,
    /// The most segments that a path has.
    depth: usize,
    /// The literal segments of its paths, for logs.
    words: HashSet<Box<str>>,
    /// A hash of its files, part of the revision of a bundle.
    fingerprint: Vec<u8>,
    /// Every operation, once it is asked for.
    // each test of a policy looks its operation up: listing them anew took half the time of a start
    listed: OnceLock<Vec<Arc<Operation>>>,
    ids: OnceLock<BTreeSet<Arc<str>>>,
}

/// The operation in each API version, by the position of the version; behind them the one for requests that may be for any.
type ByVersion = Vec<Option<Arc<Operation>>>;

/// The parameters of a path, by name.
pub type Parameters = Vec<(Arc<str>, Box<str>)>;

/// What the contract makes of the method and path of a request.
#[derive(Clone, Debug)]
pub enum Routed {
    /// An operation in the API version that applies, with the parameters of the path.
    Operation(Arc<Operation>, Parameters),
    /// The path of an operation that must be inspected, in a spelling other than its canonical one.
    Ambiguous,
    /// The path of an operation that must be inspected, with a method that the contract does not have there.
    MethodUnknown,
    /// No operation of the contract.
    Unknown,
}

impl Contract {
    /// The API versions, oldest first.
    pub fn versions(&self) -> &[Arc<str>] {
        self.versions.get(..self.dated).unwrap_or_default()
    }

    /// The versions of other families of operations, such as `platform-beta`. Each has operations of its own, which apply
    /// whatever API version a request asks for.
    pub fn families(&self) -> &[Arc<str>] {
        self.versions.get(self.dated..).unwrap_or_default()
    }

    /// Each version with the spec that it was made from, in the order of the versions.
    pub fn sources(&self) -> Vec<VersionSpec> {
        let versions = self.versions.iter().zip(&self.sources);
        let source = |(version, spec): (&Arc<str>, &Option<SpecSource>)| VersionSpec {
            version: Arc::clone(version),
            family: version::family_of(version).unwrap_or("backend").into(),
            spec: spec.clone(),
        };
        versions.map(source).collect()
    }

    /// The version with which a spec of `version` is compared: the same one, else the newest of its family.
    pub fn counterpart(&self, version: &str) -> Option<VersionSpec> {
        let mut sources = self.sources();
        sources.retain(|source| version::family_of(&source.version) == version::family_of(version));
        let same = sources.iter().position(|source| source.version.as_ref() == version);
        let position = same.or_else(|| sources.len().checked_sub(1))?;
        Some(sources.swap_remove(position))
    }

    /// The API version that applies to requests that name none; [`ANY_VERSION`] if that is any.
    pub fn default_version(&self) -> &str {
        self.versions.get(self.default).map_or(ANY_VERSION, AsRef::as_ref)
    }

    /// The default version; the newest if the default is any.
    pub fn default_or_newest(&self) -> &str {
        let default = self.versions.get(self.default).or_else(|| self.versions().last().or(self.families().last()));
        default.map(AsRef::as_ref).unwrap_or_default()
    }

    /// Fields that do the same harm.
    pub fn harms(&self) -> &[harm::Harm] {
        &self.harms
    }

    /// The operations that do harm by themselves, by risk.
    pub const fn risks(&self) -> &operation_risk::OperationRisks {
        &self.risks
    }

    /// A hash of its files.
    pub(crate) fn fingerprint(&self) -> &[u8] {
        &self.fingerprint
    }

    /// Every operation in every version, oldest first; before them those for requests that may be for any version.
    pub fn operations(&self) -> Vec<Arc<Operation>> {
        self.list().to_vec()
    }

    /// The operation with this id, of the newest API version that has it.
    pub fn newest_operation(&self, id: &str) -> Option<&Arc<Operation>> {
        self.list().iter().rfind(|operation| operation.id.as_ref() == id)
    }

    fn list(&self) -> &[Arc<Operation>] {
        self.listed.get_or_init(|| self.list_operations())
    }

    fn list_operations(&self) -> Vec<Arc<Operation>> {
        let mut operations: Vec<Arc<Operation>> =
            self.routes.targets().into_iter().flatten().flatten().cloned().collect();
        // one that has several paths is a target of each
        let mut seen = HashSet::new();
        operations.retain(|operation| seen.insert(Arc::as_ptr(operation)));
        // the last operation with an id is that of the newest version, which examples are made of
        operations.sort_by_key(|operation| !operation.is_of_any_version());
        operations
    }

    /// The operations of the API version `version`, by path and method.
    pub fn operations_of(&self, version: &str) -> Vec<Arc<Operation>> {
        let mut operations = self.operations();
        operations.retain(|operation| operation.api_version.as_ref() == version);
        operations.sort_by(|one, other| (&one.path, &one.method).cmp(&(&other.path, &other.method)));
        operations
    }

    /// The guard of the operations for which `is_inspected` is true: see [`Self::route`].
    pub fn guard(&self, is_inspected: impl Fn(&Operation) -> bool) -> RouteGuard {
        RouteGuard::new(&self.routes, is_inspected)
    }

    /// The operation that the request `method path` is for. `version` is the API version that it asks for; `guard` has the
    /// operations that must be inspected.
    ///
    /// The path is matched in its canonical spelling. If it does not match an operation that must be inspected, but some server
    /// could read it as the path of one, the request is [`Routed::Ambiguous`].
    pub fn route(&self, method: &str, path: &str, version: Option<&str>, guard: &RouteGuard) -> Routed {
        // HEAD is GET without the content of the response (RFC 9110 section 9.3.2)
        let method = if method == "HEAD" { "GET" } else { method };
        let segments = || path.strip_prefix('/').unwrap_or_default().split('/');
        let operation = |found: &RouteMatch<'_, '_, '_, ByVersion>| self.operation(found, method, version);
        if let Some(operation) = self.routes.find(segments(), is_canonical_parameter, operation) {
            return operation;
        }
        let any_inspected = |found: &RouteMatch<'_, '_, '_, ByVersion>| guard.guards_any(found).then_some(());
        if self.routes.find(segments(), is_canonical_parameter, any_inspected).is_some() {
            return Routed::MethodUnknown;
        }
        // after the canonical match: most requests are canonical, and this search is slower
        if self.may_resolve_to(method, path, guard) {
            return Routed::Ambiguous;
        }
        self.routes.find(segments(), is_anything, operation).unwrap_or(Routed::Unknown)
    }

    /// Whether some server could read `path` as one that is guarded for `method`.
    fn may_resolve_to(&self, method: &str, path: &str, guard: &RouteGuard) -> bool {
        if lenient::is_plain(path) {
            self.ends_guarded(method, path, guard)
        } else {
            guard.search(method, path).is_guarded
        }
    }

    /// Whether a plain path ends in a guarded one, in any case of letters, with or without the version, below any prefix: a
    /// proxy in front of the upstream could remove the prefix.
    fn ends_guarded(&self, method: &str, path: &str, guard: &RouteGuard) -> bool {
        let folded = path.to_ascii_lowercase();
        let is_guarded = |found: &RouteMatch<'_, '_, '_, ByVersion>| guard.guards(found, method).then_some(());
        // only as many segments as the longest route has: the work must not grow with the path
        let mut ends = folded.rmatch_indices('/').take(self.depth).filter_map(|(at, _)| folded.get(at + 1..));
        ends.any(|end| {
            let as_is = self.routes.find(end.split('/'), is_anything, is_guarded);
            let versioned = std::iter::once(VERSION).chain(end.split('/'));
            as_is.or_else(|| self.routes.find(versioned, is_anything, is_guarded)).is_some()
        })
    }

    /// The plain path that the caller of `path` probably meant, for messages.
    pub fn probable_path(path: &str) -> String {
        lenient::probable_path(path)
    }

    fn operation(
        &self,
        found: &RouteMatch<'_, '_, '_, ByVersion>,
        method: &str,
        version: Option<&str>,
    ) -> Option<Routed> {
        let operation = self.in_version(found.method(method)?, version)?;
        Some(Routed::Operation(operation, found.parameters()))
    }

    /// The position of the version that applies to a request that asks for `asked`: that version; for another date the newest
    /// before it, or the oldest; for anything else, and for none, the default.
    fn version(&self, asked: Option<&str>) -> usize {
        let Some(asked) = asked.filter(|asked| version::is_date(asked)) else { return self.default };
        self.versions().iter().rposition(|known| known.as_ref() <= asked).unwrap_or_default()
    }

    /// How `asked` differs from the versions of the contract; `None` if it is one of them.
    pub fn unknown_version(&self, asked: Option<&str>) -> Option<UnknownVersion> {
        let asked = asked.filter(|asked| self.versions().iter().all(|known| known.as_ref() != *asked))?;
        let is_newer = version::is_date(asked) && self.versions().last().is_some_and(|newest| newest.as_ref() < asked);
        Some(if is_newer { UnknownVersion::Newer } else { UnknownVersion::Other })
    }

    /// The operation in the version that applies, else in the newest that has it.
    fn in_version(&self, by_version: &ByVersion, version: Option<&str>) -> Option<Arc<Operation>> {
        let asked = self.version(version);
        let exact = by_version.get(asked).and_then(Option::as_ref);
        // a request must not escape inspection by asking for a version without the operation
        exact.or_else(|| by_version.iter().take(self.versions.len()).rev().flatten().next()).cloned()
    }

    /// The ids of all operations in all versions.
    pub fn operation_ids(&self) -> &BTreeSet<Arc<str>> {
        self.ids.get_or_init(|| self.operations().iter().map(|operation| operation.id.clone()).collect())
    }
}

/// What a parameter may be for a lenient router.
const fn is_anything(segment: &str) -> bool {
    !segment.is_empty()
}

#[cfg(test)]
mod tests;
