//! Searches a request that two bundles decide differently, among variations of the requests of cases.

use super::change::ChangedLines;
use crate::judge::Bundle;
use crate::policy_test::Suite;
use crate::policy_test::actual::ActualDecision;
use crate::policy_test::request::TestRequest;
use crate::policy_test::search::RequestSearch;
use std::collections::BTreeSet;

/// Most requests that are judged for one mutant: some tenths of a second.
const MOST: usize = 2_000;

/// A request, as the `request` of a case, that the bundle of `suite` and `other` decide differently.
pub(super) fn find(suite: &Suite, other: &Bundle, lines: &ChangedLines) -> Option<String> {
    let seeds = suite.cases.iter().map(|case| case.request.clone()).collect();
    let search = RequestSearch::new(seeds, words(lines), (&suite.bundle, other));
    let mut requests = search.requests().take(MOST);
    Some(requests.find(|request| differs(request, &suite.bundle, other))?.to_yaml())
}

fn differs(request: &TestRequest, one: &Bundle, other: &Bundle) -> bool {
    let [one, other] = [one, other].map(|bundle| ActualDecision::of(request, bundle));
    one.refused != other.refused
        || one.violations != other.violations
        || one.counting_limits() != other.counting_limits()
}

/// The words of the changed lines: what is compared with a constant is most often decided otherwise for the constant itself.
fn words(lines: &ChangedLines) -> Vec<String> {
    let parts = lines.before.iter().flat_map(|line| line.split([' ', ',', '"', '\'', '(', ')', '[', ']', '{', '}']));
    let words: BTreeSet<_> = parts.filter(|word| !word.is_empty()).map(str::to_owned).collect();
    words.into_iter().take(20).collect()
}
