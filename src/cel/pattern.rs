//! `matches()`: regular expressions, compiled once, whose search is bounded.
//!
//! An automaton reads each byte of the text once. That of most patterns is made as a whole when they are compiled. That of the
//! others, which would be too large, makes its states as they are needed. If such a pattern needs more than fit, other engines
//! continue at thousands of nanoseconds a byte; this one gives up. Its states are made anew for each search, so that the result
//! for a request does not depend on those before it.

use super::budget::Budget;
use super::error::EvaluationError;
use super::issue::Issue;
use regex_automata::dfa::{Automaton as _, StartKind, dense};
use regex_automata::hybrid::dfa::{Builder, Config, DFA};
use regex_automata::nfa::thompson::{self, NFA, WhichCaptures};
use regex_automata::{Input, util};

/// Largest compiled pattern, in bytes.
const LARGEST: usize = 1024 * 1024;
/// Most memory for an automaton that is made as a whole, in bytes. Making it takes a millisecond at most.
const WHOLE: usize = 64 * 1024;
/// Most memory for the states of one search, in bytes: filling it takes some 1.5 ms.
const STATES: usize = 128 * 1024;
/// Steps that a search takes besides reading.
const START: usize = 100;

/// A regular expression, ready to be searched for.
#[derive(Debug)]
pub(crate) struct Pattern {
    /// The text that it was compiled from, by which two expressions are compared.
    source: Box<str>,
    automaton: Automaton,
}

#[derive(Debug)]
enum Automaton {
    /// With all its states: a search allocates nothing.
    Whole(Box<dense::DFA<Vec<u32>>>),
    /// Makes its states during each search.
    Lazy(Box<DFA>),
}

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
        if let Some(whole) = whole_automaton(&nfa) {
            return Ok(Self { source: text.into(), automaton: Automaton::Whole(Box::new(whole)) });
        }
        // a Unicode word boundary has no automaton for text that is not ASCII; it would fail at the first such request
        let has_boundary = nfa.look_set_any().contains_word_unicode();
        let automaton = lazy_automaton(nfa).map(|dfa| Automaton::Lazy(Box::new(dfa)));
        automaton.map(|automaton| Self { source: text.into(), automaton }).ok_or_else(|| {
            if has_boundary {
                return wrong(r"the pattern has a `\b` or `\B`, which depends on the language of the text".to_owned())
                    .with_help(r"write `(?-u:\b)` for the boundary of an ASCII word");
            }
            wrong(format!("the pattern takes more than {} KiB for one step", STATES / 1024))
        })
    }

    /// The text that it was compiled from.
    pub(super) fn source(&self) -> &str {
        &self.source
    }

    /// Whether it is found in `text`.
    pub(super) fn is_found(&self, text: &str, budget: &mut Budget) -> Result<bool, EvaluationError> {
        budget.steps(START)?;
        budget.bytes(text.len())?;
        let input = Input::new(text).earliest(true);
        let dfa = match &self.automaton {
            Automaton::Whole(dfa) => {
                let found = dfa.try_search_fwd(&input).map_err(|_| budget.exhaust())?;
                return Ok(found.is_some());
            }
            Automaton::Lazy(dfa) => dfa,
        };
        // a shared cache would make the cost of a request depend on the requests before it
        let mut states = dfa.create_cache();
        let before = states.memory_usage();
        let found = dfa.try_search_fwd(&mut states, &input);
        // the search gave up: an error, because neither answer is known
        let Ok(found) = found else { return Err(budget.exhaust()) };
        // states that the search made are its main cost
        budget.steps(states.memory_usage().saturating_sub(before) / 2)?;
        Ok(found.is_some())
    }
}

/// The automaton of `nfa` with all its states. `None` if it is too large, or depends on the language of the text.
fn whole_automaton(nfa: &NFA) -> Option<dense::DFA<Vec<u32>>> {
    let config = dense::Config::new()
        .start_kind(StartKind::Unanchored)
        .dfa_size_limit(Some(WHOLE))
        .determinize_size_limit(Some(2 * WHOLE));
    dense::Builder::new().configure(config).build_from_nfa(nfa).ok()
}

/// The automaton of `nfa` without states. `None` if they could not be made for each text.
fn lazy_automaton(nfa: NFA) -> Option<DFA> {
    // no clearing: a cleared cache is how a search becomes slow without an end
    let config = Config::new().cache_capacity(STATES).minimum_cache_clear_count(Some(0));
    Builder::new().configure(config).build_from_nfa(nfa).ok()
}

#[cfg(test)]
mod tests {
    use super::{Automaton, Budget, Pattern, lazy_automaton};
    use regex_automata::nfa::thompson::NFA;

    #[test]
    fn a_whole_automaton_finds_what_a_lazy_one_finds() {
        let texts =
            ["", "a", "ab", "xaby", "SEC-4711", "sec-4711", "é", "\u{1f600}ab", "a\nb", "https://a.example.com/x?y=1"];
        for text in [
            "",
            "a",
            "^ab$",
            "(?i)^sec-[0-9]+$",
            r"^https://[^/]+\.example\.com(/|$)",
            ".",
            "(?s)a.b",
            "(a|b)*c",
            r"^\S+$",
        ] {
            let whole = Pattern::compile(text).expect("a pattern");
            assert!(matches!(whole.automaton, Automaton::Whole(_)), "{text}");
            let nfa = NFA::new(text).expect("a pattern");
            let automaton = Automaton::Lazy(Box::new(lazy_automaton(nfa).expect("an automaton")));
            let lazy = Pattern { source: text.into(), automaton };
            for searched in texts {
                let find =
                    |pattern: &Pattern| pattern.is_found(searched, &mut Budget::new()).expect("within the budget");
                assert_eq!(find(&whole), find(&lazy), "{text} in {searched:?}");
            }
        }
    }

    #[test]
    fn a_pattern_with_many_states_is_searched_lazily() {
        let pattern = Pattern::compile(r"(a|b)*a(a|b){12}$").expect("a pattern");
        assert!(matches!(pattern.automaton, Automaton::Lazy(_)));
        assert!(pattern.is_found("babbbbbbbbbbbb", &mut Budget::new()).expect("within the budget"));
    }
}
