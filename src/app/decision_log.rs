//! The configured decision log: its file, its masks, and what it retains of requests.

use super::Error;
use crate::config::gateway::{FingerprintNames, Gateway};
use crate::contract::Contract;
use crate::contract::field_tree::FieldTree;
use crate::decision_log::checkpoint::CheckpointSigner;
use crate::decision_log::{FingerprintRules, RetentionRules};
use crate::diagnostic::Diagnostic;
use crate::redact::{Fingerprinter, Masks, steps};
use crate::secret::Secret;
use crate::suggest::nearest;
use crate::telemetry::DecisionFile;
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Shortest fingerprint key, in bytes; a shorter one could be guessed.
const SHORTEST_KEY: usize = 32;
/// The place of the fingerprint key in the configuration.
pub(super) const KEY: &str = "/decisionLog/fingerprints/key/file";
/// The place of the key that signs the log.
pub(super) const SIGNING_KEY: &str = "/decisionLog/signing/key/file";

/// What is removed from all logs.
pub(super) fn masks(gateway: &Gateway) -> Arc<Masks> {
    let names = &gateway.masks;
    Arc::new(Masks::new(&names.pointers, &names.names, &names.headers, &names.query))
}

/// What the log retains of requests; `None` if no log is configured.
///
/// # Errors
///
/// The fingerprint key cannot be read, or a pointer leads into a secret or to an undeclared field.
pub fn retention(gateway: &Gateway, contract: &Contract) -> Result<Option<RetentionRules>, Error> {
    let Some(log) = &gateway.decision_log else { return Ok(None) };
    let fingerprints = log.fingerprints.as_ref().map(|names| {
        let mut errors = pointer_errors(gateway, names, contract);
        let key = key(gateway, names).map_err(|error| errors.push(error));
        key.ok().filter(|_| errors.is_empty()).ok_or(Error::Invalid(errors)).map(|key| {
            let fingerprinter = Fingerprinter::with_key(key.expose());
            FingerprintRules::new(fingerprinter, &names.body, &names.params, &names.headers)
        })
    });
    Ok(Some(RetentionRules::new(masks(gateway), fingerprints.transpose()?)))
}

/// The open log file; `None` if no log is configured. If this process `follows` another one that still writes it, lines wait for that.
pub(super) fn open(gateway: &Gateway, follows: bool) -> Result<Option<DecisionFile>, Error> {
    let Some(log) = &gateway.decision_log else { return Ok(None) };
    let opened = if follows { DecisionFile::open_after_predecessor(log) } else { DecisionFile::open(log) };
    let file = opened.map_err(|error| {
        let error = gateway.source.at("/decisionLog/file", format!("`decisionLog.file` {error}"));
        Error::Invalid(vec![error.with_help("each process needs a file of its own, in a folder where it may write")])
    });
    let file = file?;
    Ok(Some(match signer(gateway)? {
        Some(signer) => file.signed_by(signer),
        None => file,
    }))
}

/// What signs the log; `None` if it is not signed.
///
/// # Errors
///
/// The private key cannot be read, or is of another kind.
pub fn signer(gateway: &Gateway) -> Result<Option<CheckpointSigner>, Error> {
    let Some(file) = gateway.decision_log.as_ref().and_then(|log| log.signing_key_file.as_ref()) else {
        return Ok(None);
    };
    let invalid = |what: String| {
        let error = gateway.source.at(SIGNING_KEY, format!("`decisionLog.signing.key.file` {what}"));
        Error::Invalid(vec![error.with_help("make one with `openssl genpkey -algorithm ed25519 -out signing.key`")])
    };
    let pem = std::fs::read(file).map_err(|error| invalid(format!("cannot be read: {error}")))?;
    let signer = CheckpointSigner::from_pem(Secret::new(pem).expose());
    signer.map(Some).map_err(|error| invalid(error.to_string()))
}

fn key(gateway: &Gateway, names: &FingerprintNames) -> Result<Secret<Vec<u8>>, Diagnostic> {
    let help = "make one with `head -c 32 /dev/urandom | base64 > fingerprint.key`";
    let invalid =
        |what: String| gateway.source.at(KEY, format!("`decisionLog.fingerprints.key.file` {what}")).with_help(help);
    let mut key = std::fs::read(&names.key_file).map_err(|error| invalid(format!("cannot be read: {error}")))?;
    // editors end a file with a line break, which must not change the key
    while key.last().is_some_and(u8::is_ascii_whitespace) {
        key.pop();
    }
    let key = Secret::new(key);
    if key.expose().len() < SHORTEST_KEY {
        return Err(invalid(format!("must hold at least {SHORTEST_KEY} bytes")));
    }
    Ok(key)
}

/// Errors of the pointers that lead into a secret, or to a field that no operation declares.
fn pointer_errors(gateway: &Gateway, names: &FingerprintNames, contract: &Contract) -> Vec<Diagnostic> {
    let operations = contract.operations();
    let bodies: Vec<&FieldTree> =
        operations.iter().filter_map(|operation| Some(operation.body.as_ref()?.field_tree())).collect();
    let known: BTreeSet<&str> = bodies.iter().flat_map(|body| body.names()).collect();
    let errors = names.body.iter().enumerate().filter_map(|(position, pointer)| {
        let steps: Vec<String> = steps(pointer).map(Cow::into_owned).collect();
        let first = steps.first().map_or("", String::as_str);
        let (what, help) = if bodies.iter().any(|body| meets_secret(body, &steps)) {
            ("leads to a secret of the contract", Some("secrets have no fingerprint: remove it".to_owned()))
        // only the first step: below it a body may be free, such as in `/public_metadata/tenant`
        } else if first != "*" && !known.contains(first) {
            let meant = nearest(first, known.iter().copied());
            ("is in no body of the contract", meant.map(|meant| format!("did you mean `/{meant}`?")))
        } else {
            return None;
        };
        let at = format!("/decisionLog/fingerprints/body/{position}");
        let error = gateway.source.at(&at, format!("`decisionLog.fingerprints.body[{position}]` {what}"));
        Some(match help {
            Some(help) => error.with_help(help),
            None => error,
        })
    });
    errors.collect()
}

/// Whether a secret is on the way that `steps` lead.
fn meets_secret(declared: &FieldTree, steps: &[String]) -> bool {
    if declared.is_secret() {
        return true;
    }
    let Some((first, rest)) = steps.split_first() else { return false };
    let named = if first == "*" { declared.names().collect() } else { vec![first.as_str()] };
    let is_position = first == "*" || first.bytes().all(|byte| byte.is_ascii_digit());
    let members = named.into_iter().filter_map(|name| declared.member(name));
    members.chain(declared.elements().filter(|_| is_position)).any(|inner| meets_secret(inner, rest))
}
