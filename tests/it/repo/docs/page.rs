//! A page of the documentation, taken apart into blocks, tables and headings.

use crate::support::source::files;
use portcullis::manifest;
use serde_json::Value;
use std::path::Path;

/// A Markdown file of the repository.
pub(super) struct Page {
    /// Its path from the root of the repository.
    pub(super) path: String,
    pub(super) text: String,
}

/// A fenced block of code.
pub(super) struct Block {
    /// What follows the opening fence: a language, and `fragment` if the block is no file of its own.
    pub(super) info: String,
    pub(super) text: String,
    /// The prose between the block and the block or heading before it.
    pub(super) before: String,
}

/// README.md and the pages of `docs/`: what a reader follows.
pub(super) fn pages() -> Vec<Page> {
    let is_page = |page: &Page| page.path == "README.md" || page.path.starts_with("docs/");
    let pages: Vec<_> = prose().into_iter().filter(is_page).collect();
    assert!(pages.len() > 10, "the pages of docs/ were not found");
    pages
}

/// Every Markdown file of the repository.
pub(super) fn prose() -> Vec<Page> {
    let markdown =
        files("").into_iter().filter(|file| Path::new(&file.path).extension().is_some_and(|end| end == "md"));
    let mut pages: Vec<_> = markdown.map(|file| Page { path: file.path, text: file.text }).collect();
    pages.sort_by(|one, other| one.path.cmp(&other.path));
    pages
}

/// The page at this path.
pub(super) fn page(path: &str) -> Page {
    prose().into_iter().find(|page| page.path == path).unwrap_or_else(|| panic!("there is no {path}"))
}

impl Page {
    pub(super) fn blocks(&self) -> Vec<Block> {
        let mut blocks = Vec::new();
        let mut before = String::new();
        let mut lines = self.text.lines();
        while let Some(line) = lines.next() {
            if let Some(info) = line.trim_start().strip_prefix("```") {
                let text: Vec<_> = lines.by_ref().take_while(|line| line.trim_start() != "```").collect();
                let before = std::mem::take(&mut before);
                blocks.push(Block { info: info.to_owned(), text: text.join("\n") + "\n", before });
            } else if line.starts_with('#') {
                before.clear();
            } else {
                before.push_str(line);
                before.push('\n');
            }
        }
        blocks
    }

    /// The blocks of a language.
    pub(super) fn blocks_of(&self, language: &str) -> Vec<Block> {
        self.blocks().into_iter().filter(|block| block.info == language).collect()
    }

    /// The lines that are in no block.
    pub(super) fn prose_lines(&self) -> Vec<&str> {
        let mut is_code = false;
        let mut lines = Vec::new();
        for line in self.text.lines() {
            if line.trim_start().starts_with("```") {
                is_code = !is_code;
            } else if !is_code {
                lines.push(line);
            }
        }
        lines
    }

    /// The rows below the header `header`.
    pub(super) fn rows(&self, header: &str) -> Vec<&str> {
        let below = self.text.lines().skip_while(|line| *line != header).skip(2);
        let rows: Vec<_> = below.take_while(|line| line.starts_with('|')).collect();
        assert!(!rows.is_empty(), "{} has no table {header}", self.path);
        rows
    }

    /// The rows below the header `header`, by cells.
    pub(super) fn table(&self, header: &str) -> Vec<Vec<&str>> {
        self.rows(header).into_iter().map(split_cells).collect()
    }

    /// The headings, as links name them.
    pub(super) fn anchors(&self) -> Vec<String> {
        let headings = self.prose_lines().into_iter().filter_map(|line| line.strip_prefix('#'));
        headings.map(|title| anchor(title.trim_start_matches('#').trim())).collect()
    }

    /// The `portcullis/v1` documents of a kind, each with its text.
    pub(super) fn manifests(&self, kind: &str) -> Vec<(String, Value)> {
        let blocks = self.blocks_of("yaml").into_iter().map(|block| (self.read(&block.text), block.text));
        let blocks = blocks.filter(|(value, _)| value["kind"] == kind && value["apiVersion"] == "portcullis/v1");
        blocks.map(|(value, text)| (text, value)).collect()
    }

    /// The one document in `text`.
    pub(super) fn read(&self, text: &str) -> Value {
        let documents = manifest::read::<Value>(Path::new(&self.path), text);
        let mut documents = documents.unwrap_or_else(|_| panic!("{}: no YAML:\n{text}", self.path));
        documents.remove(0).value
    }
}

impl Block {
    /// Where the prose before the block asks to save it.
    pub(super) fn file(&self) -> Option<String> {
        let before = self.before.replace('\n', " ");
        let (_, after) = before.rsplit_once("ave this as `")?;
        Some(after.split_once('`')?.0.to_owned())
    }

    /// The commands of a `console` block, each with what it prints.
    pub(super) fn commands(&self) -> Vec<(&str, &str)> {
        let Some(rest) = self.text.strip_prefix("$ ") else { panic!("no command:\n{}", self.text) };
        rest.split("\n$ ").map(|example| example.split_once('\n').unwrap_or((example, ""))).collect()
    }
}

/// The cells of a row; `\|` is no border.
fn split_cells(row: &str) -> Vec<&str> {
    let row = row.trim().trim_start_matches('|');
    let mut is_escaped = false;
    let border = move |letter: char| {
        let is_border = letter == '|' && !is_escaped;
        is_escaped = letter == '\\';
        is_border
    };
    row.split_terminator(border).map(str::trim).collect()
}

/// The anchor that GitHub gives a heading.
fn anchor(title: &str) -> String {
    let kept = title.to_lowercase().replace(' ', "-");
    kept.chars().filter(|letter| letter.is_alphanumeric() || *letter == '-' || *letter == '_').collect()
}
