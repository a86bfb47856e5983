//! Converts the record of a request to a decision log entry.

use crate::contract::UnknownVersion;
use crate::decision_log::{
    DecisionInput, EntryText, LogEntry, RecordedBody, RecordedClient, RecordedDifference, RecordedRule, RecordedShadow,
    RecordedViolation, VersionSource,
};
use crate::judge::violation;
use crate::peer::Client;
use crate::telemetry::format::Rfc3339;
use crate::telemetry::format::hex;
use crate::telemetry::record::{Outcome, RequestRecord, ShadowOutcome};

/// Whether the request has a decision: it was judged, or refused.
pub(super) fn is_decision(record: &RequestRecord) -> bool {
    match record.outcome {
        Outcome::Allowed | Outcome::Denied => true,
        Outcome::Exempt => false,
        // a body that could not be read while it was only inspected has a violation
        Outcome::Failed | Outcome::Aborted => record.judging.is_some() || !record.violations.is_empty(),
    }
}

/// The entry of the decision on `record`.
pub(super) fn entry(record: &RequestRecord, input: Option<Box<DecisionInput>>) -> LogEntry<'_> {
    let is_inspected = input.is_some();
    let DecisionInput { request, policies, body, masked } = input.map(|input| *input).unwrap_or_default();
    let operation = record.operation.as_deref();
    let ids = record.upstream.as_ref().map(|call| &call.ids);
    let bytes = record.request_bytes.filter(|_| masked.is_empty());
    LogEntry {
        time: ascii(&Rfc3339(record.started).to_ascii()),
        decision_id: record.decision_id.to_string().into(),
        trace_id: ascii(&hex::<16, 32>(record.trace.trace_id)),
        outcome: record.outcome,
        reason: record.reason,
        status: record.status,
        method: record.method.into(),
        operation: operation.map(|it| it.id.as_ref().into()),
        route: operation.map(|it| it.path.as_ref().into()),
        api_version: operation.map(|it| it.api_version.as_ref().into()),
        api_version_source: operation.map(|_| version_source(record)),
        asked_api_version: record.unknown_asked.as_deref().map(Into::into),
        unknown_fields: record.unknown_fields.iter().map(|field| field.as_str().into()).collect(),
        environment: record.environment,
        key_class: record.key_class,
        key_fingerprint: record.key_fingerprint.map(|fingerprint| fingerprint.to_string().into()),
        client: record.sender.as_deref().map(client).unwrap_or_default(),
        revision: record.revision.as_ref().into(),
        violations: record.shown_violations().map(recorded_violation).collect(),
        policies,
        shadow: record.shadow.as_ref().filter(|shadow| shadow.differs()).map(|shadow| recorded_shadow(shadow)),
        request: is_inspected.then_some(request),
        body: is_inspected.then_some(RecordedBody { bytes, value: body }),
        masked,
        clerk_trace_id: ids.and_then(|ids| Some(ids.clerk_trace_id.as_ref()?.as_str().into())),
        cf_ray: ids.and_then(|ids| Some(ids.cf_ray.as_ref()?.as_str().into())),
        sample_rate: None,
        // the queue adds them, where the order of decisions is known
        run: None,
        number: None,
    }
}

fn ascii(text: &[u8]) -> EntryText<'static> {
    String::from_utf8_lossy(text).into_owned().into()
}

const fn version_source(record: &RequestRecord) -> VersionSource {
    match (record.asked_version, record.unknown_version) {
        (_, Some(UnknownVersion::Newer)) => VersionSource::Newer,
        (_, Some(UnknownVersion::Other)) => VersionSource::Unknown,
        (true, None) => VersionSource::Request,
        (false, None) => VersionSource::Default,
    }
}

fn client(sender: &Client) -> RecordedClient<'_> {
    let certificate = sender.certificate.as_ref();
    RecordedClient {
        spiffe_id: certificate.and_then(|certificate| Some(certificate.spiffe_id.as_deref()?.into())),
        dns_names: certificate
            .map(|found| found.dns_names.iter().map(|name| name.as_str().into()).collect())
            .unwrap_or_default(),
        cert_sha256: certificate.map(|certificate| certificate.sha256.as_str().into()),
        unix_uid: sender.unix_uid,
        ip: sender.address.map(|address| address.ip().to_string().into()),
    }
}

fn recorded_violation(violation: &violation::Violation) -> RecordedViolation<'_> {
    RecordedViolation {
        rule: recorded_rule(&violation.rule),
        action: violation.action,
        field: violation.field.as_ref().map(|field| field.for_log().into()),
        reason: violation.reason,
        waived_by: violation.waived_by.as_deref().map(EntryText::from),
    }
}

fn recorded_rule(rule: &violation::Rule) -> RecordedRule<'_> {
    match rule {
        violation::Rule::Policy(name) => RecordedRule::Policy(name.as_ref().into()),
        violation::Rule::Keyword(keyword) => RecordedRule::Keyword((*keyword).into()),
        violation::Rule::Gateway => RecordedRule::Gateway,
    }
}

fn recorded_shadow(shadow: &ShadowOutcome) -> RecordedShadow<'_> {
    let differences = shadow.shown_differences().iter().map(|it| RecordedDifference {
        rule: recorded_rule(&it.rule),
        action: it.action,
        shadow_action: it.shadow_action,
    });
    RecordedShadow {
        revision: shadow.revision.as_ref().into(),
        decision: shadow.decision(),
        differences: differences.collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::{entry, is_decision};
    use crate::decision_log::{LogEntry, RecordedRule};
    use crate::judge::violation::{self, Action};
    use crate::telemetry::record::{JudgeTiming, Outcome, RequestRecord, samples};

    fn line(record: &RequestRecord) -> String {
        serde_json::to_string(&entry(record, None)).unwrap()
    }

    #[test]
    fn what_was_judged_or_refused_is_a_decision() {
        assert!(
            is_decision(&samples::allowed_request())
                && is_decision(&samples::denied_request())
                && is_decision(&samples::unrouted_request())
        );
        let mut record = samples::failed_request();
        assert!(is_decision(&record));
        for judging in [record.judging, None::<JudgeTiming>] {
            record.judging = judging;
            record.outcome = Outcome::Aborted;
            assert_eq!(is_decision(&record), judging.is_some());
            record.outcome = Outcome::Exempt;
            assert!(!is_decision(&record));
        }
    }

    #[test]
    fn who_refused_is_in_the_entry_however_much_else_was_found() {
        let mut record = samples::denied_request();
        let (policy, keyword) = (record.violations.remove(0), record.violations.remove(0));
        let (mut audited, by_policy) = (policy.clone(), RecordedRule::Policy("tried-out".into()));
        (audited.action, audited.rule) = (Action::Audit, violation::Rule::Policy("tried-out".into()));
        record.add_violations([vec![keyword; 40], vec![policy, audited]].concat());
        let line = line(&record);
        let violations = LogEntry::read(&line).unwrap().violations;
        assert_eq!((violations.len(), &violations[0].action), (32, &Action::Deny));
        let refused = RecordedRule::Policy("no-skip-password-checks".into());
        assert!([refused, by_policy].iter().all(|rule| violations.iter().any(|it| it.rule == *rule)), "{line}");
    }

    #[test]
    fn an_entry_tells_what_the_record_does_and_no_name_of_the_request() {
        let denied = line(&samples::denied_request());
        assert!(!denied.contains(samples::CANARY), "{denied}");
        let read = LogEntry::read(&denied).unwrap();
        assert_eq!((&*read.time, &*read.decision_id), ("2026-05-12T08:30:00.125Z", "0000000000000abc"));
        assert_eq!((read.operation.as_deref(), read.violations.len()), (Some("UpdateUser"), 2));
        assert_eq!(read.violations[1].field.as_deref(), Some("/*"));
        assert!(LogEntry::read(&line(&samples::unrouted_request())).unwrap().operation.is_none());
    }
}
