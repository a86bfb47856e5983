//! The rules whose effect a change differs in, for code review.

use crate::cli::exit::CommandError;
use crate::cli::sarif::{FindingRule, SarifLog};
use crate::diagnostic::Diagnostic;
use crate::judge::Bundle;
use crate::policy_proof::{BundleProof, Direction, Finding, RuleProof};

/// A finding for each rule that is not equal, at its place in the new policies, or in the old ones if it is gone.
pub(super) fn log(proof: &BundleProof, old: &Bundle, new: &Bundle) -> Result<SarifLog, CommandError> {
    let mut log = SarifLog::new()?;
    for rule in &proof.rules {
        let kind = match (&rule.stricter, &rule.looser) {
            (Finding::Never, Finding::Never) => continue,
            // what lets more pass comes first, whatever else is known
            (_, Finding::Shown(_)) => FindingRule::LooserRule,
            (_, Finding::NotFound { .. }) | (Finding::NotFound { .. }, _) => FindingRule::UndecidedRule,
            (Finding::Shown(_), Finding::Never) => FindingRule::StricterRule,
        };
        let message = describe(rule);
        let place = [new, old].into_iter().find_map(|bundle| place(bundle, &rule.name, &message));
        if let Some(finding) = place {
            log.add(kind, &finding);
        }
    }
    Ok(log)
}

fn describe(rule: &RuleProof) -> String {
    let mut text = format!("`{}` is {} by this change", rule.name, rule.verdict().as_str());
    for (direction, what) in [(Direction::Looser, "looser"), (Direction::Stricter, "stricter")] {
        if let Finding::Shown(difference) = rule.finding(direction) {
            let (before, now) = (difference.old.as_str(), difference.new.as_str());
            text.extend(["\n", what, ", from ", before, " to ", now, ": ", &difference.to_curl().join("; ")]);
        }
    }
    text
}

/// A finding at the name of the rule called `name`; `None` if the bundle has none of that name.
fn place(bundle: &Bundle, name: &str, message: &str) -> Option<Diagnostic> {
    let documents = bundle.documents();
    let policies = documents.policies.iter().zip(bundle.policies.all());
    let policy = policies.map(|(manifest, policy)| (&manifest.source, &policy.name));
    let limits = documents.limits.iter().zip(bundle.policies.limits());
    let limit = limits.map(|(manifest, limit)| (&manifest.source, &limit.name));
    let (source, _) = policy.chain(limit).find(|(_, known)| known.as_ref() == name)?;
    Some(source.at("/metadata/name", message))
}
