//! What `run` prints once the gateway accepts requests: where it listens, how much it enforces, and requests to try.

use crate::app::{PolicyOrigin, Started};
use crate::config::gateway::UpstreamTarget;
use crate::policy::{Action, Policies};
use crate::server::ListenerAddress;
use anstyle::{AnsiColor, Effects, Style};
use std::fmt::{self, Display, Formatter};
use std::net::SocketAddr;

/// A user that the sandbox has from the start.
const USER: &str = "user_portcullis_ada";

const TITLE: Style = Style::new().effects(Effects::BOLD);
const LOUD: Style = AnsiColor::Yellow.on_default().effects(Effects::BOLD);

/// What `run` prints once the gateway accepts requests. `Display` writes it over several lines of at most 80 columns, styled,
/// and without a last line break.
pub(super) struct Banner<'a>(pub(super) Started<'a>);

impl Display for Banner<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Started { listen, upstream, proxy, admin, bundle, origin } = &self.0;
        writeln!(f, "{TITLE}portcullis {}{TITLE:#}", env!("CARGO_PKG_VERSION"))?;
        for (position, endpoint) in listen.iter().enumerate() {
            writeln!(f, "  {:<11}  {endpoint}", if position == 0 { "listens on" } else { "" })?;
        }
        writeln!(f, "  forwards to  {}", url(upstream))?;
        if let Some(proxy) = proxy {
            writeln!(f, "  by proxy     {proxy}")?;
        }
        match admin {
            Some(admin) => writeln!(f, "  admin        http://{admin}")?,
            None => writeln!(f, "  admin        off")?,
        }
        writeln!(f, "  enforces     {}", Counts(&bundle.policies))?;
        if *origin == PolicyOrigin::BuiltIn {
            writeln!(f, "               built-in; `portcullis init DIR` writes them to a folder")?;
        }
        write!(f, "  revision     {}", bundle.revision)?;
        if let Some(shadow) = bundle.shadow() {
            write!(f, "\n  shadow       {}, which refuses nothing", shadow.revision)?;
        }
        // the examples change users: they are for the sandbox only, never for a real instance
        if **upstream != UpstreamTarget::Embedded {
            return Ok(());
        }
        write!(f, "\n\n{LOUD}The upstream is a sandbox, NOT Clerk: its users are made up, in memory.{LOUD:#}")?;
        // `curl` would need a CA file or the socket's path for the other listeners
        let plain = listen.iter().find_map(|endpoint| match endpoint {
            ListenerAddress::Http(address) => Some(*address),
            ListenerAddress::Https(_) | ListenerAddress::Unix(_) => None,
        });
        plain.map_or(Ok(()), |address| write!(f, "\n\n{}", Examples(address)))
    }
}

/// `23 policies: 2 deny, 1 warn, 20 audit; 3 limits`.
struct Counts<'p>(&'p Policies);

impl Display for Counts<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (policies, limits, waivers) = (self.0.all(), self.0.limits().len(), self.0.waivers().count());
        if policies.is_empty() {
            write!(f, "the contract alone: no policy")?;
        } else {
            write!(f, "{}", count_text(policies.len(), "policy", "policies"))?;
            let actions = [Action::Deny, Action::Warn, Action::Audit].map(|action| {
                let count = policies.iter().filter(|policy| policy.action == action).count();
                (count > 0).then(|| format!("{count} {}", action.as_str()))
            });
            write!(f, ": {}", actions.into_iter().flatten().collect::<Vec<_>>().join(", "))?;
        }
        for (count, one, many) in [(limits, "limit", "limits"), (waivers, "waiver", "waivers")] {
            if count > 0 {
                write!(f, "; {}", count_text(count, one, many))?;
            }
        }
        Ok(())
    }
}

fn count_text(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

fn url(upstream: &UpstreamTarget) -> String {
    match upstream {
        UpstreamTarget::Embedded => "the built-in sandbox".to_owned(),
        UpstreamTarget::Url { .. } | UpstreamTarget::Unix { .. } => upstream.to_string(),
    }
}

/// Requests to try on the sandbox, to be pasted into a shell.
struct Examples(SocketAddr);

impl Display for Examples {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let refused = r#"{"skip_password_checks":true}"#;
        let examples = [
            ("allowed", "sk_live_portcullis", r#"{"first_name":"Ada"}"#),
            ("refused in production", "sk_live_portcullis", refused),
            // the same body with another key: it shows that policies depend on the environment
            ("allowed in development", "sk_test_portcullis", refused),
        ];
        write!(f, "Try:")?;
        examples.iter().try_for_each(|(outcome, key, body)| {
            // broken over lines, as one that wraps in a terminal is hard to copy; `--json` is not in the curl of every system
            write!(f, "\n  # {outcome}")?;
            write!(f, "\n  curl -i -X PATCH http://{}/v1/users/{USER} \\", self.0)?;
            write!(f, "\n    -H 'Authorization: Bearer {key}' \\")?;
            write!(f, "\n    -H 'Content-Type: application/json' -d '{body}'")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Banner;
    use crate::app::{POLICIES, PolicyOrigin, Started};
    use crate::config::gateway::{ProxySource, UpstreamProxy, UpstreamTarget};
    use crate::contract::Contract;
    use crate::contract::strictness::Strictness;
    use crate::judge::{Bundle, PolicyText};
    use crate::server::ListenerAddress;
    use crate::transport::EgressProxy;

    fn bundle(names: &[&str]) -> Bundle {
        let shipped = POLICIES.iter().filter(|policy| names.contains(&policy.name));
        let texts = shipped.map(|it| PolicyText { file: it.name.into(), text: it.policy.to_owned() });
        let contract = Contract::built_in("2026-05-12").unwrap();
        Bundle::compile(contract, &texts.collect::<Vec<_>>(), Strictness::default()).unwrap()
    }

    fn plain(started: Started<'_>) -> String {
        let styled = Banner(started).to_string();
        let text = anstream::adapter::strip_str(&styled).to_string();
        assert!(styled.contains('\u{1b}') && text.lines().all(|line| line.chars().count() <= 80), "{text}");
        text.replace(&*started.bundle.revision, "REVISION")
    }

    #[test]
    fn the_sandbox_is_announced_with_requests_to_try() {
        let bundle = bundle(&["no-skip-password-checks", "metadata-size", "limit-password-changes"]);
        let started = Started {
            listen: &[ListenerAddress::Http("127.0.0.1:8787".parse().unwrap())],
            upstream: &UpstreamTarget::Embedded,
            proxy: None,
            admin: Some("127.0.0.1:9465".parse().unwrap()),
            bundle: &bundle,
            origin: PolicyOrigin::BuiltIn,
        };
        insta::assert_snapshot!(plain(started), @r#"
        portcullis 0.1.0
          listens on   http://127.0.0.1:8787
          forwards to  the built-in sandbox
          admin        http://127.0.0.1:9465
          enforces     2 policies: 1 deny, 1 warn; 1 limit
                       built-in; `portcullis init DIR` writes them to a folder
          revision     REVISION

        The upstream is a sandbox, NOT Clerk: its users are made up, in memory.

        Try:
          # allowed
          curl -i -X PATCH http://127.0.0.1:8787/v1/users/user_portcullis_ada \
            -H 'Authorization: Bearer sk_live_portcullis' \
            -H 'Content-Type: application/json' -d '{"first_name":"Ada"}'
          # refused in production
          curl -i -X PATCH http://127.0.0.1:8787/v1/users/user_portcullis_ada \
            -H 'Authorization: Bearer sk_live_portcullis' \
            -H 'Content-Type: application/json' -d '{"skip_password_checks":true}'
          # allowed in development
          curl -i -X PATCH http://127.0.0.1:8787/v1/users/user_portcullis_ada \
            -H 'Authorization: Bearer sk_test_portcullis' \
            -H 'Content-Type: application/json' -d '{"skip_password_checks":true}'
        "#);
    }

    #[test]
    fn a_real_upstream_has_no_requests_to_try() {
        let proxy = EgressProxy::parse("http://user:word@proxy:3128").unwrap();
        let proxy = UpstreamProxy { proxy, source: ProxySource::Variable("HTTPS_PROXY") };
        let started = Started {
            listen: &[
                ListenerAddress::Http("127.0.0.1:8787".parse().unwrap()),
                ListenerAddress::Https("[::1]:8787".parse().unwrap()),
                ListenerAddress::Unix("/run/portcullis.sock".into()),
            ],
            upstream: &UpstreamTarget::Url { tls: true, host: "api.clerk.com".to_owned(), port: 443 },
            proxy: Some(&proxy),
            admin: None,
            bundle: &bundle(&[]),
            origin: PolicyOrigin::Files,
        };
        insta::assert_snapshot!(plain(started), @"
        portcullis 0.1.0
          listens on   http://127.0.0.1:8787
                       https://[::1]:8787
                       unix:/run/portcullis.sock
          forwards to  https://api.clerk.com:443
          by proxy     http://proxy:3128 (HTTPS_PROXY)
          admin        off
          enforces     the contract alone: no policy
          revision     REVISION
        ");
    }
}
