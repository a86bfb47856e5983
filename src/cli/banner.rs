//! What the gateway says of itself at start: where it listens, what it enforces, and how to see that it does.

use super::columns::columns;
use crate::config::gateway::UpstreamTarget;
use crate::policy::Waiver;
use crate::server::ListenerAddress;
use std::fmt::{self, Display, Formatter};
use std::net::SocketAddr;
use std::time::SystemTime;

/// A user that the built-in stand-in has from the start.
const USER: &str = "user_portcullis_ada";

const BOLD: &str = "\u{1b}[1m";
const LOUD: &str = "\u{1b}[1;33m";
const PLAIN: &str = "\u{1b}[0m";

/// Everything the gateway says of itself at start. `Display` writes it, over several lines and without a last line break.
#[derive(Clone, Debug)]
pub struct Banner<'a> {
    /// Where it listens, with the ports it got.
    pub listen: &'a [ListenerAddress],
    /// Where requests go.
    pub upstream: &'a UpstreamTarget,
    /// Address of the admin listener.
    pub admin: Option<SocketAddr>,
    /// What it enforces.
    pub enforced: &'a Enforced,
    /// Whether to write terminal escapes.
    pub color: bool,
}

/// What a gateway enforces. `Display` writes it as `portcullis check` shows it.
#[derive(Clone, Debug)]
pub struct Enforced {
    /// The revision of policies and contract.
    pub revision: String,
    /// The API versions of the contract.
    pub api_versions: Vec<String>,
    /// How many operations have their bodies held against the contract, those that are only audited aside.
    pub validated: usize,
    /// How many operations are only audited.
    pub audited: usize,
    /// The policies, in the order they are told.
    pub policies: Vec<PolicyRow>,
    /// The limits, in the order they are told.
    pub limits: Vec<LimitRow>,
    /// What is let through of what policies would refuse.
    pub waivers: Vec<WaiverRow>,
}

/// One limit, as a row of the table.
#[derive(Clone, Debug)]
pub struct LimitRow {
    /// What it has in common with a policy.
    pub row: PolicyRow,
    /// What it lets pass, such as `30 per 1m`.
    pub allows: String,
}

/// One policy, as a row of the table.
#[derive(Clone, Debug)]
pub struct PolicyRow {
    /// Its `metadata.name`.
    pub name: String,
    /// What happens when it does not hold.
    pub action: String,
    /// Where it applies.
    pub environments: Vec<String>,
    /// To what it applies.
    pub operations: Vec<String>,
    /// Who owns it.
    pub owner: Option<String>,
}

impl PolicyRow {
    fn cells(&self) -> Vec<String> {
        let owner = self.owner.clone().unwrap_or_else(|| "-".to_owned());
        vec![self.name.clone(), self.action.clone(), self.environments.join(","), self.operations.join(","), owner]
    }
}

impl LimitRow {
    fn cells(&self) -> Vec<String> {
        let mut cells = self.row.cells();
        cells.insert(2, self.allows.clone());
        cells
    }
}

/// One waiver, as a row of the table.
#[derive(Clone, Debug)]
pub struct WaiverRow {
    /// Its `metadata.name`.
    pub name: String,
    /// The policy.
    pub policy: String,
    /// Who answers for it.
    pub owner: String,
    /// Where it was granted.
    pub ticket: String,
    /// When it ends.
    pub expires: String,
    /// How long it still has.
    pub left: String,
}

impl WaiverRow {
    /// The waiver as it is at `now`.
    pub fn at(waiver: &Waiver, now: SystemTime) -> Self {
        let left = if waiver.expires.is_past(now) {
            "over".to_owned()
        } else {
            match format!("{:.0}", waiver.expires.days_left(now).floor()).as_str() {
                "0" => "less than a day".to_owned(),
                "1" => "1 day".to_owned(),
                days => format!("{days} days"),
            }
        };
        Self {
            name: waiver.name.to_string(),
            policy: waiver.policy.to_string(),
            owner: waiver.owner.to_string(),
            ticket: waiver.ticket.to_string(),
            expires: waiver.expires.to_string(),
            left,
        }
    }

    fn cells(&self) -> Vec<String> {
        [&self.name, &self.policy, &self.owner, &self.ticket, &self.expires, &self.left].map(Clone::clone).to_vec()
    }
}

impl Display for Banner<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (bold, loud, plain) = if self.color { (BOLD, LOUD, PLAIN) } else { ("", "", "") };
        writeln!(f, "{bold}portcullis {}{plain}", env!("CARGO_PKG_VERSION"))?;
        let listen: Vec<_> = self.listen.iter().map(ListenerAddress::to_string).collect();
        writeln!(f, "  listens on   {}", listen.join(", "))?;
        writeln!(f, "  forwards to  {}", target(self.upstream))?;
        match self.admin {
            Some(admin) => writeln!(f, "  admin        http://{admin}")?,
            None => writeln!(f, "  admin        off")?,
        }
        write!(f, "{}", self.enforced)?;
        if *self.upstream != UpstreamTarget::Embedded {
            return Ok(());
        }
        write!(
            f,
            "\n\n{loud}The upstream is the built-in stand-in, NOT Clerk: users are made up and kept in memory.{plain}"
        )?;
        let plain = self.listen.iter().find_map(|endpoint| match endpoint {
            ListenerAddress::Http(address) => Some(*address),
            ListenerAddress::Https(_) | ListenerAddress::Unix(_) => None,
        });
        plain.map_or(Ok(()), |address| write!(f, "\n\n{}", Tries(address)))
    }
}

impl Display for Enforced {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "  contract     {}", self.api_versions.join(", "))?;
        write!(f, "  validated    {} operations", self.validated)?;
        if self.audited > 0 {
            write!(f, ", {} more are audited", self.audited)?;
        }
        write!(f, "\n  revision     {}", self.revision)?;
        if self.policies.is_empty() {
            write!(f, "\n  policies     none: the contract alone is enforced")?;
        } else {
            let head = ["policy", "action", "environments", "operations", "owner"];
            table(f, &head, self.policies.iter().map(PolicyRow::cells))?;
        }
        if !self.limits.is_empty() {
            let head = ["limit", "action", "allows", "environments", "operations", "owner"];
            table(f, &head, self.limits.iter().map(LimitRow::cells))?;
        }
        if self.waivers.is_empty() {
            return Ok(());
        }
        let head = ["waiver", "policy", "owner", "ticket", "expires", "left"];
        table(f, &head, self.waivers.iter().map(WaiverRow::cells))
    }
}

fn table(f: &mut Formatter<'_>, head: &[&str], rows: impl Iterator<Item = Vec<String>>) -> fmt::Result {
    let head = head.iter().copied().map(str::to_owned).collect();
    write!(f, "\n\n{}", columns("  ", &std::iter::once(head).chain(rows).collect::<Vec<_>>()))
}

fn target(upstream: &UpstreamTarget) -> String {
    match upstream {
        UpstreamTarget::Embedded => "the built-in stand-in".to_owned(),
        UpstreamTarget::Url { tls, host, port } => {
            let host = if host.contains(':') { format!("[{host}]") } else { host.clone() };
            format!("{}://{host}:{port}", if *tls { "https" } else { "http" })
        }
    }
}

/// Three requests to try on the stand-in.
struct Tries(SocketAddr);

impl Display for Tries {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let tries = [
            ("passes", "sk_live_portcullis", r#"{"first_name":"Ada"}"#),
            ("is refused in production", "sk_live_portcullis", r#"{"skip_password_checks":true}"#),
            ("passes in development", "sk_test_portcullis", r#"{"skip_password_checks":true}"#),
        ];
        write!(f, "Try:")?;
        tries.iter().try_for_each(|(outcome, key, body)| {
            write!(f, "\n  # {outcome}")?;
            write!(f, "\n  curl -i -X PATCH http://{}/v1/users/{USER} -H 'Authorization: Bearer {key}'", self.0)?;
            write!(f, " -H 'Content-Type: application/json' -d '{body}'")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Banner, Enforced, LimitRow, PolicyRow};
    use crate::config::gateway::UpstreamTarget;
    use crate::server::ListenerAddress;

    fn enforced() -> Enforced {
        let row = |name: &str, action: &str, owner: Option<&str>| PolicyRow {
            name: name.to_owned(),
            action: action.to_owned(),
            environments: vec!["production".to_owned()],
            operations: vec!["CreateUser".to_owned(), "UpdateUser".to_owned()],
            owner: owner.map(str::to_owned),
        };
        Enforced {
            revision: "3f1c9a".to_owned(),
            api_versions: vec!["2025-11-10".to_owned(), "2026-05-12".to_owned()],
            validated: 4,
            audited: 0,
            policies: vec![
                row("no-skip-password-checks", "Deny", Some("identity-security")),
                row("metadata-size", "Warn", None),
            ],
            limits: vec![LimitRow {
                row: row("limit-password-changes", "Deny", Some("identity-security")),
                allows: "30 per 1m, 2 at once".to_owned(),
            }],
            waivers: Vec::new(),
        }
    }

    #[test]
    fn the_stand_in_is_told_loudly_and_comes_with_requests_to_try() {
        let banner = Banner {
            listen: &[ListenerAddress::Http("127.0.0.1:8787".parse().unwrap())],
            upstream: &UpstreamTarget::Embedded,
            admin: Some("127.0.0.1:9465".parse().unwrap()),
            enforced: &enforced(),
            color: false,
        };
        insta::assert_snapshot!(banner, @r#"
        portcullis 0.1.0
          listens on   http://127.0.0.1:8787
          forwards to  the built-in stand-in
          admin        http://127.0.0.1:9465
          contract     2025-11-10, 2026-05-12
          validated    4 operations
          revision     3f1c9a

          policy                   action  environments  operations             owner
          no-skip-password-checks  Deny    production    CreateUser,UpdateUser  identity-security
          metadata-size            Warn    production    CreateUser,UpdateUser  -

          limit                   action  allows                environments  operations             owner
          limit-password-changes  Deny    30 per 1m, 2 at once  production    CreateUser,UpdateUser  identity-security

        The upstream is the built-in stand-in, NOT Clerk: users are made up and kept in memory.

        Try:
          # passes
          curl -i -X PATCH http://127.0.0.1:8787/v1/users/user_portcullis_ada -H 'Authorization: Bearer sk_live_portcullis' -H 'Content-Type: application/json' -d '{"first_name":"Ada"}'
          # is refused in production
          curl -i -X PATCH http://127.0.0.1:8787/v1/users/user_portcullis_ada -H 'Authorization: Bearer sk_live_portcullis' -H 'Content-Type: application/json' -d '{"skip_password_checks":true}'
          # passes in development
          curl -i -X PATCH http://127.0.0.1:8787/v1/users/user_portcullis_ada -H 'Authorization: Bearer sk_test_portcullis' -H 'Content-Type: application/json' -d '{"skip_password_checks":true}'
        "#);
        assert!(Banner { color: true, ..banner }.to_string().contains("\u{1b}[1;33mThe upstream"));
    }

    #[test]
    fn a_real_upstream_comes_without_requests_to_try() {
        let banner = Banner {
            listen: &[
                ListenerAddress::Http("127.0.0.1:8787".parse().unwrap()),
                ListenerAddress::Https("[::1]:8787".parse().unwrap()),
                ListenerAddress::Unix("/run/portcullis.sock".into()),
            ],
            upstream: &UpstreamTarget::Url { tls: true, host: "api.clerk.com".to_owned(), port: 443 },
            admin: None,
            enforced: &Enforced { audited: 105, policies: Vec::new(), limits: Vec::new(), ..enforced() },
            color: false,
        };
        insta::assert_snapshot!(banner, @r"
        portcullis 0.1.0
          listens on   http://127.0.0.1:8787, https://[::1]:8787, unix:/run/portcullis.sock
          forwards to  https://api.clerk.com:443
          admin        off
          contract     2025-11-10, 2026-05-12
          validated    4 operations, 105 more are audited
          revision     3f1c9a
          policies     none: the contract alone is enforced
        ");
    }
}
