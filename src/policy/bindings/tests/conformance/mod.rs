//! The conformance suite of the CEL project, which `.ci/cel-suite` installs.
//!
//! Each test that applies to policies runs twice: as it is written, where loading folds it, and with its literals in the body of a
//! request, where it is evaluated. `docs/cel.md` has the figures, `tests/cel/differences.txt` each test that does not pass.

mod case;
mod examples;
mod lift;

use super::{env, evaluated, shown};
use case::Case;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

/// Names the file with the suite as JSON.
const SUITE: &str = "PORTCULLIS_CEL_SUITE";

/// How the tests of one file went.
#[derive(Default)]
struct Tally {
    all: usize,
    apply: usize,
    folded: usize,
    evaluated: usize,
}

fn path(of: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(of)
}

/// The value of `source`, or why it has none.
fn run(source: &str, body: &str) -> Result<String, String> {
    let mut env = env(&json!({}));
    if let Some(issue) = env.declare("it", source).into_iter().next() {
        return Err(format!("refused: {}", issue.message));
    }
    let (variables, _) = env.finish();
    evaluated(&variables, body, shown).map_err(|error| format!("no value: {error}"))
}

/// The expression with each name of the test replaced by its value.
fn bound(case: &Case) -> String {
    let bindings = case.bindings();
    if bindings.is_empty() {
        return case.expr.clone();
    }
    let words = crate::cel::words(&case.expr);
    let replaced = words.iter().enumerate().map(|(at, word)| match bindings.get(word) {
        // behind a dot it is the name of a member, and a keyword is no name
        Some(value) if (at == 0 || words[at - 1] != ".") && !["true", "false", "null"].contains(word) => {
            format!("({value})")
        }
        _ => (*word).to_owned(),
    });
    replaced.collect::<Vec<_>>().join(" ")
}

/// What is wrong with the result of the test, if anything.
fn mismatch(case: &Case, result: Result<String, String>) -> Option<String> {
    match (case.expected(), result) {
        (Some(expected), Ok(value)) => (value != expected).then(|| format!("gives {value}, not {expected}")),
        (Some(_), Err(why)) => Some(why),
        (None, Ok(value)) => Some(format!("gives {value}, not an error")),
        (None, Err(_)) => None,
    }
}

/// The rows of the table in `docs/cel.md`.
fn table(tallies: &BTreeMap<String, Tally>) -> String {
    let mut sum = Tally::default();
    let mut rows = Vec::new();
    let mut row = |name: &str, tally: &Tally| {
        let Tally { all, apply, folded, evaluated } = tally;
        rows.push(format!("| {name} | {all} | {apply} | {folded} | {evaluated} |\n"));
    };
    for (file, tally) in tallies {
        row(&format!("`{file}`"), tally);
        sum.all += tally.all;
        sum.apply += tally.apply;
        sum.folded += tally.folded;
        sum.evaluated += tally.evaluated;
    }
    row("together", &sum);
    rows.concat()
}

/// The suite is not part of this repository.
#[test]
fn the_suite_passes_as_the_page_has_it() {
    let Some(suite) = std::env::var_os(SUITE) else {
        eprintln!("skipped: {SUITE} does not name the conformance suite of CEL, which `.ci/cel-suite` installs");
        return;
    };
    let cases: Vec<Case> = serde_json::from_str(&fs::read_to_string(suite).expect("the suite")).expect("tests");
    let mut tallies: BTreeMap<String, Tally> = BTreeMap::new();
    let mut differences = BTreeSet::new();
    for case in &cases {
        let tally = tallies.entry(case.file.clone()).or_default();
        tally.all += 1;
        if !case.applies() {
            continue;
        }
        tally.apply += 1;
        let source = bound(case);
        let (lifted, body) = lift::lift(&source);
        for (way, source, body, passed) in
            [("folded", &source, "{}", &mut tally.folded), ("evaluated", &lifted, body.as_str(), &mut tally.evaluated)]
        {
            match mismatch(case, run(source, body)) {
                None => *passed += 1,
                Some(why) => {
                    println!("{way} {}: {source}\n    {why}", case.path());
                    differences.insert(format!("{way} {}", case.path()));
                }
            }
        }
    }
    let table = table(&tallies);
    println!("{table}");
    let (page, list) = (path("docs/cel.md"), path("tests/cel/differences.txt"));
    let differences: String = differences.into_iter().map(|line| line + "\n").collect();
    let text = fs::read_to_string(&page).expect("the page");
    if std::env::var("PORTCULLIS_DOCS").is_ok_and(|mode| mode == "update") {
        let (before, rest) = text.split_once("| `basic`").expect("the table");
        let (_, after) = rest.split_once("\n\n").expect("more than the table");
        fs::write(page, [before, &table, "\n", after].concat()).expect("written");
        fs::write(list, differences).expect("written");
        return;
    }
    assert_eq!(fs::read_to_string(list).expect("the list"), differences, "tests that do not pass");
    assert!(text.contains(&table), "docs/cel.md has other figures:\n{table}");
}
