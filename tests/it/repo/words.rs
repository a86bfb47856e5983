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

/// Words of a doc comment that add nothing to a name.
const EMPTY_WORDS: [&str; 11] = ["a", "an", "and", "as", "in", "is", "its", "of", "that", "the", "this"];

/// Lowest share of lines of code that have a comment of their own. linkerd2-proxy has 0.056, hyper 0.062.
const FEWEST_WHYS: f64 = 0.03;

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

/// The words of `text`, in lower case and without a plural's `s`. A name of several words, such as `RedactedText`, is taken apart.
fn words(text: &str) -> BTreeSet<String> {
    let mut spaced = String::with_capacity(2 * text.len());
    for letter in text.chars() {
        if letter.is_uppercase() && spaced.ends_with(char::is_lowercase) {
            spaced.push(' ');
        }
        spaced.push(if letter.is_alphanumeric() { letter } else { ' ' });
    }
    let singular = |word: &str| word.strip_suffix('s').filter(|one| one.len() > 2).unwrap_or(word).to_lowercase();
    spaced.split_whitespace().map(singular).collect()
}

/// Whether all that `doc` has to say is in `item`, the line that it documents: its name and its type.
fn is_filler(doc: &str, item: &str) -> bool {
    let codes: Vec<&str> = doc.split('`').skip(1).step_by(2).collect();
    // code that is no name of Rust, or that stands alone, is a name in another language: `BanUser` of an operation, `<=` of CEL
    let is_foreign = |code: &&str| {
        code.contains(|letter| !is_of_a_word(letter)) || doc.trim_end_matches('.').len() == code.len() + 2
    };
    if codes.iter().any(is_foreign) {
        return false;
    }
    let mut known = words(item);
    known.extend(EMPTY_WORDS.map(|word| words(word).into_iter().collect()));
    for (name, word) in [("str", "string"), ("string", "text"), ("vec", "list"), ("option", "optional")] {
        if known.contains(name) {
            known.insert(word.to_owned());
        }
    }
    words(doc).is_subset(&known)
}

/// The doc comments of `file`, each with the number of its first line and the line of the item that it documents.
fn documented(file: &Source) -> Vec<(usize, String, &str)> {
    let mut lines = file.text.lines().enumerate().map(|(index, line)| (index + 1, line.trim())).peekable();
    let mut found = Vec::new();
    while let Some((number, line)) = lines.next() {
        let Some(first) = line.strip_prefix("///") else { continue };
        let mut doc = first.trim().to_owned();
        while let Some((_, more)) = lines.next_if(|(_, line)| line.starts_with("///")) {
            doc = format!("{doc} {}", more.trim_start_matches('/').trim());
        }
        let mut is_in_attribute = false;
        let item = lines.find(|(_, line)| {
            let is_attribute = is_in_attribute || line.starts_with("#[");
            is_in_attribute = is_attribute && !line.ends_with(']');
            !is_attribute && !line.starts_with("//")
        });
        found.extend(item.map(|(_, item)| (number, doc, item)));
    }
    found
}

#[test]
fn doc_comments_say_more_than_the_name() {
    for (doc, item) in [
        ("The file.", "pub file: PathBuf,"),
        ("Its name.", "pub(crate) name: Arc<str>,"),
        ("A string.", "String {"),
        ("The limit", "pub limit: Option<u32>,"),
        ("The outcome of a policy.", "pub enum PolicyOutcome {"),
    ] {
        assert!(is_filler(doc, item), "{doc}");
    }
    for (doc, item) in
        [("The file, absolute.", "pub file: PathBuf,"), ("`BanUser`.", "async fn ban(UserId(id): UserId)")]
    {
        assert!(!is_filler(doc, item), "{doc}");
    }
    let files = src();
    let docs = files.iter().flat_map(|file| documented(file).into_iter().map(move |doc| (file, doc)));
    let docs: Vec<_> = docs.collect();
    assert!(docs.len() > 2000, "the doc comments were not found");
    let filler = docs.iter().filter(|(_, (_, doc, item))| is_filler(doc, item));
    let filler = filler.map(|(file, (number, doc, item))| format!("{}:{number}: {doc} | {item}", file.path));
    hold("say purpose, unit, shape or error, or leave the doc comment out", &filler.collect::<Vec<_>>());
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
