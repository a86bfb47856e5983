//! What the shadow bundle would have decided on a request.

use crate::judge::{RuleDifference, ShadowDecision, ShadowJudgement};
use std::sync::Arc;
use std::time::Duration;

/// Most rules with another effect that a log line or a span lists.
const SHOWN_DIFFERENCES: usize = 32;

/// What the shadow bundle would have decided on a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShadowOutcome {
    /// The revision of the shadow bundle.
    pub revision: Arc<str>,
    /// Time to judge the request by it.
    pub elapsed: Duration,
    /// What it would have decided otherwise. `None` if it panicked.
    pub judgement: Option<ShadowJudgement>,
}

impl ShadowOutcome {
    /// How its decision differs. `None` if it is the same.
    pub fn decision(&self) -> Option<ShadowDecision> {
        self.judgement.as_ref().and_then(|judgement| judgement.decision)
    }

    /// The rules that have another effect, as many as are listed.
    pub fn shown_differences(&self) -> &[RuleDifference] {
        let all = self.judgement.as_ref().map_or(&[][..], |judgement| &judgement.differences);
        all.get(..SHOWN_DIFFERENCES).unwrap_or(all)
    }

    /// Whether anything differs.
    pub fn differs(&self) -> bool {
        !self.shown_differences().is_empty()
    }
}
