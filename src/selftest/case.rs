//! A case of the corpus: the bytes to send, and the expected outcome.

use super::template::Template;
use serde::{Deserialize, Serialize};

/// The files of the corpus, one a section.
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

/// The expected outcome of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum CaseExpectation {
    /// Nothing of it may reach the upstream.
    Refused,
    /// It may be refused, or forwarded without the attack: the upstream must not receive the forbidden field in any reading.
    Clean,
    /// A control: it must reach the upstream unchanged and get a response of 200.
    Exact,
}

/// The protocol in which a case is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub enum CaseProtocol {
    /// HTTP/1.1, byte by byte as the case has it.
    #[serde(rename = "HTTP/1.1")]
    Http1,
    /// HTTP/2, each case on its own connection.
    #[serde(rename = "HTTP/2")]
    Http2,
}

/// The origin of the gateway, as clients name it.
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
    /// Section, name and variant, joined by `/`.
    pub(super) name: String,
    /// The source of the case, such as an RFC or a known bug.
    pub(super) source: String,
    pub(super) expect: CaseExpectation,
    pub(super) protocol: CaseProtocol,
    /// The bytes to send.
    pub(super) bytes: Vec<u8>,
    /// Method and target, and the body, which a control must arrive with.
    pub(super) content: (String, Vec<u8>),
    /// The number of requests in the bytes.
    pub(super) requests: usize,
    /// Most of them that may reach the upstream.
    pub(super) most: usize,
    /// Header fields that must not reach the upstream.
    pub(super) never: Vec<String>,
    /// Header fields that must reach it if the request does.
    pub(super) always: Vec<String>,
    /// Whether the client shuts down its sending side after the bytes.
    pub(super) end: bool,
}

/// A file of the corpus is malformed. The corpus is part of the program, so this is a bug.
#[derive(Debug, thiserror::Error)]
#[error("the corpus is malformed: {0}")]
pub struct CorpusError(String);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Section {
    section: String,
    cases: Vec<Template>,
}

/// All cases for the gateway at `place`. A case that has a meaning in both protocols is there once for each.
///
/// # Errors
/// When the corpus is malformed, which a test rules out.
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
