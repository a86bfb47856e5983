//! The work that validating one body may take.
//!
//! The validator reads a body through [`super::document_adapter`] only, so the budget is spent there: by each look at a value,
//! and by each error, of which a list with alternatives would make three for each item. Once it is spent the body looks empty
//! and the validator comes to its end; its result is then of no use, and the body is refused.

use std::cell::Cell;

/// Steps for a byte of the body. A value of a large body takes at least two bytes, and a usual schema looks at it a few times.
const STEPS_PER_BYTE: usize = 4;
/// Steps for a body of any length: some 10 ms. It is what 256 KiB, the default limit, give.
const FEWEST_STEPS: usize = 1024 * 1024;
/// Most errors that are built, with those of the alternatives of `anyOf` and `oneOf`; each takes some 300 bytes.
const MOST_ERRORS: usize = 1_024;
/// Bytes of a string that are read in one step.
const BYTES_PER_STEP: usize = 8;

/// The budget of one validation.
#[derive(Debug)]
pub(super) struct ValidationBudget {
    steps: Cell<usize>,
    errors: Cell<usize>,
    /// Looks and errors after the budget was spent, for tests.
    #[cfg(test)]
    overrun: Cell<usize>,
}

impl ValidationBudget {
    /// The budget for a body of `bytes`.
    pub(super) fn of(bytes: usize) -> Self {
        let steps = bytes.saturating_mul(STEPS_PER_BYTE).max(FEWEST_STEPS);
        Self {
            steps: Cell::new(steps),
            errors: Cell::new(MOST_ERRORS),
            #[cfg(test)]
            overrun: Cell::default(),
        }
    }

    /// Spends `steps`. Returns whether there were as many left.
    pub(super) fn spend(&self, steps: usize) -> bool {
        #[cfg(test)]
        self.overrun.set(self.overrun.get() + usize::from(self.is_spent()));
        let left = self.steps.get().checked_sub(steps);
        self.steps.set(left.unwrap_or_default());
        left.is_some() && self.errors.get() > 0
    }

    /// Spends what reading a string of `length` bytes takes.
    pub(super) fn spend_string(&self, length: usize) -> bool {
        self.spend(1 + length / BYTES_PER_STEP)
    }

    /// Counts an error. Returns whether it is one of the body: after the budget is spent, the body looks empty.
    pub(super) fn add_error(&self) -> bool {
        let is_real = !self.is_spent();
        #[cfg(test)]
        self.overrun.set(self.overrun.get() + usize::from(!is_real));
        self.errors.set(self.errors.get().saturating_sub(1));
        is_real
    }

    /// Whether the validator did not see the whole body.
    pub(super) fn is_spent(&self) -> bool {
        self.steps.get() == 0 || self.errors.get() == 0
    }

    /// What was spent of the budget for a body of `bytes`.
    #[cfg(test)]
    pub(super) fn work(&self, bytes: usize) -> Work {
        let whole = Self::of(bytes);
        let (steps, errors) = (whole.steps.get() - self.steps.get(), MOST_ERRORS - self.errors.get());
        Work { steps, errors, overrun: self.overrun.get() }
    }
}

/// The work of a validation, for tests.
#[cfg(test)]
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Work {
    pub(super) steps: usize,
    pub(super) errors: usize,
    pub(super) overrun: usize,
}

#[cfg(test)]
mod tests;
