//! Which requests are logged: all, or a share of the uneventful ones.

use crate::telemetry::record::{Outcome, RequestRecord};

/// The share of uneventful requests that are logged: those that passed without a violation, without a
/// failure, and alike by the shadow bundle.
#[derive(Clone, Copy, Debug)]
pub(in crate::telemetry) struct LogSampling {
    share: f64,
    /// Requests with a decision id below it are logged.
    bound: u64,
}

/// The share in the line, for consumers to extrapolate. `None` for a line that was not subject to sampling.
pub(in crate::telemetry) type Rate = Option<f64>;

impl LogSampling {
    /// `share` is from 0 to 1.
    #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "a share of all ids is not exact")]
    #[expect(clippy::cast_sign_loss, reason = "a share is not negative")]
    pub(in crate::telemetry) fn of(share: f64) -> Self {
        Self { share, bound: (share * u64::MAX as f64) as u64 }
    }

    /// Whether the request is logged, and with which rate.
    // By the decision id, which is random and ours. A caller chooses its trace id, and must not choose whether it is
    // logged.
    pub(in crate::telemetry) fn take(self, record: &RequestRecord) -> Option<Rate> {
        let passed = matches!(record.outcome, Outcome::Allowed | Outcome::Exempt);
        let differs = record.shadow.as_ref().is_some_and(|shadow| shadow.differs());
        let is_plain = passed && record.violations.is_empty() && !record.has_failed() && !differs;
        if !is_plain || self.share >= 1.0 {
            return Some(None);
        }
        (record.decision_id.0 < self.bound).then_some(Some(self.share))
    }

    /// As [`LogSampling::take`], for the decision log.
    // what the contract does not know is always kept: new overlay entries are made of it
    pub(in crate::telemetry) fn take_decision(self, record: &RequestRecord) -> Option<Rate> {
        let is_known = record.unknown_fields.is_empty() && record.unknown_version.is_none();
        if is_known { self.take(record) } else { Some(None) }
    }
}

#[cfg(test)]
mod tests {
    use super::LogSampling;
    use crate::contract::UnknownVersion;
    use crate::policy::Action;
    use crate::telemetry::record::{DecisionId, Outcome, samples};

    #[test]
    fn a_share_of_those_that_passed_has_a_line_which_says_so() {
        let mut record = samples::allowed_request();
        let mut of = |share| {
            let sample = LogSampling::of(share);
            let taken = (0..4000).filter_map(|_| {
                record.decision_id = DecisionId::random();
                sample.take(&record)
            });
            let taken: Vec<_> = taken.collect();
            assert!(taken.iter().all(|rate| *rate == (share < 1.0).then_some(share)));
            taken.len()
        };
        assert_eq!((of(0.0), of(1.0)), (0, 4000));
        assert!((800..1200).contains(&of(0.25)));
    }

    #[test]
    fn a_decision_that_the_contract_does_not_know_is_always_logged() {
        let none = LogSampling::of(0.0);
        assert_eq!(none.take_decision(&samples::allowed_request()), None);
        let mut record = samples::allowed_request();
        record.unknown_fields.push("nickname".to_owned());
        assert_eq!(none.take_decision(&record), Some(None));
        let mut record = samples::allowed_request();
        record.unknown_version = Some(UnknownVersion::Newer);
        assert_eq!(none.take_decision(&record), Some(None));
    }

    #[test]
    fn what_was_refused_failed_went_away_or_was_found_fault_with_always_has_one() {
        let none = LogSampling::of(0.0);
        for outcome in [Outcome::Denied, Outcome::Failed, Outcome::Aborted] {
            let mut record = samples::allowed_request();
            record.outcome = outcome;
            assert_eq!(none.take(&record), Some(None), "{outcome:?}");
        }
        for action in [Action::Warn, Action::Audit] {
            let mut record = samples::allowed_request();
            record.violations = samples::denied_request().violations;
            record.violations[0].action = action;
            assert_eq!(none.take(&record), Some(None), "{action:?}");
        }
        let mut record = samples::differing_request();
        record.violations.clear();
        assert_eq!(none.take(&record), Some(None));
        let mut record = samples::allowed_request();
        for (status, taken) in [(500, Some(None)), (404, None)] {
            record.upstream.as_mut().unwrap().status = Some(status);
            assert_eq!(none.take(&record), taken, "{status}");
        }
        assert_eq!(none.take(&samples::allowed_request()), None);
    }
}
