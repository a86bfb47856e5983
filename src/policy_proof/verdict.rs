//! What is proven of two versions of a rule, or of all rules.

use crate::policy::Effect;
use crate::policy_test::{ActualDecision, TestRequest};
use std::time::Duration;

/// A direction in which a new version can differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Direction {
    /// It does more to a request than the old version.
    Stricter,
    /// It does less.
    Looser,
}

/// How a new version compares with the old one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeVerdict {
    /// It has the same effect on every request.
    Equal,
    /// It does more to some requests, and less to none.
    Stricter,
    /// It does less to some requests, and more to none.
    Looser,
    /// It does more to some requests, and less to others.
    Both,
    /// It is not known for one of the directions.
    Undecided,
}

/// Requests, of which two versions treat the last differently. There are several only if limits count.
#[derive(Clone, Debug)]
pub struct Difference {
    pub(super) steps: Vec<Step>,
    /// The effect of the old version.
    pub old: Effect,
    /// The effect of the new version.
    pub new: Effect,
}

/// What is known of one direction.
#[derive(Clone, Debug)]
pub enum Finding {
    /// There is no such request.
    Never,
    /// There is this one.
    Shown(Box<Difference>),
    /// None was found among this many requests that were judged, and that there is none is not proven.
    NotFound {
        /// How many requests were judged.
        judged: usize,
        /// Why more is not known.
        why: &'static str,
    },
}

/// A request that is sent some times.
#[derive(Clone, Debug)]
pub(super) struct Step {
    pub(super) request: TestRequest,
    pub(super) repeat: u32,
    /// The time since the step before it.
    pub(super) after: Duration,
    /// The decision of the new version, as the `expect` of a test case. Empty before it is judged.
    pub(super) expected: String,
}

impl Step {
    /// A step that sends the request one time, right after the step before it.
    pub(super) const fn once(request: TestRequest) -> Self {
        Self { request, repeat: 1, after: Duration::ZERO, expected: String::new() }
    }
}

impl Difference {
    /// `decisions` are those of the new version.
    pub(super) fn new(mut steps: Vec<Step>, (old, new): (Effect, Effect), decisions: &[ActualDecision]) -> Self {
        for (step, decision) in steps.iter_mut().zip(decisions) {
            step.expected = decision.expectation();
        }
        Self { steps, old, new }
    }

    /// The requests as test cases called `name`: the lines of a list in YAML.
    pub fn to_cases(&self, name: &str) -> Vec<String> {
        let last = self.steps.len().saturating_sub(1);
        let cases = self.steps.iter().enumerate().flat_map(|(position, step)| {
            let number = if position == last { String::new() } else { format!(", request {}", position + 1) };
            let mut lines = vec![format!("- name: {name}{number}"), format!("  request: {}", step.request.to_yaml())];
            lines.extend((step.repeat > 1).then(|| format!("  repeat: {}", step.repeat)));
            lines.extend((position > 0).then(|| format!("  after: {}", duration_text(step.after))));
            lines.push(format!("  expect: {}", step.expected));
            lines
        });
        cases.collect()
    }

    /// Commands that send the requests.
    pub fn to_curl(&self) -> Vec<String> {
        let lines = self.steps.iter().enumerate().flat_map(|(position, step)| {
            let curl = step.request.to_curl();
            let wait =
                (position > 0 && step.after.as_secs() > 0).then(|| format!("sleep {}", step.after.as_secs_f64()));
            let send = match step.repeat {
                1 => curl,
                repeat => format!("for _ in $(seq {repeat}); do\n  {curl}\ndone"),
            };
            wait.into_iter().chain([send])
        });
        lines.flat_map(|line| line.lines().map(str::to_owned).collect::<Vec<_>>()).collect()
    }
}

/// As in a policy file: in seconds, or else in milliseconds.
fn duration_text(time: Duration) -> String {
    if time.subsec_millis() == 0 { format!("{}s", time.as_secs()) } else { format!("{}ms", time.as_millis()) }
}

impl Direction {
    /// Both directions.
    pub const ALL: [Self; 2] = [Self::Stricter, Self::Looser];

    /// The word in reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stricter => "stricter",
            Self::Looser => "looser",
        }
    }

    /// The direction from `old` to `new`; `None` if they are the same.
    pub(super) fn of(old: Effect, new: Effect) -> Option<Self> {
        match old.cmp(&new) {
            std::cmp::Ordering::Less => Some(Self::Stricter),
            std::cmp::Ordering::Greater => Some(Self::Looser),
            std::cmp::Ordering::Equal => None,
        }
    }
}

impl Finding {
    /// The request that shows a difference.
    pub fn difference(&self) -> Option<&Difference> {
        match self {
            Self::Shown(difference) => Some(difference),
            Self::Never | Self::NotFound { .. } => None,
        }
    }

    /// Whether it is proven that there is no such request.
    pub(super) const fn is_never(&self) -> bool {
        matches!(self, Self::Never)
    }
}

impl ChangeVerdict {
    /// The verdict for what is known of both directions.
    pub(super) const fn of(stricter: &Finding, looser: &Finding) -> Self {
        match (stricter, looser) {
            (Finding::Never, Finding::Never) => Self::Equal,
            (Finding::Shown(_), Finding::Never) => Self::Stricter,
            (Finding::Never, Finding::Shown(_)) => Self::Looser,
            (Finding::Shown(_), Finding::Shown(_)) => Self::Both,
            (Finding::NotFound { .. }, _) | (_, Finding::NotFound { .. }) => Self::Undecided,
        }
    }

    /// The words in reports.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Equal => "equal",
            Self::Stricter => "stricter",
            Self::Looser => "looser",
            Self::Both => "both",
            Self::Undecided => "not decided",
        }
    }
}
