//! Policy files: YAML streams of documents, each of a `kind`.

use crate::diagnostic::Diagnostic;
use crate::manifest::{self, Manifest, Source};
use crate::policy::limit::RequestLimit;
use crate::policy::params::ParamsSource;
use crate::policy::source::RequestPolicy;
use crate::policy::waiver::WaiverSource;
use schemars::JsonSchema;
use serde::Deserialize;
use std::path::Path;

/// The documents of policy files by kind, each in the order of the files.
#[derive(Clone, Debug, Default)]
pub struct PolicyDocuments {
    /// `kind: RequestPolicy`: rules for requests.
    pub policies: Vec<Manifest<RequestPolicy>>,
    /// `kind: RequestLimit`: rate and concurrency limits.
    pub limits: Vec<Manifest<RequestLimit>>,
    /// `kind: Params`: values that policies share.
    pub params: Vec<Manifest<ParamsSource>>,
    /// `kind: Waiver`: exceptions from policies, until a day.
    pub waivers: Vec<Manifest<WaiverSource>>,
}

/// The `kind` of a document, by which the rest is decoded.
//
// Decoded first and alone: an untagged enum would report that a document fits no kind, not what is wrong with it.
#[derive(Deserialize, JsonSchema)]
struct DocumentHead {
    kind: DocumentKind,
}

#[derive(Clone, Copy, Deserialize, JsonSchema)]
enum DocumentKind {
    RequestPolicy,
    Waiver,
    RequestLimit,
    Params,
}

/// Help for keys of a Kubernetes `ValidatingAdmissionPolicy` that policies here do not have.
const FOREIGN_KEYS: [(&str, &str); 6] = [
    ("validationActions", "here it is `actions`, with `Deny`, `Warn` or `Audit`"),
    ("matchConstraints", "here it is `match: { operations: [...] }`"),
    ("messageExpression", "`message` is a fixed text here"),
    ("paramRef", "here it is `paramsFrom: [NAME]`, with the names of `kind: Params` documents"),
    ("paramKind", "leave it out: `paramsFrom` names documents of `kind: Params`"),
    ("failurePolicy", "leave it out: a validation that cannot be evaluated fails"),
];

/// Adds help to an unknown key that is one of an admission policy.
fn with_foreign_key_help(error: Diagnostic) -> Diagnostic {
    let key = error.message.strip_prefix("unknown key `").and_then(|rest| rest.split('`').next());
    match FOREIGN_KEYS.iter().find(|(foreign, _)| Some(*foreign) == key) {
        Some((_, help)) => error.with_help(*help),
        None => error,
    }
}

impl PolicyDocuments {
    /// Adds the valid documents of a file, and returns the errors of the others. `text` is the content; `file` is only named in
    /// errors.
    pub fn read(&mut self, file: &Path, text: &str) -> Vec<Diagnostic> {
        match manifest::documents(file, text) {
            Ok(documents) => {
                let errors = documents.into_iter().filter_map(|document| self.add(document).err()).flatten();
                errors.map(with_foreign_key_help).collect()
            }
            Err(errors) => errors,
        }
    }

    fn add(&mut self, document: Source) -> Result<(), Vec<Diagnostic>> {
        let variables = document.unreplaced_variables();
        if !variables.is_empty() {
            return Err(variables);
        }
        // The kind decides which schema the errors of the document are reported against.
        match manifest::decode::<DocumentHead>(&document)?.kind {
            DocumentKind::RequestPolicy => self.policies.push(Manifest::of(document)?),
            DocumentKind::Waiver => self.waivers.push(Manifest::of(document)?),
            DocumentKind::Params => self.params.push(Manifest::of(document)?),
            DocumentKind::RequestLimit => self.limits.push(Manifest::of(document)?),
        }
        Ok(())
    }
}
