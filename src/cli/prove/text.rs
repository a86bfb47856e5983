//! The proof for people: the verdict of the whole, those of the rules that are not equal, then the requests that show them.

use crate::cli::page::Page;
use crate::policy::Action;
use crate::policy_proof::{BundleProof, ChangeVerdict, Difference, Direction, Finding, RuleProof};
use std::fmt::Write;

pub(super) fn proof(proof: &BundleProof, width: usize) -> String {
    let mut page = Page::new(width);
    let _ = writeln!(page, "all rules together: {}", describe(proof.verdict(), &proof.stricter, &proof.looser));
    table(&mut page, &proof.rules);
    for rule in &proof.rules {
        for direction in Direction::ALL {
            finding(&mut page, &rule.name, direction, rule.finding(direction));
        }
    }
    for (direction, of_all) in [(Direction::Stricter, &proof.stricter), (Direction::Looser, &proof.looser)] {
        let command = of_all.difference().map(Difference::to_curl);
        let is_same = |rule: &&RuleProof| rule.finding(direction).difference().map(Difference::to_curl) == command;
        match proof.rules.iter().find(is_same).filter(|_| command.is_some()) {
            // its request is above
            Some(RuleProof { name, .. }) => {
                let _ = writeln!(page, "\nall rules together are {}, as {name} is", direction.as_str());
            }
            None => finding(&mut page, "all rules together", direction, of_all),
        }
    }
    page.into_text()
}

/// The rules that are not equal.
fn table(page: &mut Page, rules: &[RuleProof]) {
    let (equal, others): (Vec<_>, Vec<_>) = rules.iter().partition(|rule| rule.verdict() == ChangeVerdict::Equal);
    let action = |action: Option<Action>| action.map_or("-", |action| action.as_str()).to_owned();
    let rows = others.iter().map(|rule| {
        let verdict = describe(rule.verdict(), &rule.stricter, &rule.looser);
        vec![rule.name.to_string(), action(rule.old), action(rule.new), verdict]
    });
    let header = ["rule", "before", "now", "verdict"].map(str::to_owned).to_vec();
    if others.is_empty() {
        let _ = writeln!(page, "every rule is equal: {} compared", equal.len());
        return;
    }
    let _ = writeln!(page);
    page.table(2, &std::iter::once(header).chain(rows).collect::<Vec<_>>());
    if !equal.is_empty() {
        let _ = writeln!(page, "  and {} equal", equal.len());
    }
}

/// The verdict, and what is known if it is not decided.
fn describe(verdict: ChangeVerdict, stricter: &Finding, looser: &Finding) -> String {
    if verdict != ChangeVerdict::Undecided {
        return verdict.as_str().to_owned();
    }
    let parts =
        [(Direction::Stricter, stricter), (Direction::Looser, looser)].map(|(direction, finding)| match finding {
            Finding::Never => format!("never {}", direction.as_str()),
            Finding::Shown(_) => direction.as_str().to_owned(),
            Finding::NotFound { judged, why } => {
                format!("{} for none of {judged} requests that were judged, and {why}", direction.as_str())
            }
        });
    format!("{}: {}", verdict.as_str(), parts.join(", "))
}

/// The request that shows a difference, as a command and as a test case.
fn finding(page: &mut Page, name: &str, direction: Direction, finding: &Finding) {
    let Some(difference) = finding.difference() else { return };
    let (old, new) = (difference.old.as_str(), difference.new.as_str());
    let _ = writeln!(page, "\n{name} is {}: {old} before, {new} now", direction.as_str());
    // verbatim: both are to be copied
    let case_name = format!("{name} is {}", direction.as_str());
    for line in difference.to_curl().iter().chain(&difference.to_cases(&case_name)) {
        let _ = writeln!(page, "  {line}");
    }
}
