//! The `OTEL_*` environment variables.
//!
//! They are read through a lookup that the caller passes in, so that tests need no process-wide state.

use percent_encoding::percent_decode_str;
use std::cell::RefCell;
use std::collections::BTreeSet;

/// An environment variable that can't be used.
// Never has the variable's value: endpoints and headers contain credentials.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{variable}` {problem}")]
pub struct VariableError {
    /// The variable's name.
    pub variable: String,
    /// The error, in lower case and without full stop.
    pub problem: &'static str,
}

/// Looks up environment variables. An empty one counts as unset (OpenTelemetry environment specification).
#[derive(Clone, Copy)]
pub(super) struct OtelVars<'a> {
    lookup: &'a dyn Fn(&str) -> Option<String>,
    ignored: Option<&'a IgnoredVariables>,
}

/// The variables that a warning was logged for.
// Each variable is read for up to three signals, and one warning is enough.
#[derive(Debug, Default)]
pub(super) struct IgnoredVariables(RefCell<BTreeSet<String>>);

impl<'a> OtelVars<'a> {
    /// Reads variables with `lookup`.
    pub(super) const fn new(lookup: &'a dyn Fn(&str) -> Option<String>) -> Self {
        Self { lookup, ignored: None }
    }

    /// Logs at most one warning for each variable.
    pub(super) const fn warning_once(self, ignored: &'a IgnoredVariables) -> Self {
        Self { ignored: Some(ignored), ..self }
    }

    /// Logs that `variable` is ignored because of `problem`.
    pub(super) fn ignore(&self, variable: &str, problem: &'static str) {
        if self.is_first_warning(variable) {
            tracing::warn!(variable, "the variable {problem} and is ignored");
        }
    }

    /// Logs that a part of `variable` is ignored because of `problem`.
    pub(super) fn ignore_part(&self, variable: &str, problem: &'static str) {
        if self.is_first_warning(variable) {
            tracing::warn!(variable, "the variable {problem}, which is ignored");
        }
    }

    fn is_first_warning(&self, variable: &str) -> bool {
        self.ignored.is_none_or(|ignored| ignored.0.borrow_mut().insert(variable.to_owned()))
    }

    /// The value of a variable. `None` if it is unset or empty.
    pub(super) fn get(&self, variable: &str) -> Option<String> {
        (self.lookup)(variable).filter(|value| !value.is_empty())
    }

    /// The first of `variables` that is set, with its name. The one for a signal precedes the one for all signals.
    pub(super) fn first(&self, variables: [String; 2]) -> Option<(String, String)> {
        variables.into_iter().find_map(|variable| self.get(&variable).map(|value| (variable, value)))
    }

    /// Whether the variable is `true`, in any case. Anything else is false, with a warning unless it is `false`, as the
    /// specification requires.
    pub(super) fn is_true(&self, variable: &str) -> bool {
        let Some(value) = self.get(variable) else { return false };
        let is_true = value.trim().eq_ignore_ascii_case("true");
        if !is_true && !value.trim().eq_ignore_ascii_case("false") {
            self.ignore(variable, "is neither `true` nor `false`");
        }
        is_true
    }

    /// The variable as a number. One that is not a number is ignored with a warning, as the specification requires.
    pub(super) fn number(&self, variable: &str) -> Option<u64> {
        let number = self.get(variable)?.trim().parse().ok();
        if number.is_none() {
            self.ignore(variable, "is not a valid number");
        }
        number
    }

    /// The variable as a number of items, at least 1.
    pub(super) fn items(&self, variable: &str) -> Option<u64> {
        let number = self.number(variable)?;
        if number == 0 {
            tracing::warn!(variable, "the variable must be 1 or more and is ignored");
        }
        Some(number).filter(|number| *number > 0)
    }
}

/// Parses `name=value,name=value` with percent-encoded values, the form of headers and resource attributes (W3C
/// baggage). `None` if a pair has no name or is not UTF-8.
pub(super) fn pairs(list: &str) -> Option<Vec<(String, String)>> {
    list.split(',').filter(|pair| !pair.trim().is_empty()).map(pair).collect()
}

fn pair(text: &str) -> Option<(String, String)> {
    let (name, value) = text.split_once('=')?;
    let name = name.trim();
    let value = percent_decode_str(value.trim()).decode_utf8().ok()?;
    (!name.is_empty()).then(|| (name.to_owned(), value.into_owned()))
}

#[cfg(test)]
mod tests {
    use super::{IgnoredVariables, OtelVars, pairs};
    use std::io::{self, Read as _};
    use std::sync::Mutex;

    #[test]
    fn a_variable_set_to_nothing_is_unset() {
        let lookup = |name: &str| [("A", ""), ("B", "b")].iter().find(|it| it.0 == name).map(|it| it.1.to_owned());
        let environment = OtelVars::new(&lookup);
        assert_eq!(environment.get("A"), None);
        assert_eq!(environment.first(["A", "B"].map(String::from)), Some((String::from("B"), String::from("b"))));
        assert_eq!(environment.number("B"), None);
        let zero = |_: &str| Some("0".to_owned());
        assert_eq!((OtelVars::new(&zero).number("C"), OtelVars::new(&zero).items("C")), (Some(0), None));
    }

    #[test]
    fn only_the_word_true_is_true_and_others_are_warned_of() {
        for (value, is_true, is_warned) in [
            ("true", true, false),
            ("TRUE", true, false),
            ("false", false, false),
            ("", false, false),
            ("1", false, true),
            ("yes", false, true),
        ] {
            let ignored = IgnoredVariables::default();
            let lookup = |_: &str| Some(value.to_owned());
            assert_eq!(OtelVars::new(&lookup).warning_once(&ignored).is_true("A"), is_true, "{value}");
            assert_eq!(!ignored.0.borrow().is_empty(), is_warned, "{value}");
        }
    }

    #[test]
    fn what_cannot_be_used_is_told_once() {
        let (mut reader, writer) = io::pipe().unwrap();
        let subscriber = tracing_subscriber::fmt().with_writer(Mutex::new(writer)).with_ansi(false).finish();
        tracing::subscriber::with_default(subscriber, || {
            let ignored = IgnoredVariables::default();
            let environment = OtelVars::new(&|_| Some(String::from("secret"))).warning_once(&ignored);
            for variable in ["A", "B", "A", "B"] {
                assert_eq!(environment.number(variable), None);
            }
        });
        let mut said = String::new();
        reader.read_to_string(&mut said).unwrap();
        let count = |text: &str| said.matches(text).count();
        assert_eq!((count("is not a valid number and is ignored"), count("secret")), (2, 0), "{said}");
    }

    #[test]
    fn pairs_are_percent_decoded_and_trimmed() {
        let read = pairs(" a = 1%202 ,b=c=d,,").unwrap();
        assert_eq!(read, [("a".to_owned(), "1 2".to_owned()), ("b".to_owned(), "c=d".to_owned())]);
        assert_eq!(pairs("a"), None);
        assert_eq!(pairs("=b"), None);
        assert_eq!(pairs("a=%ff"), None);
    }
}
