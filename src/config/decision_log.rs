//! Checks `decisionLog` and `masks` of the configuration file.

use super::checker::{Setting, SettingsChecker};
use super::file::{DecisionLogSection as LogKeys, FingerprintsSection as FingerprintKeys, MasksSection as MaskKeys};
use super::gateway::{AccessLogTarget, DecisionLogConfig, FingerprintNames, Logs, MaskNames};
use crate::redact::Masks;
use std::path::{Path, PathBuf};

const POINTER_HELP: &str = "write a JSON Pointer (RFC 6901), such as `/public_metadata/tax_id`";
const HEADER_HELP: &str = "write the name of a header, such as `x-tenant`";

impl SettingsChecker<'_> {
    pub(super) fn decision_log(&mut self, keys: &LogKeys, masks: &MaskKeys) -> Option<DecisionLogConfig> {
        let fingerprints = self.fingerprints(&keys.fingerprints, masks);
        let signing_key_file = self.signing_key_file(keys);
        // the rate is in the entries that are kept: of none, no reader could know what is missing
        if !(keys.sample_allowed > 0.0 && keys.sample_allowed <= 1.0) {
            let given = Setting::in_file("", "/decisionLog/sampleAllowed");
            self.refuse(&given, "must be above 0 and at most 1", "`0.01` logs one allowed request in a hundred");
        }
        if keys.file == "off" {
            return None;
        }
        let file = self.path(&keys.file);
        if !file.parent().is_some_and(Path::is_dir) {
            let help = "create the folder; only the user of the gateway should have write permission";
            self.refuse(&Setting::in_file(&keys.file, "/decisionLog/file"), "is in a folder that does not exist", help);
        }
        Some(DecisionLogConfig {
            file,
            max_bytes: keys.max_bytes,
            keep: keys.keep,
            compression: keys.compression,
            sample_allowed: keys.sample_allowed,
            chain: keys.chain,
            signing_key_file,
            fingerprints,
        })
    }

    fn signing_key_file(&mut self, keys: &LogKeys) -> Option<PathBuf> {
        let key = keys.signing.key.as_ref()?;
        if !keys.chain {
            let help = "set `decisionLog.chain: true`: what is signed is the last hash of the chain";
            self.refuse(&Setting::in_file("", "/decisionLog/signing"), "has no effect without `chain`", help);
        }
        Some(self.existing_path(&key.file, "/decisionLog/signing/key/file".to_owned()))
    }

    /// The two logs must be different files.
    pub(super) fn check_log_files_differ(&mut self, logs: &Logs, decision_log: Option<&DecisionLogConfig>) {
        // readers of the access log must not see decisions, and mixed lines would break the chain of hashes
        let AccessLogTarget::File(access) = &logs.access else { return };
        if decision_log.is_some_and(|decision_log| decision_log.file == *access) {
            let given = Setting::in_file("", "/decisionLog/file");
            self.refuse(&given, "is the file of `logs.access` already", "give each log a file of its own");
        }
    }

    fn fingerprints(&mut self, keys: &FingerprintKeys, masks: &MaskKeys) -> Option<FingerprintNames> {
        let base = "/decisionLog/fingerprints";
        self.pointers(&format!("{base}/body"), &keys.body);
        self.names(&format!("{base}/params"), &keys.params);
        self.headers(&format!("{base}/headers"), &keys.headers);
        self.refuse_masked(base, keys, masks);
        let is_empty = keys.body.is_empty() && keys.params.is_empty() && keys.headers.is_empty();
        let Some(key) = &keys.key else {
            if !is_empty {
                let help = "name a file that has the key: `key: { file: fingerprint.key }`";
                self.refuse(&Setting::in_file("", base), "has no `key`", help);
            }
            return None;
        };
        if is_empty {
            let help = "name values in `body`, `params` or `headers`, or remove the key";
            self.refuse(
                &Setting::in_file("", format!("{base}/key")),
                "has no effect without values to fingerprint",
                help,
            );
        }
        Some(FingerprintNames {
            key_file: self.existing_path(&key.file, format!("{base}/key/file")),
            body: keys.body.clone(),
            params: keys.params.clone(),
            headers: keys.headers.clone(),
        })
    }

    /// A masked value cannot have a fingerprint.
    fn refuse_masked(&mut self, base: &str, keys: &FingerprintKeys, masks: &MaskKeys) {
        // an error and not a rule of precedence: the operator expects either the mask or the fingerprint to apply, and would not
        // notice which one does not
        let masks = Masks::new(&masks.pointers, &masks.names, &masks.headers, &masks.query);
        let hidden = |list: &str, names: &[String], hides: &dyn Fn(&str) -> bool| -> Vec<String> {
            let hidden = names.iter().enumerate().filter(|(_, name)| hides(name));
            hidden.map(|(position, _)| format!("{base}/{list}/{position}")).collect()
        };
        let mut places = hidden("body", &keys.body, &|pointer| masks.visible_steps(pointer).is_some());
        places.extend(hidden("params", &keys.params, &|name| masks.hide_parameter(name)));
        places.extend(hidden("headers", &keys.headers, &|name| masks.hide_header(name)));
        for place in places {
            let help = "a masked value has no fingerprint; remove it from `fingerprints` or from `masks`";
            self.refuse(&Setting::in_file("", place), "is hidden by `masks`", help);
        }
    }

    pub(super) fn masks(&mut self, keys: &MaskKeys) -> MaskNames {
        self.pointers("/masks/pointers", &keys.pointers);
        self.names("/masks/names", &keys.names);
        self.headers("/masks/headers", &keys.headers);
        self.names("/masks/query", &keys.query);
        MaskNames {
            pointers: keys.pointers.clone(),
            names: keys.names.clone(),
            headers: keys.headers.clone(),
            query: keys.query.clone(),
        }
    }

    fn pointers(&mut self, list: &str, pointers: &[String]) {
        let is_pointer =
            |pointer: &str| pointer.starts_with('/') && !pointer.replace("~0", "").replace("~1", "").contains('~');
        self.refuse_unless(list, pointers, is_pointer, "is not a JSON Pointer", POINTER_HELP);
    }

    fn headers(&mut self, list: &str, headers: &[String]) {
        // a token (RFC 9110 section 5.6.2)
        let is_header = |name: &str| {
            !name.is_empty()
                && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
        };
        self.refuse_unless(list, headers, is_header, "is not a header name", HEADER_HELP);
    }

    fn names(&mut self, list: &str, names: &[String]) {
        self.refuse_unless(list, names, |name| !name.is_empty(), "is empty", "write a name, or remove the entry");
    }

    fn refuse_unless(&mut self, list: &str, all: &[String], fits: impl Fn(&str) -> bool, what: &str, help: &str) {
        for (position, one) in all.iter().enumerate().filter(|(_, one)| !fits(one)) {
            self.refuse(&Setting::in_file(one, format!("{list}/{position}")), what, help);
        }
    }
}
