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
        let source = self.source.as_deref().map(mask_credentials);
        let mut group = Group::with_title(level.clone().primary_title(self.message.as_str()));
        group = match (&source, &self.span) {
            (Some(source), Some(span)) => group.element(
                Snippet::source(source.as_ref())
                    .path(file)
                    .annotation(AnnotationKind::Primary.span(first_line_of(source, span))),
            ),
            _ => group.element(Origin::path(file)),
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

/// `source` with a `*` for each byte of the user name and password in its URLs, so that places stay the same.
// wherever a URL stands: the error may be one of another field on the same line
fn mask_credentials(source: &str) -> Cow<'_, str> {
    let mut masked = Cow::Borrowed(source);
    for (start, scheme_end) in source.match_indices("://") {
        let start = start + scheme_end.len();
        let rest = source.get(start..).unwrap_or_default();
        let end =
            rest.find(|letter: char| letter.is_whitespace() || "/?#\"'`,}]".contains(letter)).unwrap_or(rest.len());
        if let Some(length) = rest.get(..end).and_then(|authority| authority.rfind('@')) {
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
