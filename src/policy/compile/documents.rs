//! What policy files hold: documents of several kinds, told apart by their `kind`.

use crate::diagnostic::Diagnostic;
use crate::manifest::{self, Manifest, Source};
use crate::policy::limit::RequestLimit;
use crate::policy::source::RequestPolicy;
use crate::policy::waiver::WaiverSource;
use schemars::JsonSchema;
use serde::Deserialize;
use std::path::Path;

/// What policy files hold, by kind, each in the order of the files.
#[derive(Debug, Default)]
pub struct PolicyDocuments {
    /// Rules that requests must keep.
    pub policies: Vec<Manifest<RequestPolicy>>,
    /// How many requests may pass.
    pub limits: Vec<Manifest<RequestLimit>>,
    /// What is let through of what they would refuse.
    pub waivers: Vec<Manifest<WaiverSource>>,
}

/// The part of a document that says what it is. The rest is looked at as that kind.
#[derive(Deserialize, JsonSchema)]
struct DocumentHead {
    kind: DocumentKind,
}

#[derive(Clone, Copy, Deserialize, JsonSchema)]
enum DocumentKind {
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

/// The error, with the cure where it is a key of an admission policy.
fn with_word(error: Diagnostic) -> Diagnostic {
    let key = error.message.strip_prefix("unknown key `").and_then(|rest| rest.split('`').next());
    match FOREIGN_KEYS.iter().find(|(foreign, _)| Some(*foreign) == key) {
        Some((_, help)) => error.with_help(*help),
        None => error,
    }
}

impl PolicyDocuments {
    /// Adds the documents of a file, and returns what is wrong with the others. `text` is its content, `file` only its name
    /// in errors.
    pub fn read(&mut self, file: &Path, text: &str) -> Vec<Diagnostic> {
        match manifest::documents(file, text) {
            Ok(documents) => {
                let errors = documents.into_iter().filter_map(|document| self.add(document).err()).flatten();
                errors.map(with_word).collect()
            }
            Err(errors) => errors,
        }
    }

    fn add(&mut self, document: Source) -> Result<(), Vec<Diagnostic>> {
        match manifest::decode::<DocumentHead>(&document)?.kind {
            DocumentKind::RequestPolicy => self.policies.push(Manifest::of(document)?),
            DocumentKind::Waiver => self.waivers.push(Manifest::of(document)?),
            DocumentKind::RequestLimit => self.limits.push(Manifest::of(document)?),
        }
        Ok(())
    }
}
