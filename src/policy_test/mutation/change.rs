//! The place of a change in a file, and the lines before and after it.

use crate::diagnostic::Diagnostic;
use crate::manifest::Source;
use std::ops::Range;
use std::path::PathBuf;

/// The lines of a file that a mutant changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangedLines {
    /// The file of the rule.
    pub file: PathBuf,
    /// The one-based line of the first of them.
    pub line: usize,
    /// The lines in the file. Empty if lines are added only.
    pub before: Vec<String>,
    /// The lines of the mutant. Empty if lines are removed only.
    pub after: Vec<String>,
}

impl ChangedLines {
    /// The bytes `range` of the text at `pointer`, replaced.
    pub(super) fn within(source: &Source, pointer: &str, range: Range<usize>, replacement: &str) -> Self {
        let is_insertion = range.is_empty();
        let place = source.within(pointer, range, "");
        Self::of(source, &place, |span| if is_insertion { span.start..span.start } else { span }, replacement)
    }

    /// The value at `pointer`, replaced.
    pub(super) fn replace_value(source: &Source, pointer: &str, replacement: &str) -> Self {
        Self::of(source, &source.at(pointer, ""), |span| span, replacement)
    }

    /// The element at `pointer`, removed from its list.
    pub(super) fn without_element(source: &Source, pointer: &str) -> Self {
        let place = source.at(pointer, "");
        let text = place.source.clone().unwrap_or_default();
        Self::of(source, &place, |span| with_comma(&text, span), "")
    }

    /// The lines of the value at `pointer`, removed.
    pub(super) fn remove_lines(source: &Source, pointer: &str) -> Self {
        Self { after: Vec::new(), ..Self::replace_value(source, pointer, "") }
    }

    /// A line that is added after that of `pointer`.
    pub(super) fn add_line(source: &Source, pointer: &str, line: &str) -> Self {
        let mut lines = Self::replace_value(source, pointer, "");
        lines.after = vec![line.to_owned()];
        Self { before: Vec::new(), ..lines }
    }

    fn of(
        source: &Source,
        place: &Diagnostic,
        extend: impl FnOnce(Range<usize>) -> Range<usize>,
        replacement: &str,
    ) -> Self {
        let text = place.source.as_deref().unwrap_or_default();
        let span = extend(place.span.clone().unwrap_or_default());
        let start = text.get(..span.start).and_then(|before| before.rfind('\n')).map_or(0, |at| at + 1);
        let end = text.get(span.end..).and_then(|after| after.find('\n')).map_or(text.len(), |at| span.end + at);
        let part = |range: Range<usize>| text.get(range).unwrap_or_default();
        let before = part(start..end);
        let after = format!("{}{replacement}{}", part(start..span.start), part(span.end..end));
        Self {
            file: source.file().to_owned(),
            line: place.place().map_or(1, |(line, _)| line),
            before: display_lines(before),
            after: display_lines(&after),
        }
    }
}

/// The bytes of an element, with the comma that would be left over.
fn with_comma(text: &str, span: Range<usize>) -> Range<usize> {
    let (before, after) = (text.get(..span.start).unwrap_or_default(), text.get(span.end..).unwrap_or_default());
    if let Some(rest) = after.strip_prefix(',') {
        let blanks = rest.len() - rest.trim_start_matches(' ').len();
        return span.start..span.end + 1 + blanks;
    }
    match before.trim_end().strip_suffix(',') {
        Some(kept) => kept.len()..span.end,
        None => span,
    }
}

/// The lines without the indent that they share, and without those that are empty.
fn display_lines(text: &str) -> Vec<String> {
    let lines = text.lines().filter(|line| !matches!(line.trim(), "" | "-"));
    let lines: Vec<&str> = lines.collect();
    let indent_of = |line: &&str| line.len() - line.trim_start().len();
    let indent = lines.iter().map(indent_of).min().unwrap_or_default();
    let shown = lines.iter().map(|line| line.get(indent..).unwrap_or_default().trim_end());
    // the dash of a list would look like the sign of a removed line
    shown.map(|line| line.strip_prefix("- ").unwrap_or(line).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::ChangedLines;
    use crate::manifest;
    use std::path::Path;

    #[test]
    fn the_lines_of_a_change_are_those_of_the_file() {
        let text = "a:\n  list: [x, y, z]\n  block:\n    - one\n    - two\n  text: \"b == 'c'\"\n";
        let source = manifest::documents(Path::new("f.yaml"), text).unwrap().remove(0);
        let lines = |change: ChangedLines| (change.line, change.before.join("|"), change.after.join("|"));
        let row = |line: usize, before: &str, after: &str| (line, before.to_owned(), after.to_owned());
        let element = |at: &str| lines(ChangedLines::without_element(&source, at));
        assert_eq!(element("/a/list/0"), row(2, "list: [x, y, z]", "list: [y, z]"));
        assert_eq!(element("/a/list/2"), row(2, "list: [x, y, z]", "list: [x, y]"));
        assert_eq!(element("/a/block/1"), row(5, "two", ""));
        let within = ChangedLines::within(&source, "/a/text", 2..4, "!=");
        assert_eq!(lines(within), row(6, "text: \"b == 'c'\"", "text: \"b != 'c'\""));
        let inserted = ChangedLines::within(&source, "/a/text", 7..7, "_");
        assert_eq!(lines(inserted), row(6, "text: \"b == 'c'\"", "text: \"b == 'c_'\""));
        assert_eq!(lines(ChangedLines::remove_lines(&source, "/a/text")), row(6, "text: \"b == 'c'\"", ""));
        assert_eq!(lines(ChangedLines::add_line(&source, "/a/list", "more: 1")), row(2, "", "more: 1"));
    }
}
