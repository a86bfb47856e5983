//! `tracestate` of W3C Trace Context (<https://www.w3.org/TR/trace-context-2/#tracestate-header>): what other tracing systems
//! want to find again.

use crate::contract::credential::holds_key;
use http::{HeaderMap, HeaderName, HeaderValue};

/// The header with the entries of tracing systems.
pub const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// Most members of the list.
const MOST_MEMBERS: usize = 32;
/// Most bytes that are kept: what every implementation has to propagate.
const MOST_BYTES: usize = 512;
/// A member above this length is dropped first if the list is too long.
const LONG_MEMBER: usize = 128;

/// The list of all `tracestate` fields. `None` if there is none, it is invalid, or it holds a secret key: then the whole of it is
/// dropped.
// it is the one text of a caller that spans show: a key in it would go to the collector
pub(super) fn list_of(headers: &HeaderMap) -> Option<HeaderValue> {
    let mut values = headers.get_all(TRACESTATE).iter();
    let first = values.next()?;
    let is_alone = values.next().is_none();
    let mut members = Vec::new();
    for value in headers.get_all(TRACESTATE) {
        for member in value.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
            // empty ones are allowed, and mean nothing
            if !member.is_empty() {
                members.push(member);
            }
        }
        if members.len() > MOST_MEMBERS {
            return None;
        }
    }
    if members.is_empty() || !members.iter().all(|member| is_member(member) && !holds_key(member)) {
        return None;
    }
    if is_alone && first.len() <= MOST_BYTES {
        return Some(first.clone());
    }
    shorten(&mut members);
    HeaderValue::from_bytes(&members.join(b",".as_slice())).ok().filter(|list| !list.is_empty())
}

/// Drops whole members until the list is short enough (section 3.3.1.5): long ones first, then from the end, where the oldest
/// are.
fn shorten(members: &mut Vec<&[u8]>) {
    let length = |members: &[&[u8]]| members.iter().map(|member| member.len() + 1).sum::<usize>().saturating_sub(1);
    if length(members) > MOST_BYTES {
        members.retain(|member| member.len() <= LONG_MEMBER);
    }
    while length(members) > MOST_BYTES {
        members.pop();
    }
}

/// Whether it is `key=value`.
fn is_member(member: &[u8]) -> bool {
    let Some(at) = memchr::memchr(b'=', member) else { return false };
    let Some((key, [_, value @ ..])) = member.split_at_checked(at) else { return false };
    let is_first = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let is_key = |byte: &u8| is_first(byte) || b"_-*/@".contains(byte);
    let is_value = |byte: &u8| matches!(byte, b' '..=b'~') && *byte != b'=';
    (1..=256).contains(&key.len())
        && key.first().is_some_and(is_first)
        && key.iter().all(is_key)
        && (1..=256).contains(&value.len())
        && value.iter().all(is_value)
}

#[cfg(test)]
mod tests {
    use super::{MOST_BYTES, TRACESTATE, list_of};
    use http::{HeaderMap, HeaderValue};

    fn of(values: &[&str]) -> Option<String> {
        let fields = values.iter().map(|value| (TRACESTATE, HeaderValue::from_str(value).unwrap()));
        list_of(&fields.collect::<HeaderMap>()).map(|value| value.to_str().unwrap().to_owned())
    }

    #[test]
    fn a_valid_list_is_kept_verbatim_and_fields_are_joined() {
        for list in ["rojo=00f067aa0ba902b7", "rojo=1 , congo=t61rcWkgMzE", "fw529a3039@dt=FfffeCY;a:b", "1a-_*/=~!"] {
            assert_eq!(of(&[list]).as_deref(), Some(list));
        }
        assert_eq!(of(&["a=1", "b=2,c=3", ""]).as_deref(), Some("a=1,b=2,c=3"));
        assert_eq!((of(&[]), of(&[""]), of(&[","])), (None, None, None));
    }

    #[test]
    fn an_invalid_list_is_dropped_as_a_whole() {
        let many = vec!["a=1"; 33].join(",");
        let long = format!("{}=1", "a".repeat(257));
        for list in [
            "junk",
            "a=sk_live_x",
            "b=1,a=SK_TEST_x",
            "a=c2tfbGl2ZV94",
            "=1",
            "a=",
            "A=1",
            "a=1,b",
            "a=b=c",
            "-a=1",
            "a b=1",
            "a=1\t2",
            &many,
            &long,
        ] {
            assert_eq!(of(&[list]), None, "{list}");
        }
        assert!(of(&[&vec!["a=1"; 32].join(",")]).is_some());
    }

    #[test]
    fn a_list_that_is_too_long_loses_long_members_then_the_last_ones() {
        let (long, short) = (format!("long={}", "x".repeat(200)), format!("s={}", "y".repeat(98)));
        let list = of(&[&[&*long, &short, &short, &short, &short, &short, "last=1"].join(",")]).unwrap();
        assert_eq!(list, [&*short, &short, &short, &short, &short, "last=1"].join(","));
        let list = of(&[&[&*short; 9].join(",")]).unwrap();
        assert_eq!(list, [&*short; 5].join(","));
        assert!(list.len() <= MOST_BYTES);
    }
}
