//! Compares how two versions of a limit count the requests that both count, and what they permit.

use super::Effect;
use crate::policy::limit::{Limit, Rate};

/// Whether the new version may be stricter, and whether it may be looser.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct LimitChange {
    pub(crate) may_be_stricter: bool,
    pub(crate) may_be_looser: bool,
}

impl LimitChange {
    /// How the two count and what they permit, apart from which requests they count.
    pub(crate) fn of(old: &Limit, new: &Limit) -> Self {
        let changes = [key(old, new), cost(old, new), rate(old, new), in_flight(old, new), action(old, new)];
        let changes = changes.into_iter().chain([waivers(old, new)]);
        changes.fold(Self::default(), |all, change| Self {
            may_be_stricter: all.may_be_stricter || change.may_be_stricter,
            may_be_looser: all.may_be_looser || change.may_be_looser,
        })
    }

    const fn any(stricter: bool, looser: bool) -> Self {
        Self { may_be_stricter: stricter, may_be_looser: looser }
    }
}

/// Requests with the same key share a counter, so that fewer keys are stricter.
fn key(old: &Limit, new: &Limit) -> LimitChange {
    let texts = [old, new].map(|limit| limit.key.as_ref().map(|key| key.canonical(&limit.scope.variables)));
    match texts {
        [before, now] if before == now => LimitChange::default(),
        [Some(_), None] => LimitChange::any(true, false),
        [None, Some(_)] => LimitChange::any(false, true),
        _ => LimitChange::any(true, true),
    }
}

/// Without a cost each request counts as 1, and none counts as less. A cost that cannot be evaluated refuses.
fn cost(old: &Limit, new: &Limit) -> LimitChange {
    let texts = [old, new].map(|limit| limit.cost.as_ref().map(|cost| cost.canonical(&limit.scope.variables)));
    match texts {
        [before, now] if before == now => LimitChange::default(),
        [None, Some(_)] => LimitChange::any(true, false),
        [Some(_), None] => LimitChange::any(false, true),
        _ => LimitChange::any(true, true),
    }
}

fn rate(old: &Limit, new: &Limit) -> LimitChange {
    let (old, new) = match (&old.rate, &new.rate) {
        (None, None) => return LimitChange::default(),
        (None, Some(_)) => return LimitChange::any(true, false),
        (Some(_), None) => return LimitChange::any(false, true),
        (Some(old), Some(new)) => (old, new),
    };
    // An event is counted for a period and up to a twentieth of it longer, so that of two periods the longer one is stricter only
    // if it is a twentieth longer.
    let is_longer = |one: &Rate, other: &Rate| one.period.as_nanos() * 20 >= other.period.as_nanos() * 21;
    let is_same = old.period == new.period;
    LimitChange {
        may_be_stricter: new.events < old.events || !is_same && !is_longer(old, new),
        may_be_looser: new.events > old.events || !is_same && !is_longer(new, old),
    }
}

fn in_flight(old: &Limit, new: &Limit) -> LimitChange {
    // no limit is more than any
    let [before, now] = [old, new].map(|limit| limit.in_flight.map_or(u64::MAX, u64::from));
    LimitChange::any(now < before, now > before)
}

/// What a waiver covers is counted apart, so that another waiver may change what each later request finds counted.
fn waivers(old: &Limit, new: &Limit) -> LimitChange {
    let hashes = [old, new].map(|limit| limit.waivers.iter().map(|waiver| waiver.hash).collect::<Vec<_>>());
    let [before, now] = hashes;
    LimitChange::any(before != now, before != now)
}

fn action(old: &Limit, new: &Limit) -> LimitChange {
    let [before, now] = [old, new].map(|limit| Effect::from(limit.action));
    LimitChange::any(now > before, now < before)
}
