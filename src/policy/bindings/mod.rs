//! Binds the names of CEL expressions to requests.
//!
//! [`crate::cel`] knows nothing of requests. Here it gets the declarations that it checks names against, and the values of three kinds
//! of requests: one that the gateway judges ([`request`]), one that a decision log recorded ([`redacted`]), and one of which only is
//! known what it lacks ([`absence`]).

mod absence;
mod attribute;
mod declarations;
mod disclosure;
mod format;
mod json_size;
mod part;
mod redacted;
mod request;

pub(in crate::policy) use absence::{Absence, PartialRequest, UnknownBody};
pub(crate) use attribute::is_credential;
pub(in crate::policy) use declarations::RequestDeclarations;
pub(in crate::policy) use disclosure::RequestDisclosure;
pub(crate) use part::RequestPart;
pub(crate) use request::RequestActivation;

use super::reads::Reads;
use crate::cel::Lookups;
use attribute::Namespace;
use std::collections::BTreeSet;

/// The parts of the body among `lookups`.
pub(in crate::policy) fn reads(lookups: &Lookups) -> Reads {
    let mut reads = Reads::default();
    for name in lookups.names(Namespace::Body.id()) {
        match name {
            Some(name) => reads.field(name),
            None => reads.any_field(),
        }
    }
    reads
}

/// The headers among `lookups`, in lower case; `None` if one has a name that only a request decides.
pub(in crate::policy) fn headers(lookups: &Lookups) -> Option<BTreeSet<String>> {
    lookups.names(Namespace::Headers.id()).map(|name| name.map(str::to_ascii_lowercase)).collect()
}

/// The parameters of the query among `lookups`; `None` if one has a name that only a request decides.
pub(in crate::policy) fn query(lookups: &Lookups) -> Option<BTreeSet<String>> {
    lookups.names(Namespace::Query.id()).map(|name| name.map(str::to_owned)).collect()
}

/// The labels of the gateway among `lookups`, without those of a name that only a request decides.
pub(in crate::policy) fn labels(lookups: &Lookups) -> BTreeSet<String> {
    lookups.names(Namespace::Labels.id()).flatten().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests;
