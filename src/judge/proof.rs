//! The proof that a contract lets the judge refuse what the gateway exists to refuse: asked of the compiled bundle.

use super::{Bundle, PolicyText, decide};
use crate::contract::credential::Environment;
use crate::contract::strictness::Strictness;
use crate::contract::{Contract, FAMILY_ROUTES, GUARDED_ROUTES, GuardedRoute, Routed};
use crate::peer::Client;
use crate::policy::{Attributes, Instance};
use bytes::Bytes;
use http::HeaderMap;
use std::sync::Arc;
use std::time::SystemTime;

/// The harm: a password is set without the checks.
const HARM: &[u8] = br#"{"skip_password_checks":true}"#;

/// The errors of a contract by which the harm would pass, with the shipped policy in force and nothing configured.
pub fn prove(contract: &Arc<Contract>) -> Vec<String> {
    let policy = PolicyText {
        file: "no-skip-password-checks.yaml".into(),
        text: include_str!("../../policies/no-skip-password-checks.yaml").to_owned(),
    };
    let bundle = match Bundle::compile(contract.clone(), &[policy], Strictness::default()) {
        Ok(bundle) => bundle,
        // the first error suffices: all are consequences of what the contract does not declare
        Err(errors) => {
            let first = errors.0.first().map(|error| error.message.clone()).unwrap_or_default();
            return vec![format!("the shipped policy `no-skip-password-checks` does not fit the contract: {first}")];
        }
    };
    let routes = GUARDED_ROUTES.iter().chain(&FAMILY_ROUTES);
    let asked = routes.flat_map(|route| contract.versions().iter().map(move |version| (route, version)));
    let passing = asked.filter(|(route, version)| !refuses(&bundle, route, version));
    let passing = passing.map(|(GuardedRoute { method, sample, .. }, version)| {
        format!(
            "`{method} {sample}` with `skip_password_checks` would pass in {version}, with the shipped policy in force"
        )
    });
    passing.collect()
}

/// Whether a request with the harm on `route` is refused.
fn refuses(bundle: &Bundle, route: &GuardedRoute, version: &str) -> bool {
    let (operation, parameters) = match bundle.route(route.method, route.sample, Some(version)) {
        Routed::Operation(operation, parameters) => (operation, parameters),
        routed => return matches!(routed, Routed::Ambiguous),
    };
    if bundle.inspection(&operation).is_none() {
        return false;
    }
    let attributes = Attributes {
        method: route.method,
        path: route.sample,
        parameters: &parameters,
        query: "",
        headers: &HeaderMap::new(),
        environment: Environment::Production,
        key_fingerprint: None,
        instance: &Instance::UNNAMED,
        client: &Client::default(),
        // no clock: the policy does not read it
        time: SystemTime::UNIX_EPOCH,
    };
    decide(bundle, &operation, &attributes, Bytes::from_static(HARM), &mut ()).verdict.is_err()
}

#[cfg(test)]
mod tests {
    use super::prove;
    use crate::contract::{Contract, ContractText, ContractTexts};
    use std::sync::Arc;

    fn proven(change: impl Fn(&str) -> String) -> Vec<String> {
        let mut texts = ContractTexts::built_in();
        texts.overlay = None;
        let texts = texts.versions.iter().map(|text| ContractText { text: change(&text.text).into(), ..text.clone() });
        match Contract::load(&ContractTexts { versions: texts.collect(), overlay: None }, "2026-05-12") {
            Ok(contract) => prove(&Arc::new(contract)),
            Err(error) => vec![error.to_string()],
        }
    }

    #[test]
    fn the_built_in_contract_refuses_the_harm() {
        assert!(prove(&Arc::new(Contract::built_in("2026-05-12").expect("valid"))).is_empty());
        assert!(proven(str::to_owned).is_empty());
    }

    #[test]
    fn a_contract_by_which_the_harm_would_pass_is_refused() {
        // an open schema that does not declare the field: the policy cannot read it
        let undeclared = |text: &str| text.replace("skip_password_checks", "skip_checks");
        assert!(proven(undeclared)[0].contains("does not fit the contract"));
        // metadata operations without a closed body, which no policy reads
        let open = |text: &str| {
            let lines = text.lines().map(|line| {
                let is_metadata = line.contains("\"UpdateUserMetadata\"");
                if is_metadata { line.replace("\"additionalProperties\":false,", "") } else { line.to_owned() }
            });
            lines.collect::<Vec<_>>().join("\n")
        };
        let found = proven(open);
        assert!(found[0].starts_with("`PATCH /v1/users/user_0/metadata` with `skip_password_checks` would pass"));
        // a user of the Platform API is created by an operation that the policy does not name
        let renamed = |text: &str| {
            let path = "/v1/platform/applications/{applicationID}/instances/{envOrInsID}/users";
            text.replace(path, "/v1/platform/moved").replace("/v1/platform/domain_intents", path)
        };
        let found = proven(renamed);
        assert!(found.iter().any(|error| error.contains("`POST /v1/platform")), "{found:?}");
    }
}
