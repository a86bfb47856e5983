//! A case: what is sent, and what may become of it.

use super::expand::expand;
use serde::Deserialize;
use std::collections::BTreeMap;

/// The cases, by the sections of the catalogue of threats they come from.
const CORPUS: [&str; 9] = [
    include_str!("corpus/controls.yaml"),
    include_str!("corpus/credential.yaml"),
    include_str!("corpus/framing.yaml"),
    include_str!("corpus/head.yaml"),
    include_str!("corpus/json.yaml"),
    include_str!("corpus/limits.yaml"),
    include_str!("corpus/media.yaml"),
    include_str!("corpus/method.yaml"),
    include_str!("corpus/path.yaml"),
];

/// What may become of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Expectation {
    /// Nothing of it reaches the upstream.
    Refused,
    /// It may be refused, or be made harmless on its way; in no reading does the upstream get what is forbidden.
    Clean,
    /// A control: it reaches the upstream as it is, and is answered.
    Exact,
}

/// A case, as bytes.
#[derive(Clone, Debug)]
pub struct Case {
    /// Its section, its own name and, where there is one, which of its variants.
    pub(super) name: String,
    /// Where it comes from.
    pub(super) source: String,
    pub(super) expect: Expectation,
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

/// One or more cases as they are written; see `corpus/README.md`.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Template {
    name: String,
    source: String,
    expect: Expectation,
    #[serde(default)]
    each: BTreeMap<String, String>,
    #[serde(default = "default_line")]
    line: String,
    #[serde(default)]
    fields: Vec<String>,
    #[serde(default)]
    without: Vec<String>,
    body: Option<String>,
    chunks: Option<Vec<String>>,
    payload: Option<String>,
    raw: Option<String>,
    #[serde(default = "one")]
    requests: usize,
    #[serde(default)]
    never: Vec<String>,
    #[serde(default)]
    always: Vec<String>,
    #[serde(default)]
    end: bool,
}

/// A body on its way.
#[derive(Default)]
struct Payload {
    /// The header field that says where it ends.
    framing: Option<String>,
    /// The body itself.
    content: Vec<u8>,
    /// The body as it is sent.
    framed: Vec<u8>,
}

fn default_line() -> String {
    "PATCH /v1/users/${USER}".to_owned()
}

const fn one() -> usize {
    1
}

/// Every case, for a gateway that is reached as `host`.
///
/// # Errors
/// [`CorpusError`], which a test rules out.
pub fn corpus(host: &str) -> Result<Vec<Case>, CorpusError> {
    let mut cases = Vec::new();
    for text in CORPUS {
        let section: Section = serde_saphyr::from_str(text).map_err(|error| CorpusError(error.to_string()))?;
        for template in &section.cases {
            for (variant, template) in template.variants() {
                let name = [Some(section.section.as_str()), Some(&template.name), variant.as_deref()];
                let name = name.into_iter().flatten().collect::<Vec<_>>().join("/");
                let case = template.case(name.clone(), host);
                cases.push(case.map_err(|error| CorpusError(format!("{name}: {error}")))?);
            }
        }
    }
    Ok(cases)
}

impl Template {
    /// Itself, or one for each variant with `${EACH}` replaced.
    fn variants(&self) -> Vec<(Option<String>, Self)> {
        if self.each.is_empty() {
            return vec![(None, self.clone())];
        }
        let variants = self.each.iter();
        variants.map(|(name, each)| (Some(name.clone()), self.with(&|text| text.replace("${EACH}", each)))).collect()
    }

    fn with(&self, change: &dyn Fn(&str) -> String) -> Self {
        let all = |texts: &[String]| texts.iter().map(|text| change(text)).collect::<Vec<_>>();
        Self {
            line: change(&self.line),
            fields: all(&self.fields),
            body: self.body.as_deref().map(change),
            chunks: self.chunks.as_deref().map(all),
            payload: self.payload.as_deref().map(change),
            raw: self.raw.as_deref().map(change),
            always: all(&self.always),
            never: all(&self.never),
            ..self.clone()
        }
    }

    fn case(self, name: String, host: &str) -> Result<Case, String> {
        let (content, bytes) = self.bytes(host)?;
        let line = String::from_utf8_lossy(&expand(&self.line, host)?).into_owned();
        Ok(Case {
            name,
            source: self.source,
            expect: self.expect,
            bytes,
            content: (line, content),
            requests: self.requests,
            never: self.never,
            always: self.always,
            end: self.end,
        })
    }

    /// The body, and the whole request.
    fn bytes(&self, host: &str) -> Result<(Vec<u8>, Vec<u8>), String> {
        if let Some(raw) = &self.raw {
            return Ok((Vec::new(), expand(raw, host)?));
        }
        let Payload { framing, content, framed } = self.payload(host)?;
        let version = if self.line.contains(" HTTP/") { "" } else { " HTTP/1.1" };
        let mut bytes = expand(&format!("{}{version}\r\n", self.line), host)?;
        let mut fields = vec!["Host: ${HOST}".to_owned(), "Authorization: Bearer sk_live_selftest".to_owned()];
        if framing.is_some() || self.payload.is_some() {
            fields.push("Content-Type: application/json".to_owned());
        }
        fields.extend(framing);
        let is_dropped =
            |field: &String| self.without.iter().any(|name| field.to_lowercase().starts_with(&format!("{name}:")));
        for field in fields.iter().filter(|field| !is_dropped(field)).chain(&self.fields) {
            bytes.extend(expand(field, host)?);
            bytes.extend_from_slice(b"\r\n");
        }
        bytes.extend_from_slice(b"\r\n");
        bytes.extend(framed);
        Ok((content, bytes))
    }

    fn payload(&self, host: &str) -> Result<Payload, String> {
        match (&self.body, &self.chunks, &self.payload) {
            (Some(body), None, None) => {
                let content = expand(body, host)?;
                let framing = Some(format!("Content-Length: {}", content.len()));
                Ok(Payload { framing, framed: content.clone(), content })
            }
            (None, Some(chunks), None) => {
                let (mut content, mut framed) = (Vec::new(), Vec::new());
                for chunk in chunks {
                    let chunk = expand(chunk, host)?;
                    framed.extend(format!("{:x}\r\n", chunk.len()).into_bytes());
                    framed.extend_from_slice(&chunk);
                    framed.extend_from_slice(b"\r\n");
                    content.extend(chunk);
                }
                framed.extend_from_slice(b"0\r\n\r\n");
                Ok(Payload { framing: Some("Transfer-Encoding: chunked".to_owned()), content, framed })
            }
            (None, None, Some(payload)) => Ok(Payload { framed: expand(payload, host)?, ..Payload::default() }),
            (None, None, None) => Ok(Payload::default()),
            _ => Err("only one of `body`, `chunks` and `payload` fits".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Expectation, corpus};
    use std::collections::BTreeSet;

    #[test]
    fn the_corpus_is_well_made_and_large() {
        let cases = corpus("gateway").unwrap();
        let names: BTreeSet<_> = cases.iter().map(|case| &case.name).collect();
        assert_eq!(names.len(), cases.len(), "every case has a name of its own");
        let controls = cases.iter().filter(|case| case.expect == Expectation::Exact).count();
        assert!(cases.len() >= 400 && controls >= 40, "{} cases, {controls} controls", cases.len());
        assert!(cases.iter().all(|case| !case.bytes.is_empty() && !case.source.is_empty()));
    }
}
