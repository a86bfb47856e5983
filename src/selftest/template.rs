//! The cases as the corpus writes them, and their bytes in each protocol.

use super::case::{AttackCase, CaseExpectation, CaseProtocol, Place};
use super::expand::expand;
use super::frames::{Field, request};
use serde::Deserialize;
use std::collections::BTreeMap;

/// The initial flow-control window of HTTP/2 in bytes (RFC 9113, section 6.9.2).
const WINDOW: usize = 65_535;

/// One or more cases; `corpus/README.md` documents the keys.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Template {
    pub(super) name: String,
    source: String,
    expect: CaseExpectation,
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
    most: Option<usize>,
    #[serde(default)]
    never: Vec<String>,
    #[serde(default)]
    always: Vec<String>,
    #[serde(default)]
    end: bool,
    /// The only protocol in which the case has a meaning.
    only: Option<CaseProtocol>,
    /// In HTTP/2: fields before all others.
    #[serde(default)]
    pseudo: Vec<String>,
    /// In HTTP/2: bytes of padding in each frame of the body.
    padding: Option<u8>,
    /// In HTTP/2: fields after the body.
    #[serde(default)]
    trailers: Vec<String>,
}

/// A body and its framing.
#[derive(Default)]
struct Payload {
    /// The header field that delimits the body.
    framing: Option<String>,
    /// The decoded body.
    content: Vec<u8>,
    /// The body as sent.
    framed: Vec<u8>,
}

fn default_line() -> String {
    "PATCH /v1/users/${USER}".to_owned()
}

const fn one() -> usize {
    1
}

impl Template {
    /// The template itself, or one for each variant, with `${EACH}` replaced.
    pub(super) fn variants(&self) -> Vec<(Option<String>, Self)> {
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
            without: all(&self.without),
            pseudo: all(&self.pseudo),
            trailers: all(&self.trailers),
            body: self.body.as_deref().map(change),
            chunks: self.chunks.as_deref().map(all),
            payload: self.payload.as_deref().map(change),
            raw: self.raw.as_deref().map(change),
            always: all(&self.always),
            never: all(&self.never),
            ..self.clone()
        }
    }

    /// The case in each protocol in which it has a meaning. Bodies framed by hand are for HTTP/1.1 only, as are those beyond
    /// [`WINDOW`], since the client does not wait for a `WINDOW_UPDATE`.
    pub(super) fn cases(&self, name: &str, place: Place<'_>) -> Result<Vec<AttackCase>, String> {
        let mut cases = Vec::new();
        if self.only != Some(CaseProtocol::Http2) {
            cases.push(self.case(name.to_owned(), CaseProtocol::Http1, self.bytes(place.host)?, place)?);
        }
        let is_by_hand = self.raw.is_some() || self.payload.is_some();
        if self.only == Some(CaseProtocol::Http2) || self.only.is_none() && !is_by_hand {
            let frames = self.frames(place)?;
            if frames.0.len() <= WINDOW {
                cases.push(self.case(format!("{name}@h2"), CaseProtocol::Http2, frames, place)?);
            }
        }
        Ok(cases)
    }

    fn case(
        &self,
        name: String,
        protocol: CaseProtocol,
        (content, bytes): (Vec<u8>, Vec<u8>),
        place: Place<'_>,
    ) -> Result<AttackCase, String> {
        let line = String::from_utf8_lossy(&expand(&self.line, place.host)?).into_owned();
        Ok(AttackCase {
            name,
            source: self.source.clone(),
            expect: self.expect,
            protocol,
            bytes,
            content: (line, content),
            requests: self.requests,
            most: self.most.unwrap_or(self.requests),
            never: self.never.clone(),
            always: self.always.clone(),
            // HTTP/2 ends a stream by a flag, not by closing the sending side
            end: self.end && protocol == CaseProtocol::Http1,
        })
    }

    /// The body, and the whole connection in HTTP/2.
    fn frames(&self, Place { scheme, host }: Place<'_>) -> Result<(Vec<u8>, Vec<u8>), String> {
        let Payload { content, .. } = self.payload(host)?;
        let (method, path) = self.line.split_once(' ').ok_or("the line has no target")?;
        let pseudo = [(":method", method), (":scheme", scheme), (":authority", "${HOST}"), (":path", path)];
        let pseudo = pseudo.map(|(name, value)| format!("{name}: {value}"));
        let mut own = vec!["authorization: Bearer sk_live_selftest".to_owned()];
        if self.body.is_some() || self.chunks.is_some() {
            own.push("content-type: application/json".to_owned());
        }
        // optional in HTTP/2, but sent, since a mismatch with it is a case of its own
        own.extend(self.body.as_ref().map(|_| format!("content-length: {}", content.len())));
        let own = pseudo.iter().chain(&own).filter(|field| !self.is_dropped(field));
        let mut head = Vec::new();
        for field in self.pseudo.iter().chain(own).chain(&self.fields) {
            head.push(self.http2_field(field, host)?);
        }
        let pieces = match (&self.body, &self.chunks, &self.payload) {
            (None, None, None) => Vec::new(),
            (None, Some(chunks), _) => chunks.iter().map(|chunk| expand(chunk, host)).collect::<Result<_, _>>()?,
            _ => vec![content.clone()],
        };
        let trailers: Result<Vec<_>, _> = self.trailers.iter().map(|field| self.http2_field(field, host)).collect();
        Ok((content, request(&head, &pieces, self.padding, &trailers?)))
    }

    /// A header line as a field. Names of cases for both protocols are lowered, as HTTP/2 requires (RFC 9113, section 8.2).
    fn http2_field(&self, line: &str, host: &str) -> Result<Field, String> {
        let bytes = expand(line, host)?;
        // the first `: `, not the first colon: the name of a pseudo-field begins with one
        let spaced = bytes.windows(2).position(|pair| pair == b": ");
        let colon = spaced.or_else(|| bytes.iter().position(|byte| *byte == b':')).unwrap_or(bytes.len());
        let (name, rest) = bytes.split_at(colon);
        let name = if self.only.is_some() { name.to_vec() } else { name.to_ascii_lowercase() };
        let value = rest.strip_prefix(b": ").or_else(|| rest.strip_prefix(b":")).unwrap_or(rest);
        Ok((name, value.to_vec()))
    }

    /// Whether a default field is left out. `host` also means `:authority`, its counterpart in HTTP/2.
    fn is_dropped(&self, field: &str) -> bool {
        let field = field.to_ascii_lowercase();
        let named = |name: &str| field.strip_prefix(name).is_some_and(|rest| rest.starts_with(':'));
        self.without.iter().any(|name| named(name) || name == "host" && named(":authority"))
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
        for field in fields.iter().filter(|field| !self.is_dropped(field)).chain(&self.fields) {
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
