//! What policy files hold: documents of several kinds, told apart by their `kind`.

use super::limit::RequestLimit;
use super::source::RequestPolicy;
use super::waiver::WaiverSource;
use crate::manifest::{self, Manifest, Source};
use crate::span::Diagnostic;
use schemars::JsonSchema;
use serde::Deserialize;
use std::path::Path;

/// What policy files hold, by kind, each in the order of the files.
#[derive(Debug, Default)]
pub struct Manifests {
    /// Rules that requests must keep.
    pub policies: Vec<Manifest<RequestPolicy>>,
    /// How many requests may pass.
    pub limits: Vec<Manifest<RequestLimit>>,
    /// What is let through of what they would refuse.
    pub waivers: Vec<Manifest<WaiverSource>>,
}

/// The part of a document that says what it is. The rest is looked at as that kind.
#[derive(Deserialize, JsonSchema)]
struct Head {
    kind: Kind,
}

#[derive(Clone, Copy, Deserialize, JsonSchema)]
enum Kind {
    RequestPolicy,
    Waiver,
    RequestLimit,
}

impl Manifests {
    /// Adds the documents of a file, and returns what is wrong with the others. `text` is its content, `file` only its name
    /// in errors.
    pub fn read(&mut self, file: &Path, text: &str) -> Vec<Diagnostic> {
        match manifest::documents(file, text) {
            Ok(documents) => documents.into_iter().filter_map(|document| self.add(document).err()).flatten().collect(),
            Err(mistakes) => mistakes,
        }
    }

    fn add(&mut self, document: Source) -> Result<(), Vec<Diagnostic>> {
        match manifest::decode::<Head>(&document)?.kind {
            Kind::RequestPolicy => self.policies.push(Manifest::of(document)?),
            Kind::Waiver => self.waivers.push(Manifest::of(document)?),
            Kind::RequestLimit => self.limits.push(Manifest::of(document)?),
        }
        Ok(())
    }
}
