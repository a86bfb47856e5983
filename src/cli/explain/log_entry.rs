//! A decision out of a decision log: what was recorded, and what cannot be known because no value was kept.

use super::explanation::{Choice, ExplainedFinding, ExplainedPolicy, Explanation, RuleDetails};
use super::input::unreadable;
use super::recorded_shape::recorded_shapes;
use crate::cli::bounded_lines::{ReadLine, read_line};
use crate::cli::exit::CommandError;
use crate::cli::log_reader::LogReader;
use crate::decision_log::{
    EntryText, LogEntry, RecordedOutcome, RecordedPolicy, RecordedRule, RecordedViolation, VersionSource,
};
use crate::judge::Bundle;
use crate::outcome::Outcome;
use crate::policy::{Action, Limit, Policy, Validation};
use crate::reason::Reason;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// What the log in `files` knows of the decision called `id`. Of policies that are still the same, `bundle` has the texts.
pub(super) fn explain(id: &str, files: &[PathBuf], bundle: &Bundle) -> Result<Explanation, CommandError> {
    require_id(id)?;
    explain_line(&find(id, files)?, bundle, EntrySource::Log)
}

/// Where the line of a decision is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EntrySource {
    /// A decision log.
    Log,
    /// A running gateway, whose decision log may be off: then it recorded less of the request.
    Gateway,
}

/// What `line` knows of its decision. Of policies that are still the same, `bundle` has the texts.
pub(super) fn explain_line(line: &str, bundle: &Bundle, origin: EntrySource) -> Result<Explanation, CommandError> {
    let wrong = |error: serde_json::Error| {
        // without the text of the error, which may quote the line
        CommandError::Failed(format!(
            "the decision's line is no entry of a decision log, at its column {}",
            error.column()
        ))
    };
    let entry = LogEntry::read(line).map_err(wrong)?;
    // positions in policies of another revision would name the wrong expressions
    let same = (*entry.revision == *bundle.revision).then_some(bundle);
    Ok(explain_entry(&entry, same, origin))
}

/// An error if `id` can't be the id of a decision.
// it is searched for as text in JSON, where a quote in it would match something else
pub(super) fn require_id(id: &str) -> Result<(), CommandError> {
    if !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Ok(());
    }
    Err(CommandError::Usage("`--decision` is not the id of a decision".to_owned()))
}

/// The line of the decision.
fn find(id: &str, files: &[PathBuf]) -> Result<String, CommandError> {
    let wanted = format!("\"decision_id\":\"{id}\"");
    let mut broken = String::new();
    for file in files {
        let unreadable = |error: std::io::Error| unreadable(file, "--log", &error);
        let (mut from, mut line) = (LogReader::open(file).map_err(unreadable)?, Vec::new());
        let mut lines = 0;
        while let Some(read) = read_line(&mut from, &mut line).map_err(unreadable)? {
            // a line that is too long, or no text, is no entry; others of the file may be
            if read != ReadLine::TooLong
                && let Ok(text) = std::str::from_utf8(&line)
                && text.contains(&wanted)
            {
                return Ok(text.to_owned());
            }
            lines += 1;
        }
        if let Some(why) = from.damage() {
            // writing to a `String` cannot fail
            let _ = write!(broken, "; `{}` cannot be read beyond its line {lines}: {why}", file.display());
        }
    }
    let others = rotated_files(files);
    let hint = match others.as_slice() {
        [] => String::new(),
        others => format!("; files that were rotated may have it: `--log {}`", others.join(" ")),
    };
    Err(CommandError::Usage(format!("the log has no decision of that id{broken}{hint}")))
}

/// Files beside those in `files` that are of the same logs by their names, `decisions.jsonl.1`, `decisions.jsonl.2.gz` and so on.
fn rotated_files(files: &[PathBuf]) -> Vec<String> {
    let beside = |file: &PathBuf| {
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let stem = name
            .trim_end_matches(".gz")
            .trim_end_matches(|end: char| end.is_ascii_digit())
            .trim_end_matches('.')
            .to_owned();
        let folder = file.parent().unwrap_or(Path::new("")).to_owned();
        let entries = if folder.as_os_str().is_empty() { Path::new(".").read_dir() } else { folder.read_dir() };
        let names =
            entries.into_iter().flatten().flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
        let is_of_it = move |other: &String| {
            // the file that is written now has no number
            let rest = other
                .strip_prefix(&stem)
                .and_then(|rest| if rest.is_empty() { Some("0") } else { rest.strip_prefix('.') });
            let number = rest.map(|rest| rest.strip_suffix(".gz").unwrap_or(rest));
            number.is_some_and(|number| number.parse::<u32>().is_ok())
        };
        names.filter(is_of_it).map(move |name| folder.join(name)).collect::<Vec<_>>()
    };
    let mut others: Vec<PathBuf> = files.iter().flat_map(beside).filter(|other| !files.contains(other)).collect();
    others.sort();
    // two files of one log have the same neighbours
    others.dedup();
    others.iter().map(|other| other.display().to_string()).collect()
}

fn explain_entry(entry: &LogEntry<'_>, same: Option<&Bundle>, origin: EntrySource) -> Explanation {
    let unknown = "what expressions came to, and what would let the request pass, cannot be known";
    let notes = match (origin, same) {
        (EntrySource::Log, Some(_)) => vec![format!("from the decision log, which keeps no values: {unknown}")],
        (EntrySource::Log, None) => vec![
            format!("from the decision log, which keeps no values: {unknown}"),
            "the policies or the contract have changed since; their texts as they were then are not known".to_owned(),
        ],
        // the texts come with the decision, whatever this program's policies are
        (EntrySource::Gateway, _) => vec![format!("from the running gateway, which keeps no values: {unknown}")],
    };
    Explanation {
        decision: decision(entry.outcome),
        reason: entry.reason.map(Reason::as_str),
        // 0: the client was gone before a response could be sent
        status: (entry.reason.is_some() && entry.status != 0).then_some(entry.status),
        message: entry.reason.map_or_else(|| pass_text(entry.outcome).to_owned(), |reason| reason.meaning().to_owned()),
        findings: entry.violations.iter().enumerate().map(|(at, it)| finding(entry, at, it, same)).collect(),
        changes: None,
        notes,
        rules: Some(rules(entry, same, origin)),
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

const fn pass_text(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Exempt => "there was nothing to judge",
        Outcome::Aborted => "the client went away before the end of a response",
        _ => "nothing refused it",
    }
}

fn finding(
    entry: &LogEntry<'_>,
    at: usize,
    violation: &RecordedViolation<'_>,
    same: Option<&Bundle>,
) -> ExplainedFinding {
    let rule = match &violation.rule {
        RecordedRule::Policy(name) | RecordedRule::Keyword(name) => name.to_string(),
        RecordedRule::Gateway => "gateway".to_owned(),
    };
    let validation = same.and_then(|bundle| validation(entry, at, bundle));
    let limit = same.and_then(|bundle| limit(bundle, violation));
    let message = match (validation, limit) {
        (Some(validation), _) => validation.message.to_string(),
        (None, Some(limit)) => limit.message.to_string(),
        (None, None) => meaning(violation).to_owned(),
    };
    let hint = validation.and_then(|it| it.hint.as_deref()).or_else(|| limit.and_then(|it| it.hint.as_deref()));
    let owner = same.and_then(|bundle| policy(bundle, &rule)?.owner.as_deref());
    let owner = owner.or_else(|| limit.and_then(|it| it.owner.as_deref()));
    ExplainedFinding {
        action: violation.action.as_str(),
        reason: violation.reason.as_str(),
        waived_by: violation.waived_by.as_ref().map(EntryText::to_string),
        field: violation.field.as_ref().map(EntryText::to_string),
        message,
        hint: hint.map(str::to_owned),
        judged_by: None,
        owner: owner.map(str::to_owned),
        rule,
    }
}

/// What the reason of a violation means where it refused nothing, too.
fn meaning(violation: &RecordedViolation<'_>) -> &'static str {
    let refuses = violation.action == Action::Deny && violation.waived_by.is_none();
    match (refuses, violation.reason) {
        (true, reason) => reason.meaning(),
        (_, Reason::PolicyDenied) => "a policy does not hold; it refuses nothing",
        (_, Reason::PolicyError) => "a policy could not be evaluated; it refuses nothing",
        (_, reason) => reason.meaning(),
    }
}

/// The exceeded limit; `None` if the violation is of a policy or of the contract.
fn limit<'b>(bundle: &'b Bundle, violation: &RecordedViolation<'_>) -> Option<&'b Limit> {
    let RecordedRule::Policy(name) = &violation.rule else { return None };
    let mut limits = bundle.policies.limits().iter().filter(|_| violation.reason == Reason::RateLimited);
    limits.find(|limit| *limit.name == **name).map(AsRef::as_ref)
}

fn policy<'b>(bundle: &'b Bundle, name: &str) -> Option<&'b Policy> {
    bundle.policies.all().iter().find(|policy| *policy.name == *name).map(AsRef::as_ref)
}

/// The validation that the violation at `at` is of: a policy's violations come in the order of its validations.
fn validation<'b>(entry: &LogEntry<'_>, at: usize, bundle: &'b Bundle) -> Option<&'b Validation> {
    let denied = |violation: &&RecordedViolation<'_>| violation.reason == Reason::PolicyDenied;
    let violation = entry.violations.get(at).filter(denied)?;
    let RecordedRule::Policy(name) = &violation.rule else { return None };
    let before = entry.violations.iter().take(at).filter(denied).filter(|it| it.rule == violation.rule).count();
    let (RecordedOutcome::Violated(parts) | RecordedOutcome::SchemaViolated(parts)) =
        &entry.policies.iter().find(|policy| policy.name == *name)?.outcome
    else {
        return None;
    };
    // those with an error have the reason `policy_error`, which `before` does not count
    let part = parts.iter().filter(|part| part.error.is_none()).nth(before)?;
    policy(bundle, name)?.validations.get(part.validation)
}

fn rules(entry: &LogEntry<'_>, same: Option<&Bundle>, origin: EntrySource) -> RuleDetails {
    let route = entry.route.as_ref().map(EntryText::to_string);
    let parameters =
        entry.request.as_ref().map(|facts| facts.params.0.iter().map(|(name, _)| name.to_string()).collect());
    let keywords = entry.violations.iter().filter(|it| !matches!(it.rule, RecordedRule::Policy(_))).count();
    RuleDetails {
        method: Some(entry.method.to_string()),
        route: route.unwrap_or_else(|| "none, or ambiguous".to_owned()),
        operation: entry.operation.as_ref().map(EntryText::to_string),
        parameters: parameters.unwrap_or_default(),
        api_version: entry
            .api_version
            .as_ref()
            .map(|version| Choice { value: version.to_string(), why: version_source(entry.api_version_source) }),
        environment: Choice {
            value: entry.environment.to_string(),
            why: format!("the key is of the kind `{}`", entry.key_class.as_str()),
        },
        key: entry.key_class.as_str(),
        schema: match (entry.body.is_some(), keywords, origin) {
            (false, 0, EntrySource::Gateway) => "no finding was recorded".to_owned(),
            (false, _, EntrySource::Log) => "not asked".to_owned(),
            (true, 0, _) => "nothing was found".to_owned(),
            (_, found, _) => format!("findings: {found}"),
        },
        policies: entry.policies.iter().map(|it| with_waiver(entry, explain_policy(it, same))).collect(),
        limits: Vec::new(),
        revision: entry.revision.to_string(),
        kept: recorded_shapes(entry),
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

/// Adds the waiver by which the policy only audited.
fn with_waiver(entry: &LogEntry<'_>, policy: ExplainedPolicy) -> ExplainedPolicy {
    let own = |rule: &RecordedRule<'_>| matches!(rule, RecordedRule::Policy(name) if **name == *policy.name);
    let waiver = entry.violations.iter().filter(|it| own(&it.rule)).find_map(|it| it.waived_by.as_ref());
    ExplainedPolicy { waived_by: waiver.map(EntryText::to_string), ..policy }
}

fn explain_policy(evaluated: &RecordedPolicy<'_>, same: Option<&Bundle>) -> ExplainedPolicy {
    let known = same.and_then(|bundle| policy(bundle, &evaluated.name));
    let (outcome, because) = match &evaluated.outcome {
        RecordedOutcome::OtherEnvironment => ("other_environment", vec!["not for this environment".to_owned()]),
        RecordedOutcome::NoMatch(condition) => ("no_match", vec![format!("condition `{condition}` is not true")]),
        RecordedOutcome::Holds => ("holds", Vec::new()),
        RecordedOutcome::Failed { condition, error } => {
            ("error", vec![format!("condition `{condition}` could not be evaluated: {error}")])
        }
        RecordedOutcome::Violated(parts) | RecordedOutcome::SchemaViolated(parts) => {
            let why = parts.iter().map(|part| {
                let source = known.and_then(|policy| policy.validations.get(part.validation));
                let what =
                    source.map_or_else(|| format!("validation {}", part.validation + 1), |it| it.source.to_string());
                part.error.as_ref().map_or_else(|| format!("not true: {what}"), |error| format!("{error}: {what}"))
            });
            let schema = matches!(evaluated.outcome, RecordedOutcome::SchemaViolated(_))
                .then(|| "does not fit its schema".to_owned());
            ("violated", schema.into_iter().chain(why).collect())
        }
    };
    ExplainedPolicy {
        name: evaluated.name.to_string(),
        action: evaluated.action.as_str(),
        outcome,
        waived_by: None,
        because,
        expressions: Vec::new(),
    }
}
