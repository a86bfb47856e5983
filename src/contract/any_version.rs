//! The schema of bodies whose request names no API version: valid is what one of the versions accepts.
//!
//! No document of the vendor has the version that counts then, and public code that names none works. So a body is refused only if
//! no version accepts it, and policies see the fields of all versions.

use super::body_schema::{BodySchema, VersionSchema};
use super::compiled_schema::broken_schema;
use super::confusable::find_confusables;
use super::field::Pointer;
use super::field_tree::FieldTree;
use super::finding::{FindingKind, SchemaFinding};
use super::operation::Operation;
use super::schema_mismatch::{MOST_FINDINGS, SchemaMismatch};
use crate::document::Document;
use std::sync::{Arc, OnceLock};

/// The name of the default that stands for every API version.
pub const ANY_VERSION: &str = "any";

/// The message for a field of one version beside fields that only other versions have.
const OF_OTHER_VERSION: &str = "is not a field of an API version that has the other fields of the body";

/// The schemas of one operation in every API version that has one.
#[derive(Debug)]
pub struct AnyVersionSchema {
    /// The operation in each version with a JSON body, newest first.
    versions: Box<[Arc<Operation>]>,
    /// The fields of all versions, read when they are first used.
    fields: OnceLock<FieldTree>,
}

impl AnyVersionSchema {
    /// The schema for the `versions` of an operation, newest first; `None` if none has a JSON body.
    pub(super) fn new(versions: impl Iterator<Item = Arc<Operation>>) -> Option<Self> {
        let versions: Box<[_]> = versions.filter(|operation| operation.body.is_some()).collect();
        (!versions.is_empty()).then(|| Self { versions, fields: OnceLock::new() })
    }

    fn schemas(&self) -> impl Iterator<Item = &VersionSchema> {
        self.versions.iter().filter_map(|operation| match operation.body.as_ref()? {
            BodySchema::OfVersion(schema) => Some(schema),
            BodySchema::OfAny(_) => None,
        })
    }

    pub(super) fn newest(&self) -> Option<&VersionSchema> {
        self.schemas().next()
    }

    /// The names that any version declares, with the types of all.
    pub(super) fn field_tree(&self) -> &FieldTree {
        self.fields.get_or_init(|| FieldTree::union(self.schemas().map(VersionSchema::field_tree)))
    }

    /// What is wrong with `document`: nothing if a version accepts it, else what the version finds that comes closest.
    pub(super) fn check(&self, document: &Document) -> Vec<SchemaFinding> {
        let mut findings = Vec::new();
        // over the names of all versions: which one the upstream takes is unknown, so a look-alike in any of them counts
        find_confusables(document.root(), self.field_tree(), &Pointer::default(), &mut findings);
        let mut rejections = Vec::new();
        for compiled in self.schemas().map(VersionSchema::compiled_schema).filter(|compiled| compiled.is_usable()) {
            let mismatches = compiled.mismatches(document);
            if mismatches.is_empty() {
                return findings;
            }
            // the same body would take as much work of every other version
            let is_end = mismatches.iter().any(SchemaMismatch::is_of_work);
            rejections.push(VersionMismatches { fields: compiled.field_tree(), mismatches });
            if is_end {
                break;
            }
        }
        findings.extend(self.closest(&rejections).unwrap_or_else(|| vec![broken_schema()]));
        findings
    }

    /// The findings of the version that comes closest. `None` if there is no version.
    fn closest(&self, rejections: &[VersionMismatches<'_>]) -> Option<Vec<SchemaFinding>> {
        // wrong values first: where unknown fields are allowed, a version without any of those accepts the body. `min_by_key`
        // returns the first of several, which is the newest
        let closest = rejections.iter().min_by_key(|rejection| rejection.distance())?;
        let mut findings = Vec::new();
        for mismatch in &closest.mismatches {
            let Some(mut finding) = self.field_tree().finding(mismatch.clone()) else { continue };
            if finding.kind == FindingKind::Unknown && self.field_tree().at(&mismatch.steps).is_some() {
                OF_OTHER_VERSION.clone_into(&mut finding.message);
                findings.extend(self.wrong_elsewhere(mismatch, rejections));
            }
            findings.push(finding);
        }
        findings.truncate(2 * MOST_FINDINGS);
        Some(findings)
    }

    /// What every version that has the field of `unknown` finds wrong with its value.
    //
    // Policies are compiled for the types of the versions that have it: where unknown fields are allowed, a value of another type
    // must not pass them.
    fn wrong_elsewhere(&self, unknown: &SchemaMismatch, rejections: &[VersionMismatches<'_>]) -> Vec<SchemaFinding> {
        let having = rejections.iter().filter(|rejection| rejection.fields.at(&unknown.steps).is_some());
        let wrong = having.map(|rejection| -> Vec<_> {
            let below = rejection.mismatches.iter().filter(|it| !it.is_unknown && it.steps.starts_with(&unknown.steps));
            below.filter_map(|mismatch| self.field_tree().finding(mismatch.clone())).collect()
        });
        let wrong: Vec<Vec<SchemaFinding>> = wrong.collect();
        if wrong.iter().any(Vec::is_empty) { Vec::new() } else { wrong.into_iter().next().unwrap_or_default() }
    }
}

/// What one version finds wrong with a body.
struct VersionMismatches<'s> {
    fields: &'s FieldTree,
    mismatches: Vec<SchemaMismatch>,
}

impl VersionMismatches<'_> {
    /// How many values are wrong, and how many names are unknown.
    fn distance(&self) -> (usize, usize) {
        let unknown = self.mismatches.iter().filter(|mismatch| mismatch.is_unknown).count();
        (self.mismatches.len() - unknown, unknown)
    }
}

#[cfg(test)]
mod tests;
