//! The API version that a request asks for: the header `Clerk-API-Version` or the query parameter `__clerk_api_version`.

use super::Contract;
use super::lenient::decode_first;
use std::borrow::Cow;

/// The query parameter that carries an API version.
pub(crate) const VERSION_PARAMETER: &str = "__clerk_api_version";
/// Most parameters with that name, even if they agree.
// each is decoded
const MOST_PARAMETERS: usize = 8;

/// A request asks for more than one API version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the request names more than one api version")]
pub struct VersionError;

/// How an API version that a request asks for differs from those of the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UnknownVersion {
    /// It is newer than all of them: the contract is out of date.
    Newer,
    /// It is older, between two of them, or not a version.
    Other,
}

impl UnknownVersion {
    /// The value of the metric label.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Newer => "newer",
            Self::Other => "other",
        }
    }
}

/// How the API version that applies to a request was chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VersionChoice {
    /// The request asks for none: the default.
    Default,
    /// The request asks for this one.
    Asked,
    /// The request asks for something that is not a version: the default.
    NoVersion,
    /// The request asks for one that is not in the contract: the newest before it.
    NewestBefore,
    /// The request asks for one older than all in the contract: the oldest.
    Oldest,
}

impl Contract {
    /// How the version that applies to a request that asks for `asked` is chosen.
    pub fn version_choice(&self, asked: Option<&str>) -> VersionChoice {
        match asked {
            None => VersionChoice::Default,
            Some(asked) if self.versions().iter().any(|known| known.as_ref() == asked) => VersionChoice::Asked,
            Some(asked) if !is_date(asked) => VersionChoice::NoVersion,
            Some(asked) if self.versions().iter().any(|known| known.as_ref() < asked) => VersionChoice::NewestBefore,
            Some(_) => VersionChoice::Oldest,
        }
    }
}

/// The API version that a request asks for; `None` if it names none.
///
/// # Errors
///
/// Header and query, or two parameters, name different ones.
pub fn requested_version<'r>(
    header: Option<&'r str>,
    query: Option<&'r str>,
) -> Result<Option<Cow<'r, str>>, VersionError> {
    let mut parameters = query_values(query.unwrap_or_default(), VERSION_PARAMETER);
    // which of two the upstream would use is not known, so the gateway could inspect the body by another version: refuse
    let mut named = header.map(Cow::Borrowed).into_iter().chain(parameters.by_ref().take(MOST_PARAMETERS));
    let first = named.next();
    let is_one = named.all(|other| first.as_ref() == Some(&other));
    if is_one && parameters.next().is_none() { Ok(first) } else { Err(VersionError) }
}

/// The names and values of a query, verbatim.
pub(crate) fn query_parameters(query: &str) -> impl Iterator<Item = (&str, &str)> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")))
}

/// The values of the parameters called `name`, decoded as forms are (WHATWG URL, `application/x-www-form-urlencoded`).
pub(crate) fn query_values<'q>(query: &'q str, name: &str) -> impl Iterator<Item = Cow<'q, str>> {
    query_parameters(query).filter(move |(known, _)| is_decoded(known, name)).map(|(_, value)| decode_form(value))
}

/// Whether `text` decodes to `name`.
// without a copy of `text`: a query may have thousands of parameters
fn is_decoded(text: &str, name: &str) -> bool {
    let (mut text, mut name) = (text.as_bytes(), name.as_bytes());
    while let Some((letter, rest)) = decode_first(text) {
        let is_space = text.starts_with(b"+");
        let letter = if is_space { b" " } else { letter.as_bytes() };
        let Some(left) = name.strip_prefix(letter) else { return false };
        (text, name) = (rest, left);
    }
    name.is_empty()
}

/// `text`, decoded as forms are.
pub(crate) fn decode_form(text: &str) -> Cow<'_, str> {
    if !text.bytes().any(|byte| matches!(byte, b'%' | b'+')) {
        return Cow::Borrowed(text);
    }
    let spaced = text.replace('+', " ");
    Cow::Owned(String::from_utf8_lossy(&super::lenient::decode(spaced.as_bytes())).into_owned())
}

/// Whether `text` has the form of an API version, `2026-05-12`; such texts sort as the dates do.
pub(crate) fn is_date(text: &str) -> bool {
    text.len() == 10
        && text
            .bytes()
            .enumerate()
            .all(|(at, byte)| if at == 4 || at == 7 { byte == b'-' } else { byte.is_ascii_digit() })
}

/// Whether `text` has the form of a version of another family, `platform-beta`: its name, and the version's.
pub(super) fn is_of_family(text: &str) -> bool {
    let is_word = |word: &str| {
        word.starts_with(|first: char| first.is_ascii_lowercase())
            && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-".contains(&byte))
    };
    text.len() <= 32 && text.split_once('-').is_some_and(|(family, version)| is_word(family) && is_word(version))
}

/// The family of the version `text`, such as `platform`; `None` if it is a date.
pub(super) fn family_of(text: &str) -> Option<&str> {
    if is_date(text) { None } else { text.split('-').next() }
}

/// Whether a query has no parameter but the API version and those called `known`, the only ones of inspected operations.
pub(crate) fn names_only(query: &str, known: &[Box<str>]) -> bool {
    // in any other value, another server could see a second parameter, for example after a `;`
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    query.split('&').filter(|pair| !pair.is_empty()).all(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let is_known = is_decoded(name, VERSION_PARAMETER) || known.iter().any(|known| **known == *name);
        is_known && value.bytes().all(is_plain)
    })
}

#[cfg(test)]
mod tests {
    use super::{VersionChoice, VersionError, is_decoded, names_only, requested_version};
    use crate::contract::Contract;

    #[test]
    fn a_version_is_chosen_for_a_reason() {
        let contract = Contract::built_in("2026-05-12").expect("the built-in contract is valid");
        for (asked, choice) in [
            (None, VersionChoice::Default),
            (Some("2025-11-10"), VersionChoice::Asked),
            (Some("2026-01-01"), VersionChoice::NewestBefore),
            (Some("2099-01-01"), VersionChoice::NewestBefore),
            (Some("1999-01-01"), VersionChoice::Oldest),
            (Some("latest"), VersionChoice::NoVersion),
        ] {
            assert_eq!(contract.version_choice(asked), choice, "{asked:?}");
        }
    }

    #[test]
    fn header_and_query_may_agree_but_not_differ() {
        let version =
            |header, query| requested_version(header, query).map(|version| version.map(std::borrow::Cow::into_owned));
        assert_eq!(version(None, None), Ok(None));
        assert_eq!(version(Some("a"), None), Ok(Some("a".into())));
        assert_eq!(version(None, Some("x=1&__clerk_api_version=a")), Ok(Some("a".into())));
        assert_eq!(version(Some("a"), Some("__clerk_api_version=a")), Ok(Some("a".into())));
        assert_eq!(version(Some("a"), Some("__clerk_api_version=b")), Err(VersionError));
        assert_eq!(version(None, Some("__clerk_api_version=a&__clerk%5fapi_version=b")), Err(VersionError));
    }

    #[test]
    fn parameters_that_agree_are_counted() {
        let version = |count: usize| requested_version(None, Some(&"&__clerk_api_version=%61".repeat(count))).is_ok();
        assert!(version(8) && !version(9));
    }

    #[test]
    fn a_name_is_compared_as_it_decodes() {
        for (text, name, expected) in [
            ("limit", "limit", true),
            ("%6cimi%74", "limit", true),
            ("a+b%20c", "a b c", true),
            ("limi", "limit", false),
            ("limits", "limit", false),
            ("%256c", "l", false),
            ("%c3%a9", "\u{e9}", true),
            ("%zz", "%zz", true),
            ("%", "%", true),
            ("", "", true),
        ] {
            assert_eq!(is_decoded(text, name), expected, "{text}");
            assert_eq!(super::decode_form(text) == name, expected, "{text}");
        }
    }

    #[test]
    fn other_parameters_are_seen() {
        let names_only_the_version = |query: &str| names_only(query, &[]);
        assert!(names_only_the_version("__clerk_api_version=a"));
        assert!(names_only_the_version(""));
        assert!(!names_only_the_version("__clerk_api_version=a&skip_password_checks=true"));
        for hiding in [";b=true", "%26b=true", "%3bb=true", "?b=true", ",b=true", "=b", "%0ab=true", "+b"] {
            assert!(!names_only_the_version(&format!("__clerk_api_version=2025-11-10{hiding}")), "{hiding}");
        }
    }

    #[test]
    fn known_parameters_pass_in_their_own_spelling() {
        let known = ["suffixed_cookies".into()];
        for (query, expected) in [
            ("suffixed_cookies=true", true),
            ("suffixed_cookies=true&__clerk_api_version=a", true),
            ("suffixed%5fcookies=true", false),
            ("suffixed_cookies=true%26a=b", false),
            ("suffixed_cookies=true;a=b", false),
            ("suffixed_cookies[]=true", false),
            ("Suffixed_cookies=true", false),
        ] {
            assert_eq!(names_only(query, &known), expected, "{query}");
        }
    }
}
