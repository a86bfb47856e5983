//! What the shipped rules make of it.

use portcullis::contract::strictness::{Fallthrough, UnknownFields};
use portcullis::judge::{Bundle, PolicyText};
use std::sync::OnceLock;

pub fn shipped() -> &'static Bundle {
    static BUNDLE: OnceLock<Bundle> = OnceLock::new();
    BUNDLE.get_or_init(|| compile(include_str!("../../../policies/no-skip-password-checks.yaml")).expect("a shipped policy"))
}

pub fn compile(text: &str) -> Option<Bundle> {
    let text = PolicyText { file: "policy.yaml".into(), text: text.to_owned() };
    Bundle::compile(&[text], "2026-05-12", UnknownFields::Allow, Fallthrough::Forward).ok()
}
