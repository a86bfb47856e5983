//! How pages are written.

use super::page::{page, pages, prose};
use crate::support::source::has_word;

/// Words of a private English; `CONTRIBUTING.md` has what is written instead.
const AVOIDED: [&str; 7] = ["told", "tells", "tell", "said", "says", "whoever", "nobody"];

#[test]
fn pages_are_in_plain_english() {
    for page in prose().into_iter().filter(|page| !page.path.starts_with("src/") && page.path != "CONTRIBUTING.md") {
        // messages of the program, which the tests of tables write here
        let is_message = |line: &&str| line.starts_with("| `") || line.starts_with("| [`");
        let prose = page.prose_lines().into_iter().filter(|line| !is_message(line)).collect::<Vec<_>>().join("\n");
        let outside_code: String = prose.split('`').step_by(2).collect::<Vec<_>>().join("`").to_lowercase();
        for word in AVOIDED {
            assert!(!has_word(&outside_code, word), "{} has the word `{word}`", page.path);
        }
    }
}

#[test]
fn the_readme_is_short() {
    let lines = page("README.md").text.lines().count();
    assert!(lines <= 260, "{lines} lines; move some of them to docs/");
}

#[test]
fn a_page_begins_with_a_paragraph() {
    for page in pages() {
        let mut lines = page.text.lines().skip(1).filter(|line| !line.is_empty());
        let first = lines.next().unwrap_or_default();
        assert!(first.starts_with(|letter: char| letter.is_alphabetic() || letter == '*'), "{}: {first}", page.path);
    }
}
