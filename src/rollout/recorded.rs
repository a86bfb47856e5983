//! From an entry of the log to what policies can be asked of.

use crate::contract::declared::Declared;
use crate::decision_log::{Client as RecordedClient, Entry, Held, Named, Number, Rule, Shape, Skeleton};
use crate::outcome::Outcome;
use crate::peer::{Client, ClientCertificate};
use crate::policy::Hidden;
use crate::policy::recorded::{Outline, RecordedRequest};
use crate::redact::OTHER;
use chrono::{DateTime, FixedOffset};
use std::net::IpAddr;
use std::time::SystemTime;

/// What the entry holds of the request; none where it was refused before it was judged, or its body was not read. `declared` is
/// what the contract by which it was recorded declares for the body, where that is known.
pub(super) fn recorded<'e>(entry: &'e Entry<'_>, declared: Option<&'e Declared>) -> Option<RecordedRequest<'e>> {
    let facts = entry.request.as_ref()?;
    if is_unread(entry) {
        return None;
    }
    let body = match entry.body.as_ref().filter(|body| body.bytes != Some(0)) {
        Some(body) => match &body.skeleton {
            Some(skeleton) => Some(outline(skeleton, declared)),
            // where policies were asked, the contract has no schema for it: they saw no body
            None if !entry.policies.is_empty() => None,
            // it could not be read as JSON: there is nothing that a policy could be asked of
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
        time: DateTime::parse_from_rfc3339(&entry.time).ok().and_then(system_time),
        client: client(&entry.client)?,
        headers: maybe(&facts.headers),
        parameters: facts.params.0.iter().map(|(name, held)| (&**name, hidden(held))).collect(),
        query: maybe(&facts.query),
        has_query: facts.query_size > 0,
        body,
    })
}

/// Whether the body was not read, or not to its end: the gateway itself found something before it would have asked policies, such
/// as another media type. That no byte of it is recorded does not tell that there was none.
fn is_unread(entry: &Entry<'_>) -> bool {
    let found = || entry.violations.iter().any(|violation| violation.rule == Rule::Gateway);
    let is_kept = entry.body.as_ref().is_some_and(|body| body.skeleton.is_some());
    !is_kept && entry.policies.is_empty() && (entry.outcome == Outcome::Denied || found())
}

fn hidden(held: &Held<'_>) -> Hidden {
    Hidden::text(held.size)
}

fn maybe<'e>(named: &'e Named<'_, Option<Held<'_>>>) -> Vec<(&'e str, Option<Hidden>)> {
    named.0.iter().map(|(name, held)| (&**name, held.as_ref().map(hidden))).collect()
}

/// None where what is recorded is not what a connection can have.
/// None for a time before 1970.
fn system_time(time: DateTime<FixedOffset>) -> Option<SystemTime> {
    let since = time.signed_duration_since(DateTime::UNIX_EPOCH).to_std().ok()?;
    Some(SystemTime::UNIX_EPOCH + since)
}

fn client(recorded: &RecordedClient<'_>) -> Option<Client> {
    let address = match &recorded.ip {
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

/// What a policy sees of what was kept of a value.
fn outline<'e>(skeleton: &'e Skeleton<'_>, declared: Option<&'e Declared>) -> Outline<'e> {
    match skeleton {
        Skeleton::Null => Outline::Null,
        Skeleton::Bool(value) => Outline::Bool(*value),
        Skeleton::Word(word) => Outline::Text(word),
        Skeleton::Shape(shape) => match shape {
            Shape::String { size, .. } => Outline::Hidden(Hidden::text(Some(*size))),
            Shape::Number(Number::Integer) => Outline::Hidden(Hidden::INTEGER),
            Shape::Number(Number::Fraction) => Outline::Hidden(Hidden::FRACTION),
            Shape::Secret(r#type) => Outline::Hidden(Hidden::of_type(r#type)),
            Shape::Removed(_) => Outline::Hidden(Hidden::ANYTHING),
            Shape::Array { size, bytes, elements } => {
                let declared = declared.and_then(Declared::elements);
                let elements = elements.iter().map(|element| outline(element, declared)).collect();
                Outline::Array { size: *size, bytes: *bytes, elements }
            }
            Shape::Object { bytes, members, undeclared } => {
                let of = |name: &str| declared.and_then(|declared| declared.member(name));
                let members = members.0.iter().map(|(name, value)| (&**name, outline(value, of(name)))).collect();
                Outline::Object { bytes: *bytes, members, others: *undeclared, declared }
            }
        },
    }
}

#[cfg(test)]
mod tests {
    use super::recorded;
    use crate::decision_log::{Body, Entry, Rule};
    use crate::outcome::Outcome;
    use crate::policy::recorded::Outline;
    use crate::reason::Reason;

    const SAMPLE: &str = include_str!("../decision_log/sample.jsonl");

    #[test]
    fn what_was_judged_can_be_judged_again() {
        let entry = Entry::read(SAMPLE.lines().next().expect("a line")).expect("an entry");
        let request = recorded(&entry, None).expect("a request");
        assert_eq!((request.operation, request.method), ("UpdateUser", Some("PATCH")));
        assert_eq!(request.client.certificate.as_ref().map(|it| it.dns_names.len()), Some(1));
        assert_eq!(
            request.headers.iter().find(|(name, _)| *name == "x-tenant").map(|(_, held)| held.is_some()),
            Some(false)
        );
        let Some(Outline::Object { members, others: 1, .. }) = &request.body else { panic!("{:?}", request.body) };
        let of = |wanted: &str| members.iter().find(|(name, _)| *name == wanted).map(|(_, value)| value);
        assert!(matches!(of("skip_password_checks"), Some(Outline::Bool(true))));
        assert!(matches!(of("password_hasher"), Some(Outline::Text("bcrypt"))));
        assert!(matches!(of("password"), Some(Outline::Hidden(_))));
    }

    #[test]
    fn what_was_refused_before_it_was_judged_cannot() {
        let entry = Entry::read(SAMPLE.lines().last().expect("a line")).expect("an entry");
        assert!(recorded(&entry, None).is_none());
        let unread = SAMPLE.lines().next().expect("a line").replace("\"skeleton\"", "\"later\"");
        let asked = Entry::read(&unread).expect("an entry");
        assert!(recorded(&asked, None).is_some_and(|request| request.body.is_none()));
        let unread = unread.replace("\"policies\"", "\"others\"");
        assert!(recorded(&Entry::read(&unread).expect("an entry"), None).is_none());
    }

    #[test]
    fn a_body_that_was_not_read_is_not_taken_for_none() {
        let line = SAMPLE.lines().next().expect("a line");
        let with = |outcome: Outcome, reason: Reason, is_found: bool, bytes: u64| {
            let mut entry = Entry::read(line).expect("an entry");
            (entry.outcome, entry.reason) = (outcome, Some(reason));
            entry.policies.clear();
            entry.violations.retain(|violation| is_found && violation.rule == Rule::Gateway);
            entry.body = Some(Body { bytes: Some(bytes), skeleton: None });
            recorded(&entry, None).is_some()
        };
        assert!(!with(Outcome::Denied, Reason::UnsupportedMediaType, false, 0), "refused before it was read");
        assert!(!with(Outcome::Allowed, Reason::UnsupportedMediaType, true, 0), "only audited, and not read either");
        assert!(with(Outcome::Allowed, Reason::PolicyDenied, false, 0), "there was none");
    }
}
