//! What to do with a policy, by what it said.

use super::report::PolicyUse;
use crate::policy::Action;
use std::collections::BTreeSet;

/// What is asked of a policy before it is promoted.
#[derive(Clone, Debug)]
pub struct PromotionCriteria {
    /// Of how many requests it must have had something to say.
    pub enough: u64,
    /// Callers whose requests it is meant to refuse.
    pub callers: BTreeSet<String>,
}

/// What to do with a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Advice {
    /// It would refuse nobody whom it should not: make it `Deny`.
    Promote,
    /// It is `Deny` already.
    Enforced,
    /// It could not be evaluated at times: mend it.
    Mend,
    /// It would refuse callers that nobody expects it to: look at them.
    Look,
    /// It had too little to say of too few requests: wait.
    Wait,
    /// It had never anything to say.
    Dead,
}

impl Advice {
    /// Every advice, the one to act on first.
    pub const ALL: [Self; 6] = [Self::Promote, Self::Mend, Self::Look, Self::Wait, Self::Dead, Self::Enforced];

    /// What to do with a policy that said this.
    pub fn of(said: &PolicyUse, expected: &PromotionCriteria) -> Self {
        if said.applied() == 0 {
            return Self::Dead;
        }
        if said.failed > 0 {
            return Self::Mend;
        }
        if said.action == Action::Deny {
            return Self::Enforced;
        }
        let surprises = said.callers.others() > 0
            || said.callers.by_name().iter().any(|(caller, _)| !expected.callers.contains(*caller));
        if surprises {
            Self::Look
        } else if said.applied() < expected.enough {
            Self::Wait
        } else {
            Self::Promote
        }
    }

    /// The word for programs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Promote => "promote",
            Self::Enforced => "enforced",
            Self::Mend => "mend",
            Self::Look => "look",
            Self::Wait => "wait",
            Self::Dead => "dead",
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
        assert_eq!(advice(Action::Audit, refused("uid:8")), Advice::Look);
        assert_eq!(advice(Action::Deny, refused("uid:8")), Advice::Enforced);
        assert_eq!(advice(Action::Audit, |said| (said.held, said.violated, said.failed) = (20, 1, 1)), Advice::Mend);
    }

    #[test]
    fn a_caller_that_there_was_no_room_for_is_not_expected() {
        let others = |said: &mut PolicyUse| {
            (said.held, said.violated) = (1_000, 300);
            said.callers = super::super::Tally::new(1);
            said.callers.add("uid:7");
            said.callers.add("uid:8");
        };
        assert_eq!(advice(Action::Audit, others), Advice::Look);
    }

    #[test]
    fn what_never_had_anything_to_say_is_dead_whatever_its_action() {
        for action in Action::ALL {
            assert_eq!(advice(action, |said| (said.asked, said.elsewhere) = (50, 50)), Advice::Dead);
        }
    }
}
