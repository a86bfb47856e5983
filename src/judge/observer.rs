//! What callers may watch of the judge at work: the end of each step, and how expressions evaluate.

use crate::cel::TracePart;

/// What the judge does with a request, in this order; each takes time of its own in traces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JudgeStep {
    /// The body was parsed as JSON.
    Parse,
    /// The body was validated against the contract's schema.
    Schema,
    /// Policies, waivers and limits were evaluated.
    Policies,
}

/// Watches the judge at work. It cannot change the judgement.
///
/// `()` is the observer that watches nothing. The judge is compiled once for each observer, so that it costs nothing.
pub trait Observer {
    /// Whether [`Observer::policy_evaluated`] wants the trace of each policy. Tracing allocates for every expression.
    const TRACES_POLICIES: bool = false;

    /// `step` is over. The judge reads no clock, so that its result depends on its arguments only; an observer may.
    fn step_finished(&mut self, _step: JudgeStep) {}

    /// A policy was evaluated: the trace of its conditions and validations, as far as they were evaluated.
    fn policy_evaluated(&mut self, _trace: Vec<TracePart>) {}
}

impl Observer for () {}

/// The observer that keeps the trace of every policy, to explain a judgement.
#[derive(Debug, Default)]
pub struct PolicyTraces {
    /// The trace of each policy in [`super::Judgement::rules`], in the same order.
    pub traces: Vec<Vec<TracePart>>,
}

impl Observer for PolicyTraces {
    const TRACES_POLICIES: bool = true;

    fn policy_evaluated(&mut self, trace: Vec<TracePart>) {
        self.traces.push(trace);
    }
}
