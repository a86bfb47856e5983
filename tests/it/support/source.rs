//! The files of this repository, as the rules about them read them.

use std::fs;
use std::path::{Path, PathBuf};

/// What git does not track, by name (as `.gitignore` has it), and git's own.
const UNTRACKED: [&str; 5] = ["target", ".git", "node_modules", ".venv", "__pycache__"];

/// A file of the repository.
pub(crate) struct Source {
    /// Its path from the root, with `/`.
    pub(crate) path: String,
    pub(crate) text: String,
}

/// A line that a rule is about.
#[derive(Debug)]
pub(crate) struct Line<'a> {
    pub(crate) number: usize,
    pub(crate) text: &'a str,
}

/// Every text file under `folder`, from the root; none if there is no such folder.
pub(crate) fn files(folder: &str) -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let is_tracked = |path: &PathBuf| !UNTRACKED.iter().any(|name| path.ends_with(name)) && *path != root.join("fuzz");
    let mut found = Vec::new();
    let mut folders = vec![root.join(folder)];
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path());
        for path in entries.filter(is_tracked) {
            if path.is_dir() {
                folders.push(path);
            } else {
                found.extend(read(root, &path));
            }
        }
    }
    found
}

/// Every Rust file of the library and the program.
pub(crate) fn src() -> Vec<Source> {
    let found: Vec<_> = files("src").into_iter().filter(is_rust).collect();
    assert!(found.len() > 50, "the source tree was not found");
    found
}

fn is_rust(file: &Source) -> bool {
    Path::new(&file.path).extension().is_some_and(|extension| extension == "rs")
}

fn read(root: &Path, path: &Path) -> Option<Source> {
    let text = String::from_utf8(fs::read(path).unwrap()).ok()?;
    let path = path.strip_prefix(root).unwrap().to_string_lossy().replace('\\', "/");
    Some(Source { path, text })
}

impl Source {
    /// The module directly under the crate that the file belongs to.
    pub(crate) fn module(&self) -> &str {
        let inside = self.path.strip_prefix("src/").unwrap_or(&self.path);
        inside.split('/').next().unwrap().trim_end_matches(".rs")
    }

    /// The lines that are neither comments nor tests.
    pub(crate) fn product(&self) -> Vec<Line<'_>> {
        if self.path.ends_with("/tests.rs") || self.path.contains("/tests/") {
            return Vec::new();
        }
        let mut lines = self.code().into_iter();
        let mut product = Vec::new();
        while let Some(line) = lines.next() {
            if line.text.trim() == "#[cfg(test)]" {
                skip_item(&mut lines);
            } else {
                product.push(line);
            }
        }
        product
    }

    /// The lines that are not comments, of tests too.
    pub(crate) fn code(&self) -> Vec<Line<'_>> {
        let lines = self.text.lines().enumerate().map(|(index, text)| Line { number: index + 1, text });
        lines.filter(|line| !line.text.trim_start().starts_with("//")).collect()
    }
}

/// Skips the item after an attribute: one line, or up to the brace that closes it at the same depth.
fn skip_item<'a>(lines: &mut impl Iterator<Item = Line<'a>>) {
    let Some(first) = lines.by_ref().find(|line| !line.text.trim_start().starts_with("#[")) else { return };
    if first.text.trim_end().ends_with('{') {
        let depth = first.text.len() - first.text.trim_start().len();
        let end = format!("{}}}", " ".repeat(depth));
        lines.find(|line| line.text.trim_end().trim_end_matches(';') == end);
    }
}

/// Fails with every breach, each with its place.
pub(crate) fn hold(rule: &str, breaches: &[String]) {
    assert!(breaches.is_empty(), "{rule}:\n{}", breaches.join("\n"));
}

fn breach(file: &Source, line: &Line<'_>) -> String {
    format!("{}:{}: {}", file.path, line.number, line.text.trim())
}

/// Every line of `files` for which `lines` and `is_breach` say so.
pub(crate) fn breaches<'a>(
    files: impl IntoIterator<Item = &'a Source>,
    lines: fn(&'a Source) -> Vec<Line<'a>>,
    is_breach: impl Fn(&Source, &str) -> bool,
) -> Vec<String> {
    let of_file = |file: &'a Source| {
        let broken = lines(file).into_iter().filter(|line| is_breach(file, line.text));
        broken.map(|line| breach(file, &line)).collect::<Vec<_>>()
    };
    files.into_iter().flat_map(of_file).collect()
}

pub(crate) fn is_of_a_word(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

/// What is before and after `part`, for each place where it is in `text`.
pub(crate) fn around<'t>(text: &'t str, part: &str) -> impl Iterator<Item = (&'t str, &'t str)> {
    text.match_indices(part).map(|(at, found)| (text.split_at(at).0, text.split_at(at + found.len()).1))
}

/// Whether `word` is in `text` as a word of its own.
pub(crate) fn has_word(text: &str, word: &str) -> bool {
    around(text, word).any(|(before, after)| !before.ends_with(is_of_a_word) && !after.starts_with(is_of_a_word))
}

pub(crate) fn every_line(file: &Source) -> Vec<Line<'_>> {
    file.text.lines().enumerate().map(|(index, text)| Line { number: index + 1, text }).collect()
}
