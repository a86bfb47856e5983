//! The advice for a policy: whether it is safe to promote, by its counts in a decision log.

use super::report::PolicyUse;
use crate::policy::Action;
use std::collections::BTreeSet;

/// The criteria that a policy must meet to be promoted.
#[derive(Clone, Debug)]
pub struct PromotionCriteria {
    /// The number of requests that it must have applied to.
    pub enough: u64,
    /// The callers whose requests it is meant to refuse.
    pub callers: BTreeSet<String>,
}

/// What to do with a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Advice {
    /// It would refuse only expected callers: make it `Deny`.
    Promote,
    /// It is `Deny` already.
    Enforced,
    /// It failed to evaluate for some requests: fix it.
    Fix,
    /// It would refuse callers that are not expected: inspect those.
    Inspect,
    /// It applied to too few requests: wait.
    Wait,
    /// It never applied to a request.
    NeverApplied,
}

impl Advice {
    /// Every advice, in the order in which to act.
    pub const ALL: [Self; 6] =
        [Self::Promote, Self::Fix, Self::Inspect, Self::Wait, Self::NeverApplied, Self::Enforced];

    /// The advice for a policy with these counts.
    pub fn of(counts: &PolicyUse, expected: &PromotionCriteria) -> Self {
        if counts.applied_requests() == 0 {
            return Self::NeverApplied;
        }
        // before the action: also a policy that is enforced must not fail, as it then refuses by accident
        if counts.failed > 0 {
            return Self::Fix;
        }
        if counts.action == Action::Deny {
            return Self::Enforced;
        }
        // callers beyond the tally's room have no name, so they cannot be among the expected ones
        let surprises = counts.callers.others() > 0
            || counts.callers.by_name().iter().any(|(caller, _)| !expected.callers.contains(*caller));
        if surprises {
            Self::Inspect
        } else if counts.applied_requests() < expected.enough {
            Self::Wait
        } else {
            Self::Promote
        }
    }

    /// The name in the JSON report.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Promote => "promote",
            Self::Enforced => "enforced",
            Self::Fix => "mend",
            Self::Inspect => "look",
            Self::Wait => "wait",
            Self::NeverApplied => "dead",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Advice, PolicyUse, PromotionCriteria};
    use crate::policy::Action;

    fn advice(action: Action, change: impl FnOnce(&mut PolicyUse)) -> Advice {
        let expected = PromotionCriteria { enough: 10, callers: ["uid:7".to_owned()].into() };
        let mut said = PolicyUse::new(action);
        change(&mut said);
        Advice::of(&said, &expected)
    }

    #[test]
    fn only_what_was_seen_enough_and_surprised_nobody_is_promoted() {
        assert_eq!(advice(Action::Audit, |said| said.held = 10), Advice::Promote);
        assert_eq!(advice(Action::Warn, |said| said.held = 9), Advice::Wait);
        let refused = |caller: &'static str| {
            move |said: &mut PolicyUse| {
                (said.held, said.violated) = (20, 1);
                said.callers.add(caller);
            }
        };
        assert_eq!(advice(Action::Audit, refused("uid:7")), Advice::Promote);
        assert_eq!(advice(Action::Audit, refused("uid:8")), Advice::Inspect);
        assert_eq!(advice(Action::Deny, refused("uid:8")), Advice::Enforced);
        assert_eq!(advice(Action::Audit, |said| (said.held, said.violated, said.failed) = (20, 1, 1)), Advice::Fix);
    }

    #[test]
    fn a_caller_that_there_was_no_room_for_is_not_expected() {
        let others = |said: &mut PolicyUse| {
            (said.held, said.violated) = (1_000, 300);
            said.callers = super::super::Tally::new(1);
            said.callers.add("uid:7");
            said.callers.add("uid:8");
        };
        assert_eq!(advice(Action::Audit, others), Advice::Inspect);
    }

    #[test]
    fn what_never_had_anything_to_say_is_dead_whatever_its_action() {
        for action in Action::ALL {
            assert_eq!(advice(action, |said| (said.asked, said.elsewhere) = (50, 50)), Advice::NeverApplied);
        }
    }
}
