//! The state of a check, and its messages.

use super::checked::Checked;
use super::local::Local;
use crate::cel::env::Env;
use crate::cel::issue::Issue;
use crate::cel::source_info::SourceInfo;
use crate::cel::syntax::{MAX_DEPTH, foreign};
use crate::suggest::nearest;
use std::ops::Range;

/// Checks one expression.
pub(in crate::cel) struct Checker<'n, 'c> {
    pub(super) env: &'n mut Env<'c>,
    source: &'n str,
    pub(super) source_info: SourceInfo,
    /// The names in scope at the current part, outermost first.
    pub(super) locals: Vec<Local<'c>>,
    /// The depth of the current part.
    pub(super) depth: usize,
    /// The deepest part so far, with the depth of variables.
    pub(super) deepest: usize,
    /// Whether the next part must be true or false, and so must both branches if it is a conditional.
    pub(in crate::cel) is_truth: bool,
    pub(super) issues: Vec<Issue>,
}

impl<'n, 'c> Checker<'n, 'c> {
    pub(in crate::cel) fn new(env: &'n mut Env<'c>, source: &'n str) -> Self {
        let source_info = SourceInfo::new(source, env.next_id);
        Self { env, source, source_info, locals: Vec::new(), depth: 0, deepest: 0, is_truth: false, issues: Vec::new() }
    }

    /// The source with the span of each node, the depth, and the errors.
    pub(in crate::cel) fn finish(self) -> (SourceInfo, usize, Vec<Issue>) {
        (self.source_info, self.deepest, self.issues)
    }

    pub(super) fn text(&self, span: &Range<usize>) -> &'n str {
        self.source.get(span.clone()).unwrap_or_default()
    }

    /// Reports `issue`.
    pub(super) fn reject(&mut self, issue: Issue) -> Checked<'c> {
        self.issues.push(issue);
        Checked::unknown()
    }

    pub(super) fn check_depth(&mut self, depth: usize, span: &Range<usize>) {
        if depth > MAX_DEPTH {
            let message =
                format!("the expression nests deeper than {MAX_DEPTH} levels, those of its variables included");
            self.issues.push(Issue::new(span, message));
        }
        self.deepest = self.deepest.max(depth);
    }

    /// What to write instead of `word`, which another language has.
    pub(super) fn word_help(&self, word: &str) -> Option<&'static str> {
        foreign::word_help(word).or_else(|| self.env.declarations.foreign_word(word))
    }

    /// An issue about the name at `at`, with the name that was probably meant, or else the names that exist.
    pub(super) fn unknown_name(&self, at: &Range<usize>, name: &str, what: &str, known: &[&str]) -> Issue {
        let issue = Issue::new(at, format!("`{name}` {what}"));
        if let Some(help) = self.word_help(name) {
            return issue.with_help(help);
        }
        match nearest(name, known.iter().copied()) {
            Some(meant) => issue.with_help(format!("did you mean `{meant}`?")),
            // a longer list does not help on a terminal
            None if known.is_empty() || known.len() > 12 => issue,
            None => issue.with_help(format!("there are {}", list_names(known.iter().copied()))),
        }
    }
}

/// Names in a sentence.
pub(super) fn list_names<'t>(names: impl Iterator<Item = &'t str>) -> String {
    names.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}
