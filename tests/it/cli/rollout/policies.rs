//! Policies on their way from shadow to enforcement.

use portcullis::judge::PolicyText;
use std::fs;
use std::path::PathBuf;
use tempfile::TempDir;

const GATEWAY: &str = "apiVersion: portcullis/v1\nkind: Gateway\nupstream: { url: embedded }\npolicies: [policies]\ncontract: { defaultApiVersion: \"2026-05-12\" }\n";

/// A policy of one validation.
pub(super) struct Rule {
    pub(super) name: &'static str,
    pub(super) operation: &'static str,
    pub(super) action: &'static str,
    pub(super) condition: &'static str,
    pub(super) expression: &'static str,
    pub(super) field: &'static str,
}

pub(super) const RULE: Rule =
    Rule { name: "", operation: "UpdateUser", action: "Audit", condition: "", expression: "", field: "" };

/// Some in shadow mode, and some that deny.
pub(super) const SHADOW: [Rule; 6] = [
    Rule { name: "no-skips", expression: "body.skip_password_checks != true", field: "skip_password_checks", ..RULE },
    Rule {
        name: "legal",
        action: "Warn",
        expression: "body.skip_legal_checks != true",
        field: "skip_legal_checks",
        ..RULE
    },
    Rule {
        name: "crm-ids",
        expression: "body.external_id == null || body.external_id.startsWith('crm_')",
        field: "external_id",
        ..RULE
    },
    Rule {
        name: "migration",
        condition: "request.headers['x-migration'] != null",
        expression: "body.username == null",
        field: "username",
        ..RULE
    },
    Rule {
        name: "names",
        action: "Deny",
        expression: "body.first_name == null || size(body.first_name) <= 8",
        field: "first_name",
        ..RULE
    },
    Rule {
        name: "bans",
        operation: "BanUser",
        action: "Deny",
        expression: "instance.environment == 'development'",
        ..RULE
    },
];

impl Rule {
    fn text(&self) -> String {
        let Self { name, operation, action, condition, expression, field } = self;
        let condition = match *condition {
            "" => String::new(),
            _ => format!("  matchConditions: [{{ name: migrates, expression: \"{condition}\" }}]\n"),
        };
        let field = if field.is_empty() { String::new() } else { format!("      field: {field}\n") };
        format!(
            "apiVersion: portcullis/v1\nkind: RequestPolicy\nmetadata: {{ name: {name} }}\nspec:\n  \
             match: {{ operations: [{operation}] }}\n{condition}  validations:\n    - expression: \"{expression}\"\n{field}      \
             message: no\n  actions: [{action}]\n"
        )
    }
}

/// Their files.
pub(super) fn written(rules: &[Rule]) -> Vec<PolicyText> {
    let mut rules: Vec<_> = rules.iter().collect();
    rules.sort_by_key(|rule| rule.name);
    let text =
        |rule: &&Rule| PolicyText { file: PathBuf::from(format!("policies/{}.yaml", rule.name)), text: rule.text() };
    rules.iter().map(text).collect()
}

/// A folder with a gateway that has them.
pub(super) fn folder(rules: &[Rule]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("policies")).unwrap();
    fs::write(folder.path().join("gateway.yaml"), GATEWAY).unwrap();
    for PolicyText { file, text } in written(rules) {
        fs::write(folder.path().join(file), text).unwrap();
    }
    folder
}
