//! The limit on open files, raised at the start and compared with the limits on connections.

use crate::config::gateway::Limits;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Descriptors for what is no connection of a client or to the upstream: the admin listener and its connections, log files,
/// the exporters, event queues, files that are read on a reload.
const RESERVE: usize = 160;

/// The connections that are enough for anyone who has not set `limits.connections`: its default is lowered without a warning.
const ENOUGH_BY_DEFAULT: usize = 1000;

/// Raises the soft limit of this process to its hard limit. Returns the limit; `None` if there is none.
// the soft limit is for programs that use `select`, whose sets have a fixed size
pub(super) fn raise() -> Option<usize> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current != maximum && setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).is_ok() {
        return to_usize(maximum);
    }
    to_usize(current)
}

/// The limit to which [`raise`] can raise. `None` if there is none.
pub(super) fn hard_limit() -> Option<usize> {
    to_usize(getrlimit(Resource::Nofile).maximum)
}

fn to_usize(limit: Option<u64>) -> Option<usize> {
    limit.and_then(|limit| usize::try_from(limit).ok())
}

/// The most connections of clients for which `limit` has room: each may need one to the upstream, and the reserve stays free.
pub(super) fn connections_within(limit: usize) -> usize {
    // of a limit that is small itself a quarter is kept back
    (limit.saturating_sub(RESERVE.min(limit / 4)) / 2).max(1)
}

/// What is wrong with `limits` if `limit` is that on descriptors. `None` if they fit.
pub(super) fn misfit(limits: &Limits, limit: usize) -> Option<String> {
    let room = connections_within(limit);
    let is_default = limits.connections == Limits::default().connections;
    let needed = if is_default { ENOUGH_BY_DEFAULT } else { limits.connections };
    (room < needed).then(|| {
        format!(
            "`limits.connections` is {}, but this process may open {limit} files: with one connection to the upstream for \
             each of a client, and {RESERVE} for the rest, they are enough for {room}",
            limits.connections
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_that_do_not_fit_are_reported_with_what_fits() {
        assert_eq!(misfit(&Limits::default(), 20_000), None);
        assert!(misfit(&Limits::default(), 1024).is_some());
        let limits = Limits { connections: 1001, ..Limits::default() };
        assert_eq!(misfit(&limits, 2162), None);
        assert!(misfit(&limits, 2160).is_some_and(|text| text.contains("enough for 1000")));
        assert_eq!((connections_within(64), connections_within(1)), (24, 1));
    }
}
