//! The rule against skipping the password checks, under the built-in contract.

use portcullis::contract::Contract;
use portcullis::contract::strictness::{Strictness, UnknownFields};
use portcullis::judge::{Bundle, PolicyText};
use std::sync::OnceLock;

pub fn shipped() -> &'static Bundle {
    static BUNDLE: OnceLock<Bundle> = OnceLock::new();
    BUNDLE.get_or_init(|| {
        let text = include_str!("../../../policies/no-skip-password-checks.yaml").to_owned();
        let texts = [PolicyText { file: "policy.yaml".into(), text }];
        // the rule alone must hold, without the help of the one against unknown fields
        let strictness = Strictness { unknown_fields: UnknownFields::Allow, ..Strictness::default() };
        let contract = Contract::built_in("2026-05-12").expect("the built-in contract");
        Bundle::compile(contract, &texts, strictness).expect("a shipped policy")
    })
}
