//! What is valid and yet likely an error.

use super::{Configuration, SourceTexts, descriptors};
use crate::config::gateway::{Gateway, ListenAddress, TlsFiles};
use crate::diagnostic::Diagnostic;
use crate::judge::{Bundle, RuleLints};
use crate::policy::{Action, Instance, ProvableIdentity};
use std::collections::BTreeSet;
use std::time::SystemTime;

/// What `check` warns of: the warnings of a start, and what linters find in the policies of `bundle`, which are `texts`. `rules` is what
/// they found in each rule by itself. `provable` is what its listeners can prove of clients, and `instance` what it is called; `None` if
/// neither is known.
pub(super) fn lints(
    configuration: &Configuration,
    (bundle, rules): (&Bundle, &RuleLints),
    texts: &SourceTexts,
    provable: ProvableIdentity,
    instance: Option<&Instance>,
) -> Vec<Diagnostic> {
    let bundles = || [Some(bundle), bundle.shadow()].into_iter().flatten();
    let now = SystemTime::now();
    let of_shadow = bundle.shadow().map(|shadow| shadow.lints(now, provable));
    let of_policies = bundle.lints_with(rules, now, provable).into_iter().chain(of_shadow.into_iter().flatten());
    let of_instance =
        instance.into_iter().flat_map(|instance| bundles().flat_map(|bundle| bundle.lint_instance(instance)));
    let of_start = start_warnings(&configuration.gateway, texts);
    of_start
        .into_iter()
        .chain(unprotected_rules(&configuration.gateway, bundle))
        .chain(of_policies)
        .chain(of_instance)
        .collect()
}

/// What the listeners of `gateway` can prove of a client.
pub fn provable_identity(gateway: &Gateway) -> ProvableIdentity {
    let verifies = |tls: &TlsFiles| tls.client_ca_file.is_some();
    ProvableIdentity {
        certificate: gateway.listen.iter().any(|listener| listener.tls.as_ref().is_some_and(verifies)),
        unix_user: gateway.listen.iter().any(|listener| matches!(listener.address, ListenAddress::Unix { .. })),
    }
}

/// Entries of `removed` that are in force: a reload that loses them by mistake would not be refused.
fn unprotected_rules(gateway: &Gateway, bundle: &Bundle) -> Vec<Diagnostic> {
    let rules = bundle.policies.all().iter().map(|it| (&it.name, it.action));
    let limits = bundle.policies.limits().iter().map(|it| (&it.name, it.action));
    let denying: BTreeSet<&str> =
        rules.chain(limits).filter(|(_, action)| *action == Action::Deny).map(|(name, _)| name.as_ref()).collect();
    let removed = gateway.removal_rules.removed.iter().enumerate();
    let in_force = removed.filter(|(_, name)| denying.contains(name.as_str()));
    let warning = |(position, name): (usize, &String)| {
        let message = format!("`{name}` is in `removed`, and denies: a reload may lose it");
        let warning = gateway.source.at(&format!("/removed/{position}"), message);
        warning.with_help("remove the entry once the change of the policy is loaded")
    };
    in_force.map(warning).collect()
}

/// What a start warns of: settings that do not fit each other or this machine, and files that look like policies and are not read.
pub fn start_warnings(gateway: &Gateway, texts: &SourceTexts) -> Vec<Diagnostic> {
    let of_settings = gateway.warnings.iter().cloned();
    let descriptors = descriptors::hard_limit().and_then(|limit| descriptors::misfit(&gateway.limits, limit));
    let help = "raise the limit (`ulimit -n`, `LimitNOFILE`), or lower `limits.connections`";
    let descriptors = descriptors.map(|what| gateway.source.at("/limits/connections", what).with_help(help));
    of_settings.chain(descriptors).chain(texts.unread.iter().cloned()).collect()
}
