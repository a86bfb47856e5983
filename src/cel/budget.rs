//! What the evaluation of one policy may cost.

use super::error::EvaluationError;

/// Steps that a policy may take for one request. A step is one part of an expression evaluated, one element looked at, or
/// [`BYTES_A_STEP`] bytes; some ten nanoseconds, so that no policy holds a worker for more than some milliseconds.
const STEPS: u32 = 200_000;

/// Bytes that are read, compared or copied in the time of a step.
const BYTES_A_STEP: usize = 16;

/// Steps that are left.
#[derive(Debug)]
pub(crate) struct Budget {
    left: u32,
}

impl Budget {
    pub(crate) const fn new() -> Self {
        Self { left: STEPS }
    }

    /// Takes `steps`. Once there were too few, there are none: nothing that follows can be evaluated either.
    pub(crate) fn steps(&mut self, steps: usize) -> Result<(), EvaluationError> {
        let left = u32::try_from(steps).ok().and_then(|steps| self.left.checked_sub(steps));
        // stays exhausted: otherwise a cheaper operand after the expensive one would still decide
        self.left = left.unwrap_or_default();
        left.map(|_| ()).ok_or(EvaluationError::TooCostly)
    }

    /// Takes all that is left, where work had to be broken off.
    pub(super) const fn exhaust(&mut self) -> EvaluationError {
        self.left = 0;
        EvaluationError::TooCostly
    }

    /// Takes what work on `bytes` bytes costs.
    pub(crate) fn bytes(&mut self, bytes: usize) -> Result<(), EvaluationError> {
        self.steps(bytes / BYTES_A_STEP)
    }
}
