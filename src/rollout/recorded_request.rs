//! From an entry of the decision log to a request that policies can judge again.

use crate::cel::CelTimestamp;
use crate::contract::field_tree::FieldTree;
use crate::decision_log::{
    LogEntry, NameMap, NumberKind, RecordedClient, RecordedInstance, RecordedRule, RedactedShape, RedactedText,
    RedactedValue,
};
use crate::outcome::Outcome;
use crate::peer::{Client, ClientCertificate};
use crate::policy::replay::{RecordedRequest, RecordedValue};
use crate::policy::{Instance, Unknown};
use crate::redact::OTHER;
use std::net::IpAddr;
use std::sync::Arc;

/// The request of `entry`; `None` if it was refused before it was judged, if its body was not read, or if the entry is not one
/// that a gateway writes. `declared` is the body of the contract that the entry was recorded by, if that contract is known.
pub(super) fn recorded_request<'e>(
    entry: &'e LogEntry<'_>,
    declared: Option<&'e FieldTree>,
) -> Option<RecordedRequest<'e>> {
    let facts = entry.request.as_ref()?;
    // an unread body must not pass for an absent one, which a policy could judge
    if is_unread(entry) {
        return None;
    }
    let body = match entry.body.as_ref().filter(|body| body.bytes != Some(0)) {
        Some(body) => match &body.value {
            Some(value) => Some(outline_of(value, declared)),
            // policies were evaluated, so the contract has no schema for the body: they saw none
            None if !entry.policies.is_empty() => None,
            // not readable as JSON: the gateway refuses such a body before it evaluates policies
            None => return None,
        },
        None => None,
    };
    Some(RecordedRequest {
        operation: entry.operation.as_deref()?,
        api_version: entry.api_version.as_deref()?,
        method: (*entry.method != *OTHER).then_some(&entry.method),
        environment: entry.environment,
        key_fingerprint: entry.key_fingerprint.as_deref(),
        // a gateway records no time before 1970, for which there is `None`
        time: CelTimestamp::parse(&entry.time).ok().and_then(CelTimestamp::to_system_time),
        instance: facts.instance.as_ref().map(instance),
        client: client(&entry.client)?,
        headers: optional_texts(&facts.headers),
        parameters: facts.params.0.iter().map(|(name, held)| (&**name, unknown_text(held))).collect(),
        query: optional_texts(&facts.query),
        has_query: facts.query_size > 0,
        body,
    })
}

/// Whether the body was not read to its end, because the gateway itself found a violation before it would have evaluated policies,
/// such as an unsupported media type. A count of 0 bytes does not show that the request had no body.
fn is_unread(entry: &LogEntry<'_>) -> bool {
    let found = || entry.violations.iter().any(|violation| violation.rule == RecordedRule::Gateway);
    let is_recorded = entry.body.as_ref().is_some_and(|body| body.value.is_some());
    !is_recorded && entry.policies.is_empty() && (entry.outcome == Outcome::Denied || found())
}

fn unknown_text(held: &RedactedText<'_>) -> Unknown {
    Unknown::text(held.size)
}

fn optional_texts<'e>(named: &'e NameMap<'_, Option<RedactedText<'_>>>) -> Vec<(&'e str, Option<Unknown>)> {
    named.0.iter().map(|(name, held)| (&**name, held.as_ref().map(unknown_text))).collect()
}

/// What the gateway that decided is called.
fn instance(recorded: &RecordedInstance<'_>) -> Instance {
    let labels = recorded.labels.0.iter().map(|(name, value)| (Arc::from(&**name), Arc::from(&**value)));
    Instance {
        name: recorded.name.as_deref().map(Arc::from),
        labels: labels.collect(),
        environment: recorded.environment.as_deref().map(Arc::from),
    }
}

/// The sender; `None` if its recorded IP address is not one.
fn client(recorded: &RecordedClient<'_>) -> Option<Client> {
    let address = match &recorded.ip {
        // the port is not recorded, and no policy can read it
        Some(ip) => Some((ip.parse::<IpAddr>().ok()?, 0).into()),
        None => None,
    };
    let certificate = recorded.cert_sha256.as_ref().map(|sha256| ClientCertificate {
        spiffe_id: recorded.spiffe_id.as_ref().map(ToString::to_string),
        dns_names: recorded.dns_names.iter().map(ToString::to_string).collect(),
        sha256: sha256.to_string(),
    });
    Some(Client { address, unix_uid: recorded.unix_uid, certificate })
}

/// The value that policies see in place of the redacted one.
fn outline_of<'e>(value: &'e RedactedValue<'_>, declared: Option<&'e FieldTree>) -> RecordedValue<'e> {
    match value {
        RedactedValue::Null => RecordedValue::Null,
        RedactedValue::Bool(value) => RecordedValue::Bool(*value),
        // the only strings whose text is recorded: a replay can compare them
        RedactedValue::EnumMember(word) => RecordedValue::Text(word),
        RedactedValue::Shape(shape) => match shape {
            RedactedShape::String { size, .. } => RecordedValue::Unknown(Unknown::text(Some(*size))),
            RedactedShape::Number(NumberKind::Integer) => RecordedValue::Unknown(Unknown::INTEGER),
            RedactedShape::Number(NumberKind::Fraction) => RecordedValue::Unknown(Unknown::FRACTION),
            // policies can test the presence and the type of a secret, and both are recorded
            RedactedShape::Secret(r#type) => RecordedValue::Unknown(Unknown::of_type(r#type)),
            // of a removed value not even the type is recorded: every expression that reads it is undetermined
            RedactedShape::Removed(_) => RecordedValue::Unknown(Unknown::ANYTHING),
            RedactedShape::Array { size, bytes, elements } => {
                let declared = declared.and_then(FieldTree::elements);
                let elements = elements.iter().map(|element| outline_of(element, declared)).collect();
                RecordedValue::Array { size: *size, bytes: *bytes, elements }
            }
            RedactedShape::Object { bytes, members, undeclared } => {
                let of = |name: &str| declared.and_then(|declared| declared.member(name));
                let members = members.0.iter().map(|(name, value)| (&**name, outline_of(value, of(name)))).collect();
                RecordedValue::Object { bytes: *bytes, members, others: *undeclared, declared }
            }
        },
    }
}

#[cfg(test)]
mod tests {
    use super::recorded_request;
    use crate::decision_log::{LogEntry, RecordedBody, RecordedRule};
    use crate::outcome::Outcome;
    use crate::policy::replay::RecordedValue;
    use crate::reason::Reason;

    const SAMPLE: &str = include_str!("../decision_log/sample.jsonl");

    #[test]
    fn what_was_judged_can_be_judged_again() {
        let entry = LogEntry::read(SAMPLE.lines().next().expect("a line")).expect("an entry");
        let request = recorded_request(&entry, None).expect("a request");
        assert_eq!((request.operation, request.method), ("UpdateUser", Some("PATCH")));
        assert_eq!(request.client.certificate.as_ref().map(|it| it.dns_names.len()), Some(1));
        assert_eq!(
            request.headers.iter().find(|(name, _)| *name == "x-tenant").map(|(_, held)| held.is_some()),
            Some(false)
        );
        let Some(RecordedValue::Object { members, others: 1, .. }) = &request.body else {
            panic!("{:?}", request.body)
        };
        let of = |wanted: &str| members.iter().find(|(name, _)| *name == wanted).map(|(_, value)| value);
        assert!(matches!(of("skip_password_checks"), Some(RecordedValue::Bool(true))));
        assert!(matches!(of("password_hasher"), Some(RecordedValue::Text("bcrypt"))));
        assert!(matches!(of("password"), Some(RecordedValue::Unknown(_))));
    }

    #[test]
    fn what_was_refused_before_it_was_judged_cannot() {
        let entry = LogEntry::read(SAMPLE.lines().last().expect("a line")).expect("an entry");
        assert!(recorded_request(&entry, None).is_none());
        let unread = SAMPLE.lines().next().expect("a line").replace("\"skeleton\"", "\"later\"");
        let asked = LogEntry::read(&unread).expect("an entry");
        assert!(recorded_request(&asked, None).is_some_and(|request| request.body.is_none()));
        let unread = unread.replace("\"policies\"", "\"others\"");
        assert!(recorded_request(&LogEntry::read(&unread).expect("an entry"), None).is_none());
    }

    #[test]
    fn a_body_that_was_not_read_is_not_taken_for_none() {
        let line = SAMPLE.lines().next().expect("a line");
        let with = |outcome: Outcome, reason: Reason, is_found: bool, bytes: u64| {
            let mut entry = LogEntry::read(line).expect("an entry");
            (entry.outcome, entry.reason) = (outcome, Some(reason));
            entry.policies.clear();
            entry.violations.retain(|violation| is_found && violation.rule == RecordedRule::Gateway);
            entry.body = Some(RecordedBody { bytes: Some(bytes), value: None });
            recorded_request(&entry, None).is_some()
        };
        assert!(!with(Outcome::Denied, Reason::UnsupportedMediaType, false, 0), "refused before it was read");
        assert!(!with(Outcome::Allowed, Reason::UnsupportedMediaType, true, 0), "only audited, and not read either");
        assert!(with(Outcome::Allowed, Reason::PolicyDenied, false, 0), "there was none");
    }
}
