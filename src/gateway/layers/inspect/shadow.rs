//! Has a request judged by the shadow bundle. Whatever happens in it, the request is decided already.

use crate::contract::Operation;
use crate::judge::{Bundle, Judgement, ShadowJudgement, decide_shadow};
use crate::policy::Attributes;
use crate::telemetry::record::ShadowOutcome;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

/// The outcome of the bundle `shadow` for a request that the bundle `in_force` has judged.
// not inlined: without a shadow bundle a request pays for the branch alone
#[inline(never)]
pub(super) fn judge_by_shadow(
    in_force: &Bundle,
    shadow: &Bundle,
    judgement: &Judgement,
    operation: &Operation,
    attributes: &Attributes<'_>,
) -> ShadowOutcome {
    observe(&shadow.revision, || decide_shadow(in_force, shadow, judgement, operation, attributes))
}

/// Times `judge`, and contains a panic in it: the request does not notice.
fn observe(revision: &Arc<str>, judge: impl FnOnce() -> ShadowJudgement) -> ShadowOutcome {
    let started = Instant::now();
    // the judge only reads: a panic leaves nothing half-changed
    let judgement = catch_unwind(AssertUnwindSafe(judge)).ok();
    ShadowOutcome { revision: Arc::clone(revision), elapsed: started.elapsed(), judgement }
}

#[cfg(test)]
mod tests {
    use super::observe;
    use crate::judge::ShadowJudgement;

    #[test]
    fn a_panic_in_the_shadow_bundle_is_an_outcome() {
        let revision = "0123abcd".into();
        assert_eq!(observe(&revision, || panic!("in the shadow bundle")).judgement, None);
        assert_eq!(observe(&revision, ShadowJudgement::default).judgement, Some(ShadowJudgement::default()));
    }
}
