//! A case: what is sent, and what may become of it.

use super::template::Template;
use serde::{Deserialize, Serialize};

/// The cases, by the sections of the catalogue of threats they come from.
const CORPUS: [&str; 10] = [
    include_str!("corpus/controls.yaml"),
    include_str!("corpus/credential.yaml"),
    include_str!("corpus/framing.yaml"),
    include_str!("corpus/head.yaml"),
    include_str!("corpus/http2.yaml"),
    include_str!("corpus/json.yaml"),
    include_str!("corpus/limits.yaml"),
    include_str!("corpus/media.yaml"),
    include_str!("corpus/method.yaml"),
    include_str!("corpus/path.yaml"),
];

/// What may become of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum CaseExpectation {
    /// Nothing of it reaches the upstream.
    Refused,
    /// It may be refused, or be made harmless on its way; in no reading does the upstream get what is forbidden.
    Clean,
    /// A control: it reaches the upstream as it is, and is answered.
    Exact,
}

/// How a case is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub enum CaseProtocol {
    /// As lines of text.
    #[serde(rename = "HTTP/1.1")]
    Http1,
    /// In frames, each case on a connection of its own.
    #[serde(rename = "HTTP/2")]
    Http2,
}

/// Where the cases are sent, as clients name it.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// `http` or `https`.
    pub scheme: &'a str,
    /// The authority.
    pub host: &'a str,
}

/// A case, as bytes.
#[derive(Clone, Debug)]
pub struct AttackCase {
    /// Its section, its own name and, where there is one, which of its variants.
    pub(super) name: String,
    /// Where it comes from.
    pub(super) source: String,
    pub(super) expect: CaseExpectation,
    pub(super) protocol: CaseProtocol,
    /// What is sent.
    pub(super) bytes: Vec<u8>,
    /// Method, target and body, as a control has to arrive.
    pub(super) content: (String, Vec<u8>),
    /// How many requests it is.
    pub(super) requests: usize,
    /// Header fields that must not reach the upstream.
    pub(super) never: Vec<String>,
    /// Header fields that must reach it, if the request does.
    pub(super) always: Vec<String>,
    /// Whether the client ends its side of the connection behind the bytes.
    pub(super) end: bool,
}

/// A file of the corpus is not well made. It comes with the program, so this is a mistake of ours.
#[derive(Debug, thiserror::Error)]
#[error("the corpus is not well made: {0}")]
pub struct CorpusError(String);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Section {
    section: String,
    cases: Vec<Template>,
}

/// Every case, for a gateway that is reached at `place`. What means the same in both protocols is a case in each.
///
/// # Errors
/// [`CorpusError`], which a test rules out.
pub fn corpus(place: Place<'_>) -> Result<Vec<AttackCase>, CorpusError> {
    let mut cases = Vec::new();
    for text in CORPUS {
        let section: Section = serde_saphyr::from_str(text).map_err(|error| CorpusError(error.to_string()))?;
        for template in &section.cases {
            for (variant, template) in template.variants() {
                let name = [Some(section.section.as_str()), Some(&template.name), variant.as_deref()];
                let name = name.into_iter().flatten().collect::<Vec<_>>().join("/");
                let made = template.cases(&name, place);
                cases.extend(made.map_err(|error| CorpusError(format!("{name}: {error}")))?);
            }
        }
    }
    Ok(cases)
}

#[cfg(test)]
mod tests {
    use super::{CaseExpectation, CaseProtocol, Place, corpus};
    use std::collections::BTreeSet;

    #[test]
    fn the_corpus_is_well_made_and_large() {
        let cases = corpus(Place { scheme: "http", host: "gateway" }).unwrap();
        let names: BTreeSet<_> = cases.iter().map(|case| &case.name).collect();
        assert_eq!(names.len(), cases.len(), "every case has a name of its own");
        let controls = cases.iter().filter(|case| case.expect == CaseExpectation::Exact).count();
        assert!(cases.len() >= 400 && controls >= 40, "{} cases, {controls} controls", cases.len());
        let http2 = cases.iter().filter(|case| case.protocol == CaseProtocol::Http2).count();
        assert!(http2 >= 400 && cases.len() - http2 >= 400, "{http2} of {} in HTTP/2", cases.len());
        assert!(cases.iter().all(|case| !case.bytes.is_empty() && !case.source.is_empty()));
    }
}
