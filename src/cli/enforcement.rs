//! What a bundle enforces, as `check` shows it.

use super::table::{comma_list, table};
use crate::contract::strictness::Mode;
use crate::contract::{INSPECTED, VersionSpec};
use crate::judge::{Bundle, ShadowChange};
use crate::policy::{Action, Limit, Scope, Waiver};
use std::collections::BTreeSet;
use std::fmt::{self, Display, Formatter};
use std::sync::Arc;
use std::time::SystemTime;

/// What a bundle enforces. `Display` writes it over several lines, without a last line break.
pub(super) struct Enforcement<'b> {
    pub(super) bundle: &'b Bundle,
    /// In columns of the terminal.
    pub(super) width: usize,
    /// For the time that waivers have left.
    pub(super) now: SystemTime,
}

impl Display for Enforcement<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let policies = &self.bundle.policies;
        let contract = &self.bundle.contract;
        let versions = contract.versions().iter().chain(contract.families()).map(AsRef::as_ref);
        let versions = comma_list(15, self.width, versions);
        writeln!(f, "  contract     {versions}")?;
        writeln!(f, "  by default   {}", contract.default_version())?;
        write!(f, "  validated    {} operations", self.bundle.count_inspected(Mode::Enforce))?;
        let audited = self.bundle.count_inspected(Mode::Audit);
        if audited > 0 {
            write!(f, ", {audited} more are audited")?;
        }
        write!(f, "\n  revision     {}", self.bundle.revision)?;
        self.shadow(f)?;
        // by method and path: an id may be at another path than the reader believes
        for (at, (operation, route)) in self.guards().into_iter().enumerate() {
            let head = if at == 0 { "guards" } else { "" };
            write!(f, "\n  {head:<12} {route:<35} {operation}")?;
        }
        for (at, specs) in self.specs().iter().enumerate() {
            let head = if at == 0 { "made from" } else { "" };
            write!(f, "\n  {head:<12} {}", comma_list(15, self.width, specs.iter().map(String::as_str)))?;
        }
        if policies.all().is_empty() {
            write!(f, "\n  policies     none: the contract alone is enforced")?;
        }
        let rows = policies.all().iter().map(|policy| {
            let (owner, scope) = (policy.owner.as_deref(), &policy.scope);
            vec![policy.name.to_string(), action(policy.action), environments(scope), operations(scope), text(owner)]
        });
        self.table(f, &["policy", "action", "environments", "operations", "owner"], rows)?;
        let rows = policies.limits().iter().map(|limit| {
            let (owner, scope) = (limit.owner.as_deref(), &limit.scope);
            let mut row = vec![limit.name.to_string(), action(limit.action), allowance(limit), environments(scope)];
            row.extend([operations(scope), text(owner)]);
            row
        });
        self.table(f, &["limit", "action", "allows", "environments", "operations", "owner"], rows)?;
        let rows = policies.waivers().map(|waiver| {
            let cells =
                [&waiver.name, &waiver.policy, &waiver.owner, &waiver.ticket].map(std::string::ToString::to_string);
            cells.into_iter().chain([waiver.expires.to_string(), time_left(waiver, self.now)]).collect()
        });
        self.table(f, &["waiver", "policy", "owner", "ticket", "expires", "left"], rows)
    }
}

impl Enforcement<'_> {
    /// The policies of the shadow bundle that differ from those in force, by change.
    fn shadow(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Some(shadow) = self.bundle.shadow() else { return Ok(()) };
        let changes = self.bundle.shadow_changes();
        let nothing = if changes.is_empty() { ", the same policies" } else { "" };
        write!(f, "\n  shadow       {}{nothing}", shadow.revision)?;
        for change in ShadowChange::ALL {
            let mut names = changes.iter().filter(|(_, of)| **of == change).map(|(name, _)| name.as_ref()).peekable();
            if names.peek().is_some() {
                write!(f, "\n  {:<12} {:<8} {}", "", change.as_str(), comma_list(24, self.width, names))?;
            }
        }
        Ok(())
    }

    /// The operations that are always inspected, each with its method and path.
    fn guards(&self) -> BTreeSet<(Arc<str>, String)> {
        let operations = self.bundle.contract.operations().into_iter();
        let inspected = operations.filter(|operation| INSPECTED.contains(&operation.id.as_ref()));
        inspected.map(|it| (it.id.clone(), format!("{} {}", it.method, it.path))).collect()
    }

    /// The specs of the contract, those of a day together, the newest version first: version and digest of each.
    fn specs(&self) -> Vec<Vec<String>> {
        let mut days: Vec<(String, Vec<String>)> = Vec::new();
        for VersionSpec { version, spec, .. } in self.bundle.contract.sources().into_iter().rev() {
            let (day, spec) = match spec {
                Some(spec) => (spec.date.into_string(), format!("{version} (sha256 {:.12})", spec.sha256)),
                None => ("an unknown day".to_owned(), version.to_string()),
            };
            match days.iter_mut().find(|(known, _)| *known == day) {
                Some((_, specs)) => specs.push(spec),
                None => days.push((day.clone(), vec![format!("{day}: {spec}")])),
            }
        }
        days.into_iter().map(|(_, specs)| specs).collect()
    }

    fn table(&self, f: &mut Formatter<'_>, head: &[&str], rows: impl Iterator<Item = Vec<String>>) -> fmt::Result {
        let rows: Vec<_> = rows.collect();
        if rows.is_empty() {
            return Ok(());
        }
        let head = head.iter().copied().map(str::to_owned).collect();
        write!(f, "\n\n{}", table(2, &std::iter::once(head).chain(rows).collect::<Vec<_>>(), self.width))
    }
}

fn action(action: Action) -> String {
    // the spelling of `actions` in policy files
    format!("{action:?}")
}

fn environments(scope: &Scope) -> String {
    match scope.environments.iter().map(ToString::to_string).collect::<Vec<_>>() {
        all if all.is_empty() => "all".to_owned(),
        named => named.join(", "),
    }
}

fn operations(scope: &Scope) -> String {
    scope.operations.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn text(owner: Option<&str>) -> String {
    owner.unwrap_or("-").to_owned()
}

/// What a limit allows, such as `30 per 1m, 2 at once`, or `100 per 1m by cost`.
fn allowance(limit: &Limit) -> String {
    let by = if limit.cost().is_some() { " by cost" } else { "" };
    let rate = limit.rate.as_ref().map(|rate| format!("{} per {}{by}", rate.events, rate.written));
    let concurrent = limit.in_flight.map(|most| format!("{most} at once"));
    rate.into_iter().chain(concurrent).collect::<Vec<_>>().join(", ")
}

fn time_left(waiver: &Waiver, now: SystemTime) -> String {
    if waiver.expires.is_past(now) {
        return "over".to_owned();
    }
    // rounded down: a waiver must not seem to last longer than it does
    match format!("{:.0}", waiver.expires.days_left(now).floor()).as_str() {
        "0" => "less than a day".to_owned(),
        "1" => "1 day".to_owned(),
        days => format!("{days} days"),
    }
}
