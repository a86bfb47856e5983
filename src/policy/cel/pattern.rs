//! `matches()`: regular expressions, compiled once, whose search is bounded.
//!
//! A lazy automaton reads each byte of the text once and makes its states as they are needed. Where a pattern needs so many
//! that they no longer fit, other engines go on at thousands of nanoseconds a byte; this one gives up. States are made anew
//! for each search, so that the same request always comes to the same end.

use super::EvaluationError;
use super::budget::Budget;
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
pub(super) struct Pattern(DFA);

impl Pattern {
    /// Compiles `text`.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub(super) fn compile(text: &str) -> Result<Self, String> {
        util::syntax::parse(text).map_err(|error| {
            let text = error.to_string();
            let last = text.lines().last().unwrap_or_default();
            format!("not a regular expression: {}", last.trim_start_matches("error: "))
        })?;
        let dfa = Builder::new()
            .configure(Config::new().cache_capacity(STATES).minimum_cache_clear_count(Some(0)))
            .thompson(thompson::Config::new().nfa_size_limit(Some(LARGEST)).which_captures(WhichCaptures::None))
            .build(text);
        dfa.map(Self).map_err(|_| {
            let boundary = r"\b or \B (write `(?-u:\b)`)";
            format!("the pattern takes more than {} KiB, or has a {boundary}", LARGEST / 1024)
        })
    }

    /// Whether it is found in `text`.
    pub(super) fn is_found(&self, text: &str, budget: &mut Budget) -> Result<bool, EvaluationError> {
        budget.steps(START)?;
        budget.bytes(text.len())?;
        let mut states = self.0.create_cache();
        let before = states.memory_usage();
        let found = self.0.try_search_fwd(&mut states, &Input::new(text).earliest(true));
        let Ok(found) = found else { return Err(budget.exhaust()) };
        budget.steps(states.memory_usage().saturating_sub(before) / 2)?;
        Ok(found.is_some())
    }
}
