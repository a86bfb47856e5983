//! `matches()`: regular expressions, compiled once, whose search is bounded.
//!
//! A lazy automaton reads each byte of the text once and makes its states as they are needed. If a pattern needs more
//! than fit, other engines continue at thousands of nanoseconds a byte; this one gives up. States are made anew
//! for each search, so that the result for a request does not depend on those before it.

use super::budget::Budget;
use super::error::EvaluationError;
use super::issue::Issue;
use regex_automata::hybrid::dfa::{Builder, Config, DFA};
use regex_automata::nfa::thompson::{self, WhichCaptures};
use regex_automata::{Input, util};

/// Largest compiled pattern, in bytes.
const LARGEST: usize = 1024 * 1024;
/// Most memory for the states of one search, in bytes: filling it takes some 1.5 ms.
const STATES: usize = 128 * 1024;
/// Steps that a search takes besides reading.
const START: usize = 100;

/// A regular expression, ready to be searched for.
#[derive(Debug)]
pub(crate) struct Pattern(DFA);

impl Pattern {
    /// Compiles `text`.
    ///
    /// # Errors
    ///
    /// What is wrong with it; the place is that of `text` itself.
    pub(super) fn compile(text: &str) -> Result<Self, Issue> {
        let wrong = |message: String| Issue::new(&(0..text.len()), message);
        let syntax = util::syntax::parse(text).map_err(|error| {
            let error = error.to_string();
            let last = error.lines().last().unwrap_or_default();
            wrong(format!("not a regular expression: {}", last.trim_start_matches("error: ")))
        })?;
        let nfa = thompson::Compiler::new()
            // no captures: only whether it matches is needed, and the automaton is smaller
            .configure(thompson::Config::new().nfa_size_limit(Some(LARGEST)).which_captures(WhichCaptures::None))
            .build_from_hir(&syntax)
            .map_err(|_| wrong(format!("the pattern takes more than {} KiB", LARGEST / 1024)))?;
        // a Unicode word boundary has no lazy automaton for text that is not ASCII; it would fail at the first such request
        let has_boundary = nfa.look_set_any().contains_word_unicode();
        let dfa = Builder::new()
            // no clearing: a cleared cache is how a search becomes slow without an end
            .configure(Config::new().cache_capacity(STATES).minimum_cache_clear_count(Some(0)))
            .build_from_nfa(nfa);
        dfa.map(Self).map_err(|_| {
            if has_boundary {
                return wrong(r"the pattern has a `\b` or `\B`, which depends on the language of the text".to_owned())
                    .with_help(r"write `(?-u:\b)` for the boundary of an ASCII word");
            }
            wrong(format!("the pattern takes more than {} KiB for one step", STATES / 1024))
        })
    }

    /// Whether it is found in `text`.
    pub(super) fn is_found(&self, text: &str, budget: &mut Budget) -> Result<bool, EvaluationError> {
        budget.steps(START)?;
        budget.bytes(text.len())?;
        // a shared cache would make the cost of a request depend on the requests before it
        let mut states = self.0.create_cache();
        let before = states.memory_usage();
        let found = self.0.try_search_fwd(&mut states, &Input::new(text).earliest(true));
        // the search gave up: an error, because neither answer is known
        let Ok(found) = found else { return Err(budget.exhaust()) };
        // states that the search made are its main cost
        budget.steps(states.memory_usage().saturating_sub(before) / 2)?;
        Ok(found.is_some())
    }
}
