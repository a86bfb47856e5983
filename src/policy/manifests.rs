//! What policy files hold: documents of several kinds, told apart by their `kind`.

use super::limit::RequestLimit;
use super::source::RequestPolicy;
use super::waiver::WaiverSource;
use crate::diagnostic::Diagnostic;
use crate::manifest::{self, Manifest, Source};
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

/// What there is here for keys of an admission policy that policies do not have.
const FOREIGN_KEYS: [(&str, &str); 4] = [
    ("validationActions", "here it is `actions`, with `Deny`, `Warn` or `Audit`"),
    ("matchConstraints", "here it is `match: { operations: [...] }`"),
    ("messageExpression", "`message` is a fixed text here"),
    ("failurePolicy", "leave it out: what cannot be evaluated does not hold"),
];

/// The mistake, with the cure where it is a key of an admission policy.
fn with_word(mistake: Diagnostic) -> Diagnostic {
    let key = mistake.message.strip_prefix("unknown key `").and_then(|rest| rest.split('`').next());
    match FOREIGN_KEYS.iter().find(|(foreign, _)| Some(*foreign) == key) {
        Some((_, help)) => mistake.with_help(*help),
        None => mistake,
    }
}

impl Manifests {
    /// Adds the documents of a file, and returns what is wrong with the others. `text` is its content, `file` only its name
    /// in errors.
    pub fn read(&mut self, file: &Path, text: &str) -> Vec<Diagnostic> {
        match manifest::documents(file, text) {
            Ok(documents) => {
                let mistakes = documents.into_iter().filter_map(|document| self.add(document).err()).flatten();
                mistakes.map(with_word).collect()
            }
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
