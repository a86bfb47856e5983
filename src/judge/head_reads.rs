//! The parameters of the query and the headers that rules read, and whether a head has one of them in more than one way.
//!
//! Servers differ in which of two parameters counts, and in which names are one: `limit`, `limit[]`, `limit[0]`, `Limit`,
//! `%6cimit`; `x-team`, `x_team`. A rule reads the first that has exactly the name, so that no other may be there.

use crate::contract::{VERSION_PARAMETER, decode_form};
use crate::policy::{Policies, is_credential};
use http::HeaderMap;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fmt;

/// Most parameters of a query that rules read: the name of each is compared. One with escapes counts four times. Clerk's lists take
/// a few hundred ids.
const MOST_PARAMETERS: usize = 1_000;

/// Longest name of a parameter, in bytes. No API has one as long, and each is decoded up to four times.
const LONGEST_NAME: usize = 1_024;

/// What the rules for one operation read of heads.
#[derive(Debug)]
pub(super) struct HeadReads {
    query: NameSet,
    headers: NameSet,
}

/// Names that rules read.
#[derive(Debug)]
enum NameSet {
    /// These, by their stems.
    Named(BTreeMap<String, BTreeSet<Box<str>>>),
    /// The request decides which.
    Any,
}

/// A head has something that a rule reads in more than one way. The names are those in the rules.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeadAmbiguity {
    /// A parameter of the query; `None` if it is not known which.
    Query(Option<Box<str>>),
    /// More parameters than are compared.
    ManyParameters,
    /// A header; `None` if it is not known which.
    Header(Option<Box<str>>),
}

impl HeadAmbiguity {
    /// What the caller can change.
    pub const fn fix(&self) -> &'static str {
        match self {
            Self::Query(_) => "send each parameter of the query once, by its plain name without escapes and brackets",
            Self::ManyParameters => "send fewer parameters in the query",
            Self::Header(_) => "send each header once, and its name with `-`",
        }
    }
}

impl fmt::Display for HeadAmbiguity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Query(Some(name)) => {
                write!(
                    f,
                    "`{name}`, which a rule reads, is in the query more than once or in another spelling, such as `{name}[]`"
                )
            }
            Self::Query(None) => {
                f.write_str("a rule reads the query, which has a parameter whose name servers read in different ways")
            }
            Self::ManyParameters => {
                write!(f, "a rule reads the query, which has more than {MOST_PARAMETERS} parameters")
            }
            Self::Header(Some(name)) => {
                write!(f, "the header `{name}`, which a rule reads, occurs more than once or in another spelling")
            }
            Self::Header(None) => f.write_str("a rule reads headers, one of which occurs more than once"),
        }
    }
}

/// A name in the query or of a header, as the request spells it.
struct HeadName<'h> {
    /// As it is written. `None` for what is a name for some servers only.
    verbatim: Option<&'h str>,
    decoded: Cow<'h, str>,
    stem: &'h str,
}

impl HeadReads {
    /// What the gateway itself reads: the API version. (`Clerk-API-Version` must not repeat on any operation.)
    pub(super) fn of_gateway() -> Self {
        Self { query: NameSet::parameters([VERSION_PARAMETER]), headers: NameSet::headers([]) }
    }

    /// What the rules of `policies` for the operation `id` read, and the gateway itself. `None` if they read nothing.
    pub(super) fn of(policies: &Policies, id: &str) -> Option<Self> {
        let (query, headers) = (policies.query_read(id), policies.headers_read(id));
        let (any_query, any_header) = (policies.reads_any_query(id), policies.reads_any_header(id));
        let reads_any = !query.is_empty() || !headers.is_empty() || any_query || any_header;
        reads_any.then(|| Self {
            query: if any_query {
                NameSet::Any
            } else {
                NameSet::parameters(query.into_iter().chain([VERSION_PARAMETER]))
            },
            // no rule can read these
            headers: if any_header {
                NameSet::Any
            } else {
                NameSet::headers(headers.into_iter().filter(|it| !is_credential(it)))
            },
        })
    }

    /// Checks that each parameter and header that is read is there once at most, and in its own spelling.
    ///
    /// # Errors
    ///
    /// What the head has in more than one way.
    pub(super) fn check(&self, query: &str, headers: &HeaderMap) -> Result<(), HeadAmbiguity> {
        if !query.is_empty() {
            self.check_query(query)?;
        }
        if self.headers.is_empty() {
            return Ok(());
        }
        let (mut seen, mut stem) = (HashSet::new(), String::new());
        // a name for each line
        for name in headers.iter().map(|(name, _)| name.as_str()).filter(|name| !is_credential(name)) {
            write_letters(name, &mut stem);
            let name = HeadName { verbatim: Some(name), decoded: name.into(), stem: &stem };
            self.headers.check(name, &mut seen).map_err(HeadAmbiguity::Header)?;
        }
        Ok(())
    }

    fn check_query(&self, query: &str) -> Result<(), HeadAmbiguity> {
        // one buffer for all stems: an allocation for each of a thousand names would be most of the cost
        let (mut seen, mut cost, mut stem) = (HashSet::new(), 0, String::new());
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            // some servers end a parameter at these, too
            for (position, part) in pair.split([';', '?', '#']).enumerate() {
                let name = part.split('=').next().unwrap_or_default();
                // an escaped name is decoded, up to four times
                cost += if name.contains(['%', '+']) { 4 } else { 1 };
                if cost > MOST_PARAMETERS {
                    return Err(HeadAmbiguity::ManyParameters);
                }
                if name.len() > LONGEST_NAME {
                    return Err(HeadAmbiguity::Query(None));
                }
                let decoded = decode_readable(name).ok_or(HeadAmbiguity::Query(None))?;
                write_parameter_stem(&decoded, &mut stem);
                let name = HeadName { verbatim: (position == 0).then_some(name), decoded, stem: &stem };
                self.query.check(name, &mut seen).map_err(HeadAmbiguity::Query)?;
            }
        }
        Ok(())
    }
}

impl NameSet {
    fn parameters<'n>(names: impl IntoIterator<Item = &'n str>) -> Self {
        Self::by_stem(names, write_parameter_stem)
    }

    fn headers<'n>(names: impl IntoIterator<Item = &'n str>) -> Self {
        Self::by_stem(names, write_letters)
    }

    fn by_stem<'n>(names: impl IntoIterator<Item = &'n str>, write_stem: fn(&str, &mut String)) -> Self {
        let mut sets: BTreeMap<String, BTreeSet<Box<str>>> = BTreeMap::new();
        for name in names {
            let mut stem = String::new();
            write_stem(name, &mut stem);
            sets.entry(stem).or_default().insert(name.into());
        }
        Self::Named(sets)
    }

    fn is_empty(&self) -> bool {
        matches!(self, Self::Named(named) if named.is_empty())
    }

    /// Checks that `name` is read by no rule, or is there for the first time and in the one spelling that every server reads
    /// alike. Adds it to `seen`.
    ///
    /// # Errors
    ///
    /// The name that is read, if it is known.
    fn check(&self, name: HeadName<'_>, seen: &mut HashSet<String>) -> Result<(), Option<Box<str>>> {
        match self {
            Self::Any => {
                let is_plain = name.verbatim.is_some_and(|name| name.bytes().all(is_unreserved));
                (is_plain && seen.insert(name.stem.to_owned())).then_some(()).ok_or(None)
            }
            Self::Named(named) => {
                let Some(read) = named.get(name.stem) else { return Ok(()) };
                // a name that cannot be written without escapes may be written with them
                let needs_escapes = !name.decoded.bytes().all(is_unreserved);
                let is_own = match name.verbatim {
                    Some(verbatim) => read.contains(verbatim) || needs_escapes && read.contains(name.decoded.as_ref()),
                    None => false,
                };
                let is_alone = is_own && seen.insert(name.decoded.into_owned());
                is_alone.then_some(()).ok_or_else(|| read.first().cloned())
            }
        }
    }
}

/// Letters that are themselves in every query (RFC 3986 section 2.3).
const fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// Replaces `stem` by what all names have in common that some server takes for the parameter `name`: the letters and digits before
/// any index.
fn write_parameter_stem(name: &str, stem: &mut String) {
    let name = name.trim_start_matches(|letter: char| !letter.is_ascii_alphanumeric());
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | ' ');
    write_letters(name.split(|letter| !is_part(letter)).next().unwrap_or_default(), stem);
}

/// Replaces `stem` by the letters and digits of `name`, in lower case.
fn write_letters(name: &str, stem: &mut String) {
    stem.clear();
    stem.extend(name.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_lowercase()));
}

/// `name` decoded. `None` if servers could read any name in it: it has letters that are replaced or dropped, or it is encoded
/// often.
fn decode_readable(name: &str) -> Option<Cow<'_, str>> {
    decode_fully(name).filter(|decoded| decoded.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_control()))
}

/// `name` decoded until nothing is left to decode; `None` if that takes more than three times.
fn decode_fully(name: &str) -> Option<Cow<'_, str>> {
    const DECODINGS: usize = 3;
    let mut decoded = decode_form(name);
    for _ in 0..DECODINGS {
        match decode_form(&decoded) {
            Cow::Owned(next) if next != decoded => decoded = next.into(),
            _ => return Some(decoded),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{HeadAmbiguity, HeadReads, NameSet};
    use http::{HeaderMap, HeaderName, HeaderValue};

    fn reads(query: &[&str], headers: &[&str]) -> HeadReads {
        HeadReads {
            query: NameSet::parameters(query.iter().copied()),
            headers: NameSet::headers(headers.iter().copied()),
        }
    }

    fn query(reads: &HeadReads, query: &str) -> Result<(), HeadAmbiguity> {
        reads.check(query, &HeaderMap::new())
    }

    fn headers(reads: &HeadReads, names: &[&str]) -> Result<(), HeadAmbiguity> {
        let mut headers = HeaderMap::new();
        for name in names {
            headers.append(name.parse::<HeaderName>().expect("a name"), HeaderValue::from_static("a"));
        }
        reads.check("", &headers)
    }

    #[test]
    fn a_parameter_that_is_read_has_one_spelling() {
        let reads = reads(&["limit", "user_id"], &[]);
        for text in [
            "limit=1",
            "limit",
            "limit=1&offset=2&offset=3",
            "user_id=a&limit=1",
            "a=limit",
            "limits=1",
            "a%5B%5D=1",
            "",
        ] {
            assert_eq!(query(&reads, text), Ok(()), "{text}");
        }
        for text in [
            "limit=1&limit=2",
            "limit=1&limit",
            "limit[]=1",
            "limit[0]=1",
            "limit%5b%5d=1",
            "limit.0=1",
            "Limit=1",
            "LIMIT",
            "%6cimit=1",
            "%256cimit=1",
            "limi%74",
            "+limit=1",
            "limit%20=1",
            "lim_it=1",
            "-limit=1",
            "limit-=1",
            "limit:int=1",
            "limit%3d1",
            "a=1;limit=2",
            "a;limit",
            "a?limit=2",
        ] {
            assert_eq!(query(&reads, text), Err(HeadAmbiguity::Query(Some("limit".into()))), "{text}");
        }
        assert_eq!(query(&reads, &"a".repeat(1_025)), Err(HeadAmbiguity::Query(None)));
        for text in ["limit%00", "a%0d=1", "l\u{131}mit=1", "%ef%bd%8cimit=1", "%25252561=1", "%ff"] {
            assert_eq!(query(&reads, text), Err(HeadAmbiguity::Query(None)), "{text}");
        }
        assert_eq!(query(&reads, "userId=1"), Err(HeadAmbiguity::Query(Some("user_id".into()))));
        assert_eq!(query(&reads, &"a&".repeat(1_000)), Ok(()));
        for text in ["a&".repeat(1_001), "a;".repeat(1_001), "%61&".repeat(251)] {
            assert_eq!(query(&reads, &text), Err(HeadAmbiguity::ManyParameters));
        }
    }

    #[test]
    fn a_name_that_needs_escapes_may_have_them() {
        let reads = reads(&["id[]", "a b"], &[]);
        for text in ["id[]=1", "id%5B%5D=1", "id%5b]=1", "a+b=1", "a%20b"] {
            assert_eq!(query(&reads, text), Ok(()), "{text}");
        }
        for text in ["id=1", "id[]=1&id%5B%5D=2", "ID[]=1", "id[0]=1", "a+b=1&a%20b=2", "ab=1"] {
            assert!(query(&reads, text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_header_that_is_read_has_one_line_and_one_spelling() {
        let reads = reads(&[], &["x-team"]);
        assert_eq!(headers(&reads, &["x-team", "accept", "accept", "x-teams"]), Ok(()));
        for names in [&["x-team", "x-team"][..], &["x_team"], &["x-team", "xteam"], &["x.team"], &["x--team"]] {
            assert_eq!(headers(&reads, names), Err(HeadAmbiguity::Header(Some("x-team".into()))), "{names:?}");
        }
    }

    #[test]
    fn where_the_request_decides_what_is_read_nothing_may_repeat() {
        let reads = HeadReads { query: NameSet::Any, headers: NameSet::Any };
        assert_eq!(query(&reads, "a=1&b=2"), Ok(()));
        for text in ["a=1&a=2", "a=1&A=2", "a[]=1", "%61=1", "a=1;b=2"] {
            assert_eq!(query(&reads, text), Err(HeadAmbiguity::Query(None)), "{text}");
        }
        assert_eq!(headers(&reads, &["accept", "cookie", "cookie"]), Ok(()));
        for names in [&["accept", "accept"][..], &["x-a", "x_a"]] {
            assert_eq!(headers(&reads, names), Err(HeadAmbiguity::Header(None)), "{names:?}");
        }
    }

    #[test]
    fn the_gateway_reads_the_version() {
        let reads = HeadReads::of_gateway();
        assert_eq!(query(&reads, "limit=1&limit=2&__clerk_api_version=2025-11-10"), Ok(()));
        for text in ["__clerk_api_version[]=1", "__CLERK_API_VERSION=1", "__clerk_api_version=1&__clerk_api_version=1"]
        {
            assert!(query(&reads, text).is_err(), "{text}");
        }
    }
}
