//! The verdict on a case, by what reached the upstream and how the gateway responded.

use super::arrival::Arrival;
use super::case::{AttackCase, CaseExpectation};
use super::effect::forbidden;
use super::fire::Answer;
use super::route::{is_canonical, is_guarded};

/// Header fields that may occur once at most.
const SINGULAR: [&str; 5] = ["host", "authorization", "content-type", "content-encoding", "clerk-api-version"];

/// A failed case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// A forbidden request reached the upstream.
    Hole(String),
    /// A control did not arrive unchanged.
    Broken(String),
    /// Nothing got through, but the response was not a 4xx.
    Odd(String),
}

/// Judges `case` by the `arrivals` at the upstream and the response; `None` if the gateway passed.
pub(super) fn judge(case: &AttackCase, arrivals: &[Arrival], answer: Answer) -> Option<Verdict> {
    if case.expect == CaseExpectation::Exact {
        return differs(case, arrivals, answer).map(Verdict::Broken);
    }
    if let Some(hole) = hole(case, arrivals) {
        return Some(Verdict::Hole(hole));
    }
    match answer {
        Answer::None => Some(Verdict::Odd("no answer".to_owned())),
        Answer::Status(status) if arrivals.is_empty() && !(400..500).contains(&status) => {
            Some(Verdict::Odd(format!("refused with {status}")))
        }
        Answer::Closed | Answer::Status(_) => None,
    }
}

fn hole(case: &AttackCase, arrivals: &[Arrival]) -> Option<String> {
    if case.expect == CaseExpectation::Refused
        && let Some(arrival) = arrivals.first()
    {
        let why = forbidden(arrival).filter(|_| is_guarded(arrival));
        return Some(why.unwrap_or("the request reached the upstream").to_owned());
    }
    if arrivals.len() > case.most {
        let of = if case.most < case.requests { "that the limit allows" } else { "sent" };
        return Some(format!("{} requests reached the upstream, of {} {of}", arrivals.len(), case.most));
    }
    arrivals.iter().find_map(|arrival| harm(case, arrival))
}

/// Why a request must not have reached the upstream in this form.
fn harm(case: &AttackCase, arrival: &Arrival) -> Option<String> {
    if let Some(fault) = arrival.faults.first() {
        return Some(format!("the upstream got {fault}"));
    }
    if is_guarded(arrival) {
        if let Some(why) = forbidden(arrival) {
            return Some(why.to_owned());
        }
        if !is_canonical(&arrival.target) {
            return Some("the upstream got a path that some routers take for a guarded one".to_owned());
        }
    }
    if let Some(name) = SINGULAR.iter().find(|name| arrival.all(name).len() > 1) {
        return Some(format!("the upstream got `{name}` more than once"));
    }
    if let Some(name) = case.never.iter().find(|name| !arrival.all(name).is_empty()) {
        return Some(format!("the upstream got `{name}`"));
    }
    let lost = case.always.iter().find(|name| arrival.all(name).is_empty());
    lost.map(|name| format!("the upstream did not get `{name}`"))
}

/// How a control differs from its arrival.
fn differs(case: &AttackCase, arrivals: &[Arrival], answer: Answer) -> Option<String> {
    if answer != Answer::Status(200) {
        return Some(match answer {
            Answer::Status(status) => format!("answered {status}"),
            Answer::Closed => "closed without an answer".to_owned(),
            Answer::None => "no answer".to_owned(),
        });
    }
    if arrivals.len() != case.requests {
        return Some(format!("{} requests reached the upstream, of {} sent", arrivals.len(), case.requests));
    }
    let (line, body) = &case.content;
    let is_same = |arrival: &Arrival| {
        format!("{} {}", arrival.method, arrival.target) == *line.split(" HTTP/").next().unwrap_or_default()
            && arrival.body == *body
    };
    if !arrivals.iter().all(is_same) {
        return Some("it reached the upstream changed".to_owned());
    }
    arrivals.iter().find_map(|arrival| harm(case, arrival))
}

#[cfg(test)]
mod tests {
    use super::{Verdict, judge};
    use crate::selftest::arrival::{Arrival, parse_request};
    use crate::selftest::case::{AttackCase, Place, corpus};
    use crate::selftest::fire::Answer;

    fn case(name: &str) -> AttackCase {
        corpus(Place { scheme: "http", host: "gateway" }).unwrap().into_iter().find(|case| case.name == name).unwrap()
    }

    fn as_sent(case: &AttackCase) -> Vec<Arrival> {
        vec![parse_request(&case.bytes).unwrap().arrival]
    }

    #[test]
    fn what_arrives_of_an_attack_is_a_hole_and_what_does_not_arrive_of_a_control_is_broken() {
        let attack = case("json/plain");
        assert!(matches!(judge(&attack, &as_sent(&attack), Answer::Status(200)), Some(Verdict::Hole(_))));
        assert_eq!(judge(&attack, &[], Answer::Status(422)), None);
        assert_eq!(judge(&attack, &[], Answer::Closed), None);
        assert!(matches!(judge(&attack, &[], Answer::Status(200)), Some(Verdict::Odd(_))));
        assert!(matches!(judge(&attack, &[], Answer::None), Some(Verdict::Odd(_))));
        let control = case("controls/first-name");
        assert_eq!(judge(&control, &as_sent(&control), Answer::Status(200)), None);
        assert!(matches!(judge(&control, &[], Answer::Status(422)), Some(Verdict::Broken(_))));
        let mut changed = as_sent(&control);
        changed[0].body.push(b' ');
        assert!(matches!(judge(&control, &changed, Answer::Status(200)), Some(Verdict::Broken(_))));
    }
}
