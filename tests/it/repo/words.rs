//! How the code speaks: plain technical English, names that the field knows, comments that say why.

use crate::support::source::{Source, breaches, every_line, has_word, hold, is_of_a_word, src};
use std::collections::{BTreeMap, BTreeSet};

/// Past participles that are not formed by `ed`: as the whole name of a function they leave open who does what to what.
const IRREGULAR: [&str; 32] = [
    "begun", "bound", "broken", "built", "chosen", "done", "drawn", "fallen", "found", "given", "gone", "held",
    "hidden", "kept", "known", "laid", "left", "lost", "made", "meant", "met", "paid", "said", "seen", "sent", "shown",
    "spent", "spoken", "taken", "told", "worn", "written",
];

/// Verbs that end like participles.
const VERBS: [&str; 6] = ["embed", "exceed", "feed", "need", "proceed", "seed"];

/// Names that a foreign trait prescribes.
const PRESCRIBED: [&str; 1] = ["enabled"];

/// Words of a private English that this project once spoke.
const BANNED: [&str; 8] = ["nobody", "none where", "said", "says", "tell", "tells", "told", "whoever"];

/// Type names that more than one file may define.
const SHARED_TYPES: [&str; 2] = ["Error", "Value"];

/// Lowest share of lines of code that have a comment of their own. linkerd2-proxy has 0.056, hyper 0.062.
const FEWEST_WHYS: f64 = 0.026;

/// The names that follow `keyword` in the product code of `file`.
fn defined<'a>(file: &'a Source, keyword: &str) -> Vec<&'a str> {
    let keyword = format!("{keyword} ");
    let name = |line: &'a str| {
        let (before, after) = line.split_once(keyword.as_str())?;
        let name = after.split(|letter| !is_of_a_word(letter)).next()?;
        (!before.ends_with(is_of_a_word) && !before.contains('"') && !name.is_empty()).then_some(name)
    };
    file.product().into_iter().filter_map(|line| name(line.text)).collect()
}

fn is_participle(name: &str) -> bool {
    IRREGULAR.contains(&name)
        || name.ends_with("ed") && !name.contains('_') && !VERBS.contains(&name) && !PRESCRIBED.contains(&name)
}

fn is_banned(text: &str) -> bool {
    let text = text.to_lowercase();
    BANNED.iter().any(|word| has_word(&text, word))
}

/// The string literals of a line, as far as they begin and end on it.
fn literals(line: &str) -> impl Iterator<Item = &str> {
    line.split('"').skip(1).step_by(2)
}

#[test]
fn no_function_is_named_by_a_bare_participle() {
    let names = |file: Source| {
        let names = defined(&file, "fn").into_iter().filter(|name| is_participle(name));
        names.map(|name| format!("{}: {name}", file.path)).collect::<Vec<_>>()
    };
    let found: Vec<String> = src().into_iter().flat_map(names).collect();
    hold("name a function by a verb, or by a noun for what it returns", &found);
}

#[test]
fn doc_comments_are_in_plain_english() {
    let of_docs = |_: &Source, line: &str| {
        let line = line.trim_start();
        (line.starts_with("///") || line.starts_with("//!")) && is_banned(line)
    };
    let product = src().into_iter().filter(|file| !file.path.contains("/tests")).collect::<Vec<_>>();
    hold("write plain technical English", &breaches(&product, every_line, of_docs));
}

#[test]
fn texts_for_people_are_in_plain_english() {
    // a name on the wire is an interface, whatever word it is
    let of_texts = |_: &Source, line: &str| !line.contains("rename = ") && literals(line).any(is_banned);
    hold("write plain technical English", &breaches(&src(), Source::product, of_texts));
}

#[test]
fn a_type_name_means_one_type() {
    let mut places: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for file in src() {
        for keyword in ["struct", "enum", "trait", "union"] {
            for name in defined(&file, keyword) {
                places.entry(name.to_owned()).or_default().insert(file.path.clone());
            }
        }
    }
    assert!(places.len() > 300, "the types were not found");
    let shared = places.iter().filter(|(name, files)| files.len() > 1 && !SHARED_TYPES.contains(&name.as_str()));
    let shared = shared.map(|(name, files)| format!("{name}: {files:?}")).collect::<Vec<_>>();
    hold("give each type a name of its own", &shared);
}

#[test]
fn comments_say_why_where_a_reader_asks() {
    let (mut whys, mut code) = (0_u32, 0_u32);
    for file in src() {
        for line in file.product() {
            code += u32::from(!line.text.trim().is_empty());
        }
        let is_why = |line: &&str| line.trim_start().starts_with("//") && !line.trim_start().starts_with("///");
        whys += u32::try_from(
            file.text.lines().filter(is_why).filter(|line| !line.trim_start().starts_with("//!")).count(),
        )
        .expect("a count of lines");
    }
    let share = f64::from(whys) / f64::from(code);
    assert!(share >= FEWEST_WHYS, "{whys} comments in {code} lines of code: {share:.4}, below {FEWEST_WHYS}");
}
