//! Families of operations that the contract of an operator lacks.
//!
//! Without them, requests to the Platform API would be judged with the built-in contract and not with a folder that was copied
//! before that API was known; and the shipped policies, which name its operations, would be refused.

use super::{ContractText, ContractTexts, parse, read_overlays};
use crate::contract::contract_file::{ContractFile, OperationFile};
use crate::contract::overlay::{Overlays, route_shape};
use crate::contract::version::family_of;
use crate::diagnostic::Diagnostic;

/// Files of the built-in contract that complete one of an operator.
#[derive(Default)]
pub(super) struct MissingFamilies<'t> {
    /// What corrects them.
    pub(super) overlays: Overlays,
    pub(super) files: Vec<(&'t ContractText, ContractFile)>,
}

impl<'t> MissingFamilies<'t> {
    /// The files of `families` whose family has none in `own`. Operations that a file of `own` has, too, are left out: its word
    /// counts.
    ///
    /// # Errors
    ///
    /// A file of `families` cannot be read, which is an error of the build.
    pub(super) fn of(
        own: &[(&ContractText, ContractFile)],
        families: &'t ContractTexts,
    ) -> Result<Self, Vec<Diagnostic>> {
        let mut files = Vec::new();
        for text in &families.versions {
            let mut file = parse(text).map_err(|error| vec![error])?;
            let family = family_of(&file.api_version);
            if own.iter().all(|(_, own)| family_of(&own.api_version) != family) {
                let known = || own.iter().flat_map(|(_, own)| &own.operations);
                file.operations.retain(|operation| !known().any(|known| is_same(known, operation)));
                files.push((text, file));
            }
        }
        let overlays = if files.is_empty() { Overlays::default() } else { read_overlays(families)? };
        Ok(Self { overlays, files })
    }
}

/// Whether both are called alike, or are at the same route.
fn is_same(one: &OperationFile, other: &OperationFile) -> bool {
    one.id == other.id || one.method == other.method && route_shape(&one.path).eq(route_shape(&other.path))
}
