//! Live subscriptions to decisions, for `portcullis tail` and the admin listener.
//!
//! Without subscribers a request pays one atomic load. A slow subscriber loses lines and never delays a request.

use crate::judge::violation::Rule;
use crate::policy::Action;
use crate::telemetry::logs::json;
use crate::telemetry::record::{Outcome, RequestRecord};
use arc_swap::ArcSwap;
use bytes::Bytes;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Most subscribers at the same time.
const WATCHERS: usize = 8;
/// Most lines queued for one subscriber. It loses those beyond, and gets their number.
const WAITING: usize = 512;

/// A kind of decision to filter by: an outcome, or the action of a rule that did not refuse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecisionKind {
    /// Judged and forwarded.
    Allow,
    /// Nothing to judge, forwarded unchanged.
    Exempt,
    /// Refused.
    Deny,
    /// The upstream or the gateway failed.
    Fail,
    /// The client went away.
    Abort,
    /// A rule warned, whatever the outcome.
    Warn,
    /// A rule would have refused, but is in audit.
    Audit,
}

/// A filter for decisions. An empty list matches all.
#[derive(Clone, Debug, Default)]
pub struct WatchFilter {
    /// Match any of these kinds.
    pub decisions: Vec<DecisionKind>,
    /// Match a violation of any of these policies.
    pub policies: Vec<String>,
    /// Match any of these operations.
    pub operations: Vec<String>,
}

impl WatchFilter {
    fn wants(&self, record: &RequestRecord) -> bool {
        let fired = |name: &String| {
            record
                .violations
                .iter()
                .any(|violation| matches!(&violation.rule, Rule::Policy(policy) if **policy == **name))
        };
        (self.decisions.is_empty() || self.decisions.iter().any(|decision| decision.matches(record)))
            && (self.policies.is_empty() || self.policies.iter().any(fired))
            && (self.operations.is_empty() || self.operations.iter().any(|name| name == record.operation_id()))
    }
}

impl DecisionKind {
    /// Every kind.
    pub const ALL: [Self; 7] =
        [Self::Allow, Self::Exempt, Self::Deny, Self::Fail, Self::Abort, Self::Warn, Self::Audit];

    /// The name of the kind.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allow => Outcome::Allowed.as_str(),
            Self::Exempt => Outcome::Exempt.as_str(),
            Self::Deny => Outcome::Denied.as_str(),
            Self::Fail => Outcome::Failed.as_str(),
            Self::Abort => Outcome::Aborted.as_str(),
            Self::Warn => Action::Warn.as_str(),
            Self::Audit => Action::Audit.as_str(),
        }
    }

    /// The kind named `word`.
    pub fn by_name(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|decision| decision.as_str() == word)
    }

    /// The kind that describes a request best: a warning or an audit of a request that passed is more than that it
    /// passed.
    pub(super) fn of(record: &RequestRecord) -> Self {
        match record.outcome {
            Outcome::Allowed if Self::Warn.matches(record) => Self::Warn,
            Outcome::Allowed if Self::Audit.matches(record) => Self::Audit,
            Outcome::Allowed => Self::Allow,
            Outcome::Exempt => Self::Exempt,
            Outcome::Denied => Self::Deny,
            Outcome::Failed => Self::Fail,
            Outcome::Aborted => Self::Abort,
        }
    }

    fn matches(self, record: &RequestRecord) -> bool {
        let took = |action| record.violations.iter().any(|violation| violation.action == action);
        match self {
            Self::Allow => record.outcome == Outcome::Allowed,
            Self::Exempt => record.outcome == Outcome::Exempt,
            Self::Deny => record.outcome == Outcome::Denied,
            Self::Fail => record.outcome == Outcome::Failed,
            Self::Abort => record.outcome == Outcome::Aborted,
            Self::Warn => took(Action::Warn),
            Self::Audit => took(Action::Audit),
        }
    }
}

/// The maximum number of subscribers is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{WATCHERS} watch already")]
pub struct TooManyWatchers;

/// All subscribers.
pub(super) struct Watchers {
    places: Arc<Semaphore>,
    all: Arc<ArcSwap<Vec<Arc<Watcher>>>>,
}

/// A subscriber, from the side of requests.
struct Watcher {
    filter: WatchFilter,
    queue: Sender<Bytes>,
    lost: AtomicU64,
}

impl Default for Watchers {
    fn default() -> Self {
        Self { places: Arc::new(Semaphore::new(WATCHERS)), all: Arc::default() }
    }
}

impl Watchers {
    pub(super) fn watch(&self, filter: WatchFilter) -> Result<WatchStream, TooManyWatchers> {
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| TooManyWatchers)?;
        let (queue, lines) = channel(WAITING);
        let watcher = Arc::new(Watcher { filter, queue, lost: AtomicU64::new(0) });
        self.all.rcu(|all| [all.as_slice(), &[Arc::clone(&watcher)]].concat());
        Ok(WatchStream { lines, watcher, all: Arc::clone(&self.all), _place: place })
    }

    /// Sends `record` to the subscribers whose filter it matches.
    // The semaphore doubles as the number of subscribers: without any, this is one load. `all` is swapped as a whole
    // when one comes or goes, so that requests take no lock.
    pub(super) fn publish(&self, record: &RequestRecord) {
        if self.places.available_permits() == WATCHERS {
            return;
        }
        let mut line: Option<Bytes> = None;
        for watcher in self.all.load().iter().filter(|watcher| watcher.filter.wants(record)) {
            let line = line.get_or_insert_with(|| encode_line(record));
            if watcher.queue.try_send(line.clone()).is_err() {
                watcher.lost.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

fn encode_line(record: &RequestRecord) -> Bytes {
    let mut line = Vec::with_capacity(1024);
    json::write_with_details(&mut line, record);
    line.into()
}

/// A subscription: lines of JSON, each a decision or the number of lost ones. Dropping it unsubscribes.
pub struct WatchStream {
    lines: Receiver<Bytes>,
    watcher: Arc<Watcher>,
    all: Arc<ArcSwap<Vec<Arc<Watcher>>>>,
    _place: OwnedSemaphorePermit,
}

impl WatchStream {
    /// The next line, with its line feed. Never `None`, as the subscription keeps its own sender alive.
    pub fn poll_line(&mut self, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
        match self.watcher.lost.swap(0, Ordering::Relaxed) {
            0 => self.lines.poll_recv(context),
            lost => Poll::Ready(Some(format!("{{\"lost\":{lost}}}\n").into())),
        }
    }
}

impl Drop for WatchStream {
    fn drop(&mut self) {
        let others = |all: &Arc<Vec<Arc<Watcher>>>| {
            all.iter().filter(|watcher| !Arc::ptr_eq(watcher, &self.watcher)).cloned().collect::<Vec<_>>()
        };
        self.all.rcu(others);
    }
}

impl fmt::Debug for WatchStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WatchStream")
    }
}

#[cfg(test)]
mod tests {
    use super::{DecisionKind, TooManyWatchers, WAITING, WATCHERS, WatchFilter, WatchStream, Watchers};
    use crate::policy::Action;
    use crate::telemetry::record::{RequestRecord, samples};
    use std::task::{Context, Poll, Waker};

    /// All lines so far.
    fn lines_of(watching: &mut WatchStream) -> Vec<serde_json::Value> {
        let mut context = Context::from_waker(Waker::noop());
        let mut told = Vec::new();
        while let Poll::Ready(Some(line)) = watching.poll_line(&mut context) {
            told.push(serde_json::from_slice(&line).unwrap());
        }
        told
    }

    #[test]
    fn each_is_told_what_they_want() {
        let watchers = Watchers::default();
        let named = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let mut all = watchers.watch(WatchFilter::default()).unwrap();
        let of = |decisions: &[DecisionKind], policies: &[&str], operations: &[&str]| {
            let decisions = decisions.to_vec();
            watchers.watch(WatchFilter { decisions, policies: named(policies), operations: named(operations) }).unwrap()
        };
        let mut refused = of(&[DecisionKind::Deny, DecisionKind::Fail], &[], &[]);
        let mut warned = of(&[DecisionKind::Warn], &[], &[]);
        let mut policy = of(&[], &["no-skip-password-checks"], &["UpdateUser"]);
        let mut other = of(&[], &[], &["CreateUser"]);
        let mut warning = samples::allowed_request();
        warning.violations = samples::denied_request().violations;
        warning.violations[0].action = Action::Warn;
        for record in [
            samples::allowed_request(),
            samples::denied_request(),
            samples::failed_request(),
            samples::unrouted_request(),
            warning,
        ] {
            watchers.publish(&record);
        }
        let decisions = |watching: &mut WatchStream| {
            lines_of(watching).iter().map(|line| line["decision"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(decisions(&mut all), ["allow", "deny", "fail", "deny", "allow"]);
        assert_eq!(decisions(&mut refused), ["deny", "fail", "deny"]);
        assert_eq!(decisions(&mut warned), ["allow"]);
        assert_eq!(decisions(&mut policy), ["deny", "allow"]);
        assert_eq!(decisions(&mut other), Vec::<String>::new());
    }

    #[test]
    fn who_reads_slowly_loses_lines_and_is_told_how_many() {
        let watchers = Watchers::default();
        let mut slow = watchers.watch(WatchFilter::default()).unwrap();
        let record: RequestRecord = samples::allowed_request();
        (0..WAITING + 3).for_each(|_| watchers.publish(&record));
        let all = lines_of(&mut slow);
        assert_eq!((all.len(), &all[0]), (WAITING + 1, &serde_json::json!({ "lost": 3 })));
        watchers.publish(&record);
        assert_eq!(lines_of(&mut slow)[0]["decision"], "allow");
    }

    #[test]
    fn so_many_may_watch_and_who_ends_makes_room() {
        let watchers = Watchers::default();
        let mut all: Vec<_> = (0..WATCHERS).map(|_| watchers.watch(WatchFilter::default()).unwrap()).collect();
        assert_eq!(watchers.watch(WatchFilter::default()).unwrap_err(), TooManyWatchers);
        all.pop();
        assert_eq!(watchers.all.load().len(), WATCHERS - 1);
        drop(watchers.watch(WatchFilter::default()).unwrap());
        drop(all);
        assert!(watchers.all.load().is_empty());
        watchers.publish(&samples::allowed_request());
    }
}
