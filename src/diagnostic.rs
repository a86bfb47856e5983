//! Diagnostics: the one form of every error in a file that an operator writes.

use annotate_snippets::renderer::{AnsiColor, DecorStyle, Effects};
use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// An error or lint in a file, with its place and a fix.
///
/// `Display` gives one line (`file:line:column: message`); [`Diagnostic::render`] adds the snippet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// The file, as the operator named it. For a flag or an environment variable, its name.
    pub file: PathBuf,
    /// The text of the file. `None` if it could not be read.
    pub source: Option<Arc<str>>,
    /// The bytes of `source` that are wrong. `None` if the whole file is.
    pub span: Option<Range<usize>>,
    /// What is wrong: lower case, no full stop, fields in backticks.
    pub message: String,
    /// How to fix it.
    pub help: Option<String>,
}

impl Diagnostic {
    /// A problem with the file as a whole, such as one that cannot be read, or with a flag.
    pub fn of_file(file: &Path, message: impl Into<String>) -> Self {
        Self { file: file.to_owned(), source: None, span: None, message: message.into(), help: None }
    }

    /// A problem with the bytes `span` of the file's text.
    pub fn at(file: &Path, source: &Arc<str>, span: Range<usize>, message: impl Into<String>) -> Self {
        Self { source: Some(Arc::clone(source)), span: Some(span), ..Self::of_file(file, message) }
    }

    /// Adds how to fix it.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// One-based line and column (in characters) of the problem. `None` if the whole file is wrong.
    pub fn place(&self) -> Option<(usize, usize)> {
        let (source, span) = (self.source.as_ref()?, self.span.as_ref()?);
        Some(line_and_column(source, span.start))
    }

    /// As [`Self::place`], of the first character behind the problem.
    pub fn end(&self) -> Option<(usize, usize)> {
        let (source, span) = (self.source.as_ref()?, self.span.as_ref()?);
        Some(line_and_column(source, span.end))
    }

    /// The problem for a terminal: message, place, the line of the file with the wrong part underlined, and the fix.
    ///
    /// Ends without a line break. `color` adds terminal escapes.
    pub fn render(&self, color: bool) -> String {
        self.render_at(&Level::ERROR, color)
    }

    /// As [`Self::render`], for a lint.
    pub fn render_as_warning(&self, color: bool) -> String {
        self.render_at(&Level::WARNING, color)
    }

    fn render_at(&self, level: &Level<'static>, color: bool) -> String {
        let file = self.file.display().to_string();
        let shown = self.source.as_deref().zip(self.span.as_ref()).map(|(source, span)| shown_lines(source, span));
        let mut group = Group::with_title(level.clone().primary_title(self.message.as_str()));
        group = match &shown {
            Some(ShownLines { text, line, span, place }) => {
                let snippet = Snippet::source(text.as_ref())
                    .line_start(*line)
                    .annotation(AnnotationKind::Primary.span(first_line_of(text, span)));
                match *place {
                    None => group.element(snippet.path(file)),
                    Some((line, column)) => {
                        group.element(Origin::path(file).line(line).char_column(column)).element(snippet)
                    }
                }
            }
            None => group.element(Origin::path(file)),
        };
        if let Some(help) = &self.help {
            group = group.element(Level::HELP.message(help.as_str()));
        }
        renderer(color).render(&[group])
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if let Some((line, column)) = self.place() {
            write!(f, ":{line}:{column}")?;
        }
        write!(f, ": {}", self.message)
    }
}

/// The lines of a file that hold a span.
struct ShownLines<'s> {
    text: Cow<'s, str>,
    /// The one-based number of the first.
    line: usize,
    /// The span within `text`.
    span: Range<usize>,
    /// The line and column of the span, if `text` is a part of a line.
    place: Option<(usize, usize)>,
}

/// Most bytes that are shown of a line on each side of a span. A file of a megabyte may be one line.
const LONGEST_SIDE: usize = 1000;

// only these: to search a whole file for lines would take longer with each of its mistakes
fn shown_lines<'s>(source: &'s str, span: &Range<usize>) -> ShownLines<'s> {
    // bytes, since a span need not begin or end at a character
    let (from, to) = (span.start.min(source.len()), span.end.min(source.len()));
    let is_end = |byte: &u8| *byte == b'\n';
    let start = source.as_bytes().get(..from).and_then(|before| before.iter().rposition(is_end)).map_or(0, |at| at + 1);
    let end =
        source.as_bytes().get(to..).and_then(|rest| rest.iter().position(is_end)).map_or(source.len(), |at| to + at);
    let (line, _) = line_and_column(source, start);
    let (first, last) = (start.max(from.saturating_sub(LONGEST_SIDE)), end.min(to.max(from) + LONGEST_SIDE));
    let first = (first..from).find(|at| source.is_char_boundary(*at)).unwrap_or(from);
    let last = (last..end).find(|at| source.is_char_boundary(*at)).unwrap_or(end);
    let place = ((first, last) != (start, end)).then(|| line_and_column(source, from));
    let text = mask_credentials(source.get(first..last).unwrap_or_default());
    ShownLines { text, line, span: from - first..to.max(from) - first, place }
}

/// `source` with a `*` for each byte of the user name and password in its URLs, so that places stay the same.
// wherever a URL stands: the error may be one of another field on the same line
fn mask_credentials(source: &str) -> Cow<'_, str> {
    let mut masked = Cow::Borrowed(source);
    for (start, scheme_end) in source.match_indices("://") {
        let start = start + scheme_end.len();
        let rest = source.get(start..).unwrap_or_default();
        let end =
            rest.find(|letter: char| letter.is_whitespace() || "/?#\"'`,}]".contains(letter)).unwrap_or(rest.len());
        // a password that is not encoded may hold what ends an authority: the URL is invalid then, and is what is shown
        let authority = rest.get(..end).unwrap_or_default();
        let whole = rest.find(|letter: char| letter.is_whitespace()).unwrap_or(rest.len());
        let hidden = if authority.contains(':') { rest.get(..whole).unwrap_or_default() } else { authority };
        if let Some(length) = hidden.rfind('@') {
            masked.to_mut().replace_range(start..start + length, &"*".repeat(length));
        }
    }
    masked
}

/// One-based line and column (in characters) of the byte `offset` in `source`.
pub fn line_and_column(source: &str, offset: usize) -> (usize, usize) {
    let before = source.get(..offset).unwrap_or(source);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    (line, column)
}

/// The part of `span` on its first line, within `source` and on character boundaries.
//
// A block that is underlined over many lines hides what is wrong with it. The bounds are clamped because spans come from several
// parsers, and showing an error must not fail.
fn first_line_of(source: &str, span: &Range<usize>) -> Range<usize> {
    let on_boundary = |offset: usize| (0..=offset.min(source.len())).rev().find(|at| source.is_char_boundary(*at));
    let start = on_boundary(span.start).unwrap_or_default();
    let rest = source.get(start..).unwrap_or_default();
    let line = rest.find(['\n', '\r']).unwrap_or(rest.len());
    let end = on_boundary(span.end).unwrap_or_default().min(start + line);
    start..end.max(start)
}

fn renderer(color: bool) -> Renderer {
    if color {
        Renderer::styled()
            .decor_style(DecorStyle::Ascii)
            .help(AnsiColor::BrightCyan.on_default().effects(Effects::BOLD))
    } else {
        Renderer::plain().decor_style(DecorStyle::Ascii)
    }
}

#[cfg(test)]
mod tests {
    use super::{Diagnostic, line_and_column};
    use std::path::Path;
    use std::sync::Arc;

    fn wrong(text: &str, part: &str) -> Diagnostic {
        let start = text.find(part).unwrap();
        Diagnostic::at(Path::new("a.yaml"), &Arc::from(text), start..start + part.len(), "`b` is wrong")
    }

    #[test]
    fn columns_count_characters_and_not_bytes() {
        assert_eq!(line_and_column("é: 1\nü: x", 8), (2, 2));
        assert_eq!(wrong("a: 1\nü: x\n", "x").to_string(), "a.yaml:2:4: `b` is wrong");
    }

    #[test]
    fn a_long_line_is_shown_in_part_with_its_own_place() {
        let rendered = wrong(&format!("a: 1\n{} two {}", "é".repeat(90_000), "é".repeat(90_000)), "two").render(false);
        assert!(rendered.contains("--> a.yaml:2:90002") && rendered.contains("^^^"), "{rendered}");
        assert!(rendered.len() < 1_000, "{} bytes", rendered.len());
        // a span that begins and ends inside of characters
        let source: Arc<str> = "é\né".into();
        for (start, end) in [(1, 1), (1, 4), (4, 4), (5, 9), (0, 0)] {
            Diagnostic::at(Path::new("a.yaml"), &source, start..end, "wrong").render(false);
        }
    }

    #[test]
    fn a_rendered_problem_shows_the_line_and_how_to_mend_it() {
        let rendered = wrong("a: 1\nb: two\n", "two").with_help("write a number").render(false);
        assert_eq!(
            rendered,
            "error: `b` is wrong\n --> a.yaml:2:4\n  |\n2 | b: two\n  |    ^^^\n  |\n  = help: write a number"
        );
        assert!(wrong("b: two", "two").render(true).contains("\u{1b}["));
    }

    #[test]
    fn credentials_in_a_url_are_not_shown() {
        let text = "u: { url: 'https://a:hunter2@a.example/x', b: http://b@c:1 } # see http://d/e@f";
        let rendered = wrong(text, "hunter2").render(false);
        let masked = "u: { url: 'https://*********@a.example/x', b: http://*@c:1 } # see http://d/e@f";
        assert!(rendered.contains(masked), "{rendered}");
        assert!(rendered.contains("a.yaml:1:22"), "{rendered}");
        for password in ["hunter2/", "hunter#2", "hunter,2", "hunter2?", "hunter2\""] {
            let rendered = wrong(&format!("proxy: http://a:{password}@proxy:3128"), "proxy").render(false);
            assert!(!rendered.contains("hunter") && rendered.contains("@proxy:3128"), "{rendered}");
        }
    }

    #[test]
    fn a_problem_that_spans_lines_is_underlined_on_its_first() {
        let rendered = wrong("a:\n  b: 1\n  c: 2\n", "b: 1\n  c: 2").render(false);
        assert_eq!(rendered, "error: `b` is wrong\n --> a.yaml:2:3\n  |\n2 |   b: 1\n  |   ^^^^");
    }

    #[test]
    fn a_span_outside_the_text_is_shown_at_its_end() {
        let past = Diagnostic::at(Path::new("a.yaml"), &Arc::from("é"), 40..50, "`b` is wrong");
        assert!(past.render(false).contains("a.yaml:1:2"), "{}", past.render(false));
        let inside = Diagnostic::at(Path::new("a.yaml"), &Arc::from("é"), 1..1, "`b` is wrong");
        assert!(inside.render(false).contains("a.yaml:1:1"), "{}", inside.render(false));
    }

    #[test]
    fn a_problem_with_the_whole_file_has_no_place() {
        let missing = Diagnostic::of_file(Path::new("a.yaml"), "cannot be read");
        assert_eq!(missing.to_string(), "a.yaml: cannot be read");
        assert_eq!(missing.render(false), "error: cannot be read\n--> a.yaml");
    }
}
