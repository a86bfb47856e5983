//! `matches()`: regular expressions, compiled once, whose cost is known.

use super::EvaluationError;
use super::budget::Budget;
use regex::{Regex, RegexBuilder};

/// Largest compiled pattern, in bytes: some thousand states.
const LARGEST: usize = 256 * 1024;
/// The size from which on a pattern costs more than a plain search, in bytes.
const SMALLEST: usize = 4 * 1024;

/// A regular expression that is searched in linear time.
#[derive(Debug)]
pub(super) struct Pattern {
    regex: Regex,
    /// How much more a byte of text costs than in a plain search. At worst each state is visited for each byte.
    weight: usize,
}

impl Pattern {
    /// Compiles `text`.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub(super) fn compile(text: &str) -> Result<Self, String> {
        let mut size = SMALLEST;
        loop {
            let built = RegexBuilder::new(text).size_limit(size).dfa_size_limit(LARGEST).build();
            match built {
                Ok(regex) => return Ok(Self { regex, weight: size / SMALLEST }),
                Err(regex::Error::CompiledTooBig(_)) if size < LARGEST => size *= 2,
                Err(regex::Error::CompiledTooBig(_)) => {
                    return Err(format!("the pattern takes more than {} KiB", LARGEST / 1024));
                }
                Err(error) => {
                    let text = error.to_string();
                    let last = text.lines().last().unwrap_or_default();
                    return Err(format!("not a regular expression: {}", last.trim_start_matches("error: ")));
                }
            }
        }
    }

    /// Whether it is found in `text`.
    pub(super) fn is_found(&self, text: &str, budget: &mut Budget) -> Result<bool, EvaluationError> {
        budget.bytes(text.len().saturating_mul(self.weight))?;
        Ok(self.regex.is_match(text))
    }
}
