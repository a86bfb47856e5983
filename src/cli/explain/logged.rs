//! A decision out of a decision log: what was recorded, and what cannot be known because no value was kept.

use super::explanation::{Chosen, Explanation, Finding, PolicySaid, Rules};
use super::kept::kept;
use crate::cli::Failure;
use crate::decision_log::{Entry, Evaluated, Rule, Said, Text, VersionSource, Violation};
use crate::judge::Bundle;
use crate::outcome::Outcome;
use crate::policy::{Policy, Validation};
use crate::reason::Reason;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

/// What the log in `file` knows of the decision called `id`. Of policies that are still the same, `bundle` has the texts.
pub(super) fn explain(id: &str, file: &Path, bundle: &Bundle) -> Result<Explanation, Failure> {
    let line = find(id, file)?;
    let wrong = |error: serde_json::Error| {
        // its text may quote what it met
        Failure::Trouble(format!("the decision's line is no entry of a decision log, at its column {}", error.column()))
    };
    let entry = Entry::read(&line).map_err(wrong)?;
    let same = (*entry.revision == *bundle.revision).then_some(bundle);
    Ok(told(&entry, same))
}

/// The line of the decision.
fn find(id: &str, file: &Path) -> Result<String, Failure> {
    let unreadable = |error: std::io::Error| Failure::Trouble(format!("`--log` cannot be read: {error}"));
    let is_id = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if !is_id {
        return Err(Failure::Usage("`--decision` is not the id of a decision".to_owned()));
    }
    let wanted = format!("\"decision_id\":\"{id}\"");
    for line in BufReader::new(File::open(file).map_err(unreadable)?).lines() {
        let line = line.map_err(unreadable)?;
        if line.contains(&wanted) {
            return Ok(line);
        }
    }
    Err(Failure::Usage("the log has no decision of that id".to_owned()))
}

fn told(entry: &Entry<'_>, same: Option<&Bundle>) -> Explanation {
    let mut notes =
        vec!["from the decision log, which keeps no values: what expressions came to, and what would let the request pass, cannot be known".to_owned()];
    if same.is_none() {
        let message = "the policies or the contract have changed since; their texts as they were then are not known";
        notes.push(message.to_owned());
    }
    Explanation {
        decision: decision(entry.outcome),
        reason: entry.reason.map(Reason::as_str),
        status: (entry.reason.is_some() && entry.status != 0).then_some(entry.status),
        message: entry.reason.map_or_else(|| passed(entry.outcome).to_owned(), |reason| reason.meaning().to_owned()),
        findings: entry.violations.iter().enumerate().map(|(at, it)| finding(entry, at, it, same)).collect(),
        changes: None,
        notes,
        rules: Some(rules(entry, same)),
    }
}

const fn decision(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Allowed | Outcome::Exempt => "allow",
        Outcome::Denied => "deny",
        Outcome::Failed => "fail",
        Outcome::Aborted => "abort",
    }
}

const fn passed(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Exempt => "there was nothing to judge",
        Outcome::Aborted => "the client went away before the end of an answer",
        _ => "nothing refused it",
    }
}

fn finding(entry: &Entry<'_>, at: usize, violation: &Violation<'_>, same: Option<&Bundle>) -> Finding {
    let rule = match &violation.rule {
        Rule::Policy(name) | Rule::Keyword(name) => name.to_string(),
        Rule::Gateway => "gateway".to_owned(),
    };
    let validation = same.and_then(|bundle| validation(entry, at, bundle));
    let message = validation.map_or_else(|| violation.reason.meaning().to_owned(), |it| it.message.to_string());
    Finding {
        action: violation.action.as_str(),
        reason: violation.reason.as_str(),
        waived_by: violation.waived_by.as_ref().map(Text::to_string),
        field: violation.field.as_ref().map(Text::to_string),
        message,
        hint: validation.and_then(|validation| validation.hint.as_deref().map(str::to_owned)),
        owner: same.and_then(|bundle| policy(bundle, &rule)?.owner.as_deref().map(str::to_owned)),
        rule,
    }
}

fn policy<'b>(bundle: &'b Bundle, name: &str) -> Option<&'b Policy> {
    bundle.policies.all().iter().find(|policy| *policy.name == *name).map(AsRef::as_ref)
}

/// The validation that the violation at `at` is of: a policy's violations come in the order of its validations.
fn validation<'b>(entry: &Entry<'_>, at: usize, bundle: &'b Bundle) -> Option<&'b Validation> {
    let denied = |violation: &&Violation<'_>| violation.reason == Reason::PolicyDenied;
    let violation = entry.violations.get(at).filter(denied)?;
    let Rule::Policy(name) = &violation.rule else { return None };
    let before = entry.violations.iter().take(at).filter(denied).filter(|it| it.rule == violation.rule).count();
    let (Said::Violated(parts) | Said::Misfit(parts)) =
        &entry.policies.iter().find(|policy| policy.name == *name)?.said
    else {
        return None;
    };
    let part = parts.iter().filter(|part| part.error.is_none()).nth(before)?;
    policy(bundle, name)?.validations.get(part.validation)
}

fn rules(entry: &Entry<'_>, same: Option<&Bundle>) -> Rules {
    let route = entry.route.as_ref().map(Text::to_string);
    let parameters =
        entry.request.as_ref().map(|facts| facts.params.0.iter().map(|(name, _)| name.to_string()).collect());
    let keywords = entry.violations.iter().filter(|it| !matches!(it.rule, Rule::Policy(_))).count();
    Rules {
        method: Some(entry.method.to_string()),
        route: route.unwrap_or_else(|| "none, or ambiguous".to_owned()),
        operation: entry.operation.as_ref().map(Text::to_string),
        parameters: parameters.unwrap_or_default(),
        api_version: entry
            .api_version
            .as_ref()
            .map(|version| Chosen { value: version.to_string(), why: version_source(entry.api_version_source) }),
        environment: Chosen {
            value: entry.environment.to_string(),
            why: format!("the key is of the kind `{}`", entry.key_class.as_str()),
        },
        key: entry.key_class.as_str(),
        schema: match (entry.body.is_some(), keywords) {
            (false, _) => "not asked".to_owned(),
            (true, 0) => "nothing was found".to_owned(),
            (true, found) => format!("findings: {found}"),
        },
        policies: entry.policies.iter().map(|it| waived(entry, policy_said(it, same))).collect(),
        limits: Vec::new(),
        revision: entry.revision.to_string(),
        kept: kept(entry),
    }
}

fn version_source(source: Option<VersionSource>) -> String {
    match source {
        Some(VersionSource::Request) => "the request asked for it",
        Some(VersionSource::Default) => "the default, for the request asked for none",
        Some(VersionSource::Newer) => "the newest known; the request asked for a newer one",
        Some(VersionSource::Unknown) => "the request asked for one that is not known",
        None => "why is not in the log",
    }
    .to_owned()
}

/// With the waiver for which the policy only told operators.
fn waived(entry: &Entry<'_>, said: PolicySaid) -> PolicySaid {
    let own = |rule: &Rule<'_>| matches!(rule, Rule::Policy(name) if **name == *said.name);
    let waiver = entry.violations.iter().filter(|it| own(&it.rule)).find_map(|it| it.waived_by.as_ref());
    PolicySaid { waived_by: waiver.map(Text::to_string), ..said }
}

fn policy_said(evaluated: &Evaluated<'_>, same: Option<&Bundle>) -> PolicySaid {
    let known = same.and_then(|bundle| policy(bundle, &evaluated.name));
    let (outcome, because) = match &evaluated.said {
        Said::OtherEnvironment => ("other_environment", vec!["not for this environment".to_owned()]),
        Said::NoMatch(condition) => ("no_match", vec![format!("condition `{condition}` is not true")]),
        Said::Holds => ("holds", Vec::new()),
        Said::Failed { condition, error } => {
            ("error", vec![format!("condition `{condition}` could not be evaluated: {error}")])
        }
        Said::Violated(parts) | Said::Misfit(parts) => {
            let why = parts.iter().map(|part| {
                let source = known.and_then(|policy| policy.validations.get(part.validation));
                let what =
                    source.map_or_else(|| format!("validation {}", part.validation + 1), |it| it.source.to_string());
                part.error.as_ref().map_or_else(|| format!("not true: {what}"), |error| format!("{error}: {what}"))
            });
            let schema = matches!(evaluated.said, Said::Misfit(_)).then(|| "does not fit its schema".to_owned());
            ("violated", schema.into_iter().chain(why).collect())
        }
    };
    PolicySaid {
        name: evaluated.name.to_string(),
        action: evaluated.action.as_str(),
        outcome,
        waived_by: None,
        because,
        expressions: Vec::new(),
    }
}
