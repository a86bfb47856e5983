//! Times the steps of the judge, which itself reads no clock.

use crate::judge::{JudgeStep, Observer};
use crate::telemetry::record::JudgeTiming;
use std::time::{Instant, SystemTime};

/// The observer that records how long each step of a judgement takes.
#[derive(Debug)]
pub(super) struct StepTimer {
    judging: JudgeTiming,
    /// When the current step began.
    started: Instant,
}

impl StepTimer {
    /// Starts the first step. `time` is the wall clock's at that moment.
    pub(super) fn start(time: SystemTime) -> Self {
        Self { judging: JudgeTiming::begin(time), started: Instant::now() }
    }

    /// The time that each step took.
    pub(super) fn finish(self) -> JudgeTiming {
        self.judging
    }
}

impl Observer for StepTimer {
    fn step_finished(&mut self, step: JudgeStep) {
        let now = Instant::now();
        let elapsed = now.duration_since(std::mem::replace(&mut self.started, now));
        match step {
            JudgeStep::Parse => self.judging.parse = elapsed,
            JudgeStep::Schema => self.judging.schema = elapsed,
            JudgeStep::Policies => self.judging.policy = elapsed,
        }
    }
}
