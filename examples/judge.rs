//! From bytes to a decision: judges two bodies with a shipped policy and Clerk's contract. No server, no network.
//!
//! `cargo run --example judge`

use bytes::Bytes;
use http::HeaderMap;
use portcullis::contract::credential::Environment;
use portcullis::contract::strictness::Strictness;
use portcullis::contract::{Contract, Routed};
use portcullis::judge::{Bundle, PolicyText, decide};
use portcullis::peer::Client;
use portcullis::policy::{Attributes, Instance};
use std::error::Error;
use std::io::Write;
use std::time::SystemTime;

pub(crate) fn main() -> Result<(), Box<dyn Error>> {
    run(&mut std::io::stdout())
}

/// Writes the decision on each body to `output`.
pub(crate) fn run(output: &mut impl Write) -> Result<(), Box<dyn Error>> {
    // A bundle is a contract with the policies that were compiled against it: a policy that names a field which the
    // operation does not have is an error here, and not at the first request.
    let policy = PolicyText {
        file: "no-skip-password-checks.yaml".into(),
        text: include_str!("../policies/no-skip-password-checks.yaml").to_owned(),
    };
    let bundle = Bundle::compile(Contract::built_in("2026-05-12")?, &[policy], Strictness::default())?;

    // The contract finds the operation. The API version is the one that the request asks for, if any.
    let path = "/v1/users/user_1";
    let Routed::Operation(operation, parameters) = bundle.route("PATCH", path, None) else {
        return Err("no operation of the contract".into());
    };

    // What policies may read besides the body. The judge reads no clock and no environment: the same arguments always
    // give the same judgement.
    let attributes = Attributes {
        method: "PATCH",
        path,
        parameters: &parameters,
        query: "",
        headers: &HeaderMap::new(),
        environment: Environment::Production,
        key_fingerprint: None,
        instance: &Instance::UNNAMED,
        client: &Client::default(),
        time: SystemTime::UNIX_EPOCH,
    };
    for body in [r#"{"first_name":"Ada"}"#, r#"{"first_name":"Ada","skip_password_checks":true}"#] {
        // The last argument watches the judge at work; `()` watches nothing and costs nothing.
        let judgement = decide(&bundle, &operation, &attributes, Bytes::from_static(body.as_bytes()), &mut ());
        match judgement.verdict {
            // A permit carries the bytes that were judged, so that nothing else can be forwarded by it.
            Ok(permit) => {
                let bytes = permit.judged_body().map_or(0, Bytes::len);
                writeln!(output, "allow: {bytes} bytes may be forwarded")?;
            }
            Err(reason) => writeln!(output, "deny: {}", reason.as_str())?,
        }
        for violation in &judgement.violations {
            writeln!(output, "  {}", violation.message)?;
        }
    }
    Ok(())
}
