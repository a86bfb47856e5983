//! A text for people that is written part by part, for lines of a given width.

use super::table::{comma_list, fill, rows_of_table, table};
use anstyle::{Effects, Style};
use std::fmt::{self, Write};

pub(super) const TITLE: Style = Style::new().effects(Effects::BOLD);

/// A text for people. What is written to it by [`Write`] is taken verbatim; its methods keep lines within the width.
///
/// The results of `write!` are ignored by its users, because writing to a string cannot fail.
pub(super) struct Page {
    text: String,
    /// In columns of the terminal.
    pub(super) width: usize,
}

impl Page {
    pub(super) const fn new(width: usize) -> Self {
        Self { text: String::new(), width }
    }

    /// Without line breaks at its end.
    pub(super) fn into_text(mut self) -> String {
        self.text.truncate(self.text.trim_end().len());
        self.text
    }

    /// A title after an empty line.
    pub(super) fn heading(&mut self, title: &str) {
        let _ = writeln!(self, "\n{TITLE}{title}{TITLE:#}");
    }

    /// A paragraph: its first line indented by `indent` columns, the others by `hanging`.
    pub(super) fn paragraph(&mut self, indent: usize, hanging: usize, text: &str) {
        let text = fill(indent, hanging, self.width, text);
        let _ = writeln!(self, "{text}");
    }

    /// Rows below each other.
    pub(super) fn table(&mut self, indent: usize, rows: &[Vec<String>]) {
        let text = table(indent, rows, self.width);
        let _ = writeln!(self, "{text}");
    }

    /// The rows of a table, for what is written between them.
    pub(super) fn rows(&self, indent: usize, rows: &[Vec<String>]) -> Vec<String> {
        rows_of_table(indent, rows, self.width)
    }

    /// `words` separated by commas, for a line whose column `indent` they begin at.
    pub(super) fn list<'w>(&self, indent: usize, words: impl Iterator<Item = &'w str>) -> String {
        comma_list(indent, self.width, words)
    }
}

impl Write for Page {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.text.push_str(text);
        Ok(())
    }
}
