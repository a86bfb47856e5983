//! `find()` and `findAll()`: what a pattern finds in a text, not only whether it does.
//!
//! As in [`super::pattern`] the automata are lazy, and a search that needs more states than fit is broken off.

use super::budget::Budget;
use super::error::EvaluationError;
use super::issue::Issue;
use super::pattern::Pattern;
use regex_automata::hybrid::{dfa, regex};
use regex_automata::nfa::thompson::{Config, WhichCaptures};
use regex_automata::util::iter::Searcher;
use regex_automata::{Input, MatchError};
use std::ops::Range;

/// Largest compiled pattern, in bytes.
const LARGEST: usize = 1024 * 1024;
/// Most memory for the states of one search, in bytes, for each direction.
const STATES: usize = 128 * 1024;
/// Steps that a search takes besides reading.
const START: usize = 200;

/// A regular expression that is searched for from both ends, so that the place of what is found is known.
#[derive(Debug)]
pub(super) struct Finder {
    /// The text that it was compiled from, by which two expressions are compared.
    source: Box<str>,
    regex: regex::Regex,
}

impl Finder {
    /// Compiles `text`.
    ///
    /// # Errors
    ///
    /// What is wrong with it; the place is that of `text` itself.
    pub(super) fn compile(text: &str) -> Result<Self, Issue> {
        // it has the words for what is wrong
        Pattern::compile(text)?;
        let regex = regex::Builder::new()
            .thompson(Config::new().nfa_size_limit(Some(LARGEST)).which_captures(WhichCaptures::None))
            .dfa(dfa::Config::new().cache_capacity(STATES).minimum_cache_clear_count(Some(0)))
            .build(text);
        regex.map(|regex| Self { source: text.into(), regex }).map_err(|_| {
            let message = format!("the pattern takes more than {} KiB", LARGEST / 1024);
            Issue::new(&(0..text.len()), message)
        })
    }

    /// The text that it was compiled from.
    pub(super) fn source(&self) -> &str {
        &self.source
    }

    /// Where the pattern is found in `text`, at most `most` times, from left to right.
    pub(super) fn find(
        &self,
        text: &str,
        most: usize,
        budget: &mut Budget,
    ) -> Result<Vec<Range<usize>>, EvaluationError> {
        budget.steps(START)?;
        let mut states = self.regex.create_cache();
        let mut memory = states.memory_usage();
        let mut searcher = Searcher::new(Input::new(text));
        let mut found = Vec::new();
        while found.len() < most {
            // each search may read all that is left of the text
            let rest = text.len().saturating_sub(searcher.input().start());
            budget.steps(1)?;
            budget.bytes(2 * rest)?;
            let next: Result<_, MatchError> = searcher.try_advance(|input| self.regex.try_search(&mut states, input));
            // the search gave up: an error, because neither answer is known
            let Ok(next) = next else { return Err(budget.exhaust()) };
            // states that the search made are its main cost
            budget.steps(states.memory_usage().saturating_sub(memory) / 2)?;
            memory = states.memory_usage();
            let Some(next) = next else { break };
            found.push(next.range());
        }
        Ok(found)
    }
}
