//! The guard, compared with a slow search that reads each path in every way and looks for each route on its own; and its work.

use super::RouteGuard;
use crate::contract::lenient::{LONGEST, best_fit, decode, is_unseen};
use crate::contract::route::VERSION;
use crate::contract::{Contract, INSPECTED, Operation};
use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::proptest;
use proptest::sample::select;
use std::collections::BTreeSet;
use std::sync::LazyLock;

static CONTRACT: LazyLock<Contract> = LazyLock::new(|| Contract::built_in("2026-05-12").expect("a contract"));

/// A wildcard for a letter outside ASCII.
const ANY: char = '\u{fffd}';

/// Every text that some server could read `path` as, with at most eight decodings; `None` for a longer or deeper path.
fn slow_readings(path: &str) -> Option<Vec<Vec<char>>> {
    let mut texts = Vec::new();
    let mut bytes = best_fit(path.as_bytes());
    for _ in 0..=8 {
        texts.push(letters(&bytes, |letter| Some(if letter.is_ascii() { letter } else { ANY })));
        texts.push(letters(&bytes, |letter| letter.is_ascii().then_some(letter)));
        let decoded = decode(&bytes);
        if decoded == bytes {
            return Some(texts).filter(|_| path.len() <= 2 * LONGEST);
        }
        bytes = best_fit(&decoded);
    }
    None
}

fn letters(bytes: &[u8], keep: impl Fn(char) -> Option<char>) -> Vec<char> {
    let text = String::from_utf8_lossy(bytes);
    let seen = text.chars().filter(|letter| !letter.is_control() && !letter.is_whitespace() && !is_unseen(*letter));
    seen.filter_map(keep).map(|letter| letter.to_ascii_lowercase()).collect()
}

fn text_after<'t>(text: &'t [char], word: &str) -> Option<&'t [char]> {
    let is_word = |text: &[char]| word.chars().zip(text).all(|(letter, found)| *found == letter || *found == ANY);
    let at = text.windows(word.len()).position(is_word)?;
    text.get(at + word.len()..)
}

/// Whether a router by `method` could find an operation that `is_inspected` at `path`: one route at a time.
fn slow_search(method: &str, path: &str, is_inspected: impl Fn(&Operation) -> bool) -> bool {
    let operations = CONTRACT.operations();
    let has_method = |path: &str| operations.iter().any(|it| *it.path == *path && *it.method == *method);
    let guarded = operations.iter().filter(|it| is_inspected(it));
    let paths: BTreeSet<&str> =
        guarded.filter(|it| *it.method == *method || !has_method(&it.path)).map(|it| it.path.as_ref()).collect();
    let Some(texts) = slow_readings(path) else { return true };
    texts.iter().any(|text| {
        paths.iter().any(|path| {
            let words = path.split('/').skip(1).filter(|word| !word.starts_with('{') && *word != VERSION);
            words.into_iter().try_fold(text.as_slice(), |text, word| text_after(text, word)).is_some()
        })
    })
}

/// A text in which each byte may be encoded, some more than once.
fn encoded(text: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
    let depth = prop_oneof![8 => Just(0_usize), 2 => 1_usize..3, 1 => 3_usize..10];
    (text, proptest::collection::vec(depth, 1..12)).prop_map(|(text, depths)| {
        let encode = |(byte, depth): (u8, &usize)| match depth {
            0 => char::from(byte).to_string(),
            depth => format!("%{}{byte:02x}", "25".repeat(depth - 1)),
        };
        text.bytes().zip(depths.iter().cycle()).map(encode).collect::<String>()
    })
}

const WORDS: &[&str] =
    &["users", "metadata", "organizations", "v1", "Users", "user_1", "memberships", "role", "sets", "ban", "us"];
const ODD: &[&str] =
    &["/", "//", "\\", ".", "..", ";a=b", "%", "%u0075", "%00", "\u{e9}", "\u{17f}", "%c0%af", "%ff", "%20", "ers"];

fn hostile_path() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        4 => encoded(select(WORDS).prop_map(str::to_owned)),
        2 => Just("/".to_owned()),
        2 => select(ODD).prop_map(str::to_owned),
        1 => encoded("[ -~]{0,4}"),
        1 => (select(WORDS), 1_usize..200).prop_map(|(word, times)| word.repeat(times)),
    ];
    proptest::collection::vec(part, 1..14).prop_map(|parts| format!("/{}", parts.concat()))
}

proptest! {
    #[test]
    fn no_path_escapes_that_a_slow_search_finds(
        path in hostile_path(),
        method in select(&["GET", "PATCH", "POST", "PUT", "DELETE", "PURGE"][..]),
        mask in any::<u64>(),
    ) {
        // the four that are always inspected, or some sixteenth of all operations
        let is_inspected = |operation: &Operation| {
            let hash = operation.id.bytes().fold(mask, |hash, byte| hash.wrapping_mul(31).wrapping_add(byte.into()));
            INSPECTED.contains(&operation.id.as_ref()) || mask % 2 == 1 && hash % 16 == 0
        };
        let guard = CONTRACT.guard(is_inspected);
        let slow = slow_search(method, &path, is_inspected);
        let search = guard.search(method, &path);
        assert!(search.is_guarded || !slow, "{method} {path}");
        // what the guard refuses in addition is what it does not search: a path that is long or deep, or has many wildcards
        let texts = slow_readings(&path).unwrap_or_default();
        let wildcards = texts.iter().map(|text| text.iter().filter(|letter| **letter == ANY).count()).max();
        if path.len() <= LONGEST && texts.len() <= 8 && wildcards.is_some_and(|it| it == 0 || path.len() < 50) {
            assert_eq!(search.is_guarded, slow, "{method} {path}");
        }
    }
}

fn guard() -> RouteGuard {
    CONTRACT.guard(|operation| INSPECTED.contains(&operation.id.as_ref()))
}

#[test]
fn every_spelling_of_a_users_path_could_be_it() {
    let guard = guard();
    for path in [
        "/V1/Users/u/",
        "/v1//users/u",
        "/v1/x/../users/u",
        "/v1/users//../u",
        "//authority/v1/users/u",
        "/\\a/v1/users/u",
        "/v1/users.json",
        "/v1/users/u%00/x",
        "/v1/%75sers/u",
        "/v1/%25252575sers/u",
        "/v1%2fusers/u",
        "/v1/users;v=1/u;a=b",
        "\\v1\\users\\u",
        "/v1/users/u#/metadata",
        "/v1/%u0075sers/u",
        "/v1/us%00ers/u",
        "/v1/us%e2%80%8bers/u",
        "/users%20/u",
        "/v1/users%c0%afu",
        "/v1/%f0%80%81%b5sers/u",
        "/v1/u%c5%bfers/u",
        "/v1/%f0%9d%96%9asers/u",
        "/v1/us%ffers/u",
        "/v1/\u{ff55}sers/u",
    ] {
        assert!(guard.search("PATCH", path).is_guarded, "{path}");
    }
    assert!(!guard.search("PATCH", "/v1/organizations/%20").is_guarded);
    assert!(!guard.search("GET", "/v1/%75sers/u").is_guarded, "no read is inspected");
    assert!(!guard.search("GET", "/v1/%c3%a9").is_guarded, "no read is inspected");
    assert!(guard.search("PURGE", "/v1/%75sers/u").is_guarded, "a router could try each method");
}

#[test]
fn the_work_is_linear_in_the_path_and_free_of_other_routes() {
    let few = guard();
    let all = CONTRACT.guard(|_| true);
    let tree = |guard: &RouteGuard| guard.methods.iter().map(|(_, tree)| tree.edge_count()).max().unwrap_or_default();
    for (part, method) in [
        ("/.", "PATCH"),
        ("metadata/.", "PATCH"),
        ("organizationsbillinginstanceoauth_applicationssessionswaitlist_entriestemplates.", "PATCH"),
        ("role_setsmachinesapi_keyswebhooks%2e", "DELETE"),
        ("%252e", "PUT"),
        ("%u0061", "PURGE"),
        ("user.", "POST"),
    ] {
        let long = format!("/{}", part.repeat(LONGEST / part.len() - 1));
        let short = format!("/{}", part.repeat(LONGEST / part.len() / 4));
        for guard in [&few, &all] {
            let (long, short) = (guard.search(method, &long), guard.search(method, &short));
            // four readings, a letter and an occurrence of a few segments for each of their letters, and each edge once
            assert!(long.steps <= 4 * (4 * LONGEST + 2 * tree(guard)), "{part}: {long:?}");
            assert!(long.is_guarded || long.steps <= 5 * short.steps, "{part}: {long:?}, {short:?}");
        }
    }
    assert_eq!(few.search("PATCH", &"/%2e".repeat(LONGEST)).steps, 0, "a long path is refused without a search");
}
