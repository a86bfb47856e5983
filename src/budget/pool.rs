//! The bounds over all clients, and how much of them is taken.

use super::account::Account;
use super::client_key::ClientKey;
use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

/// One in so many connections, requests and bytes is kept for other clients, however much a client asks for.
const KEPT_PART: usize = 8;

/// The bounds of a [`ClientBudget`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BudgetLimits {
    /// Most connections at once.
    pub connections: usize,
    /// Most requests at once, each from its head to the last byte of its response.
    pub requests: usize,
    /// Most bytes of memory.
    pub bytes: usize,
    /// The part of each that one client can have while others have requests, above 0 and at most 1.
    pub client_share: f64,
}

/// What all clients together can hold.
#[derive(Debug)]
pub struct ClientBudget {
    pub(super) connections: Counter,
    pub(super) requests: Counter,
    pub(super) bytes: Counter,
    share: f64,
    /// Clients that have a request.
    active: AtomicUsize,
    /// The accounts of clients that hold something.
    // locked when a connection opens and ends, never by a request
    accounts: Mutex<HashMap<ClientKey, Weak<Account>>>,
}

/// A count with a bound for all clients together, or for one.
#[derive(Debug)]
pub(super) struct Counter {
    used: AtomicUsize,
    most: usize,
    /// The bound while another client has requests.
    most_shared: usize,
}

impl Counter {
    /// A count of what all clients have.
    pub(super) const fn new(most: usize) -> Self {
        Self { used: AtomicUsize::new(0), most, most_shared: most }
    }

    /// A count of what one client has, that can have `share` of this while others have requests.
    // without the rest that is kept free, a client that took all while it was alone would leave nothing to the first request of
    // another, for as long as it likes
    pub(super) fn of_client(&self, share: f64) -> Self {
        let most_shared = self.share(share);
        let most = most_shared.max(self.most - self.kept_for_others());
        Self { used: AtomicUsize::new(0), most, most_shared }
    }

    /// Takes `units`. `None`, and nothing is taken, if fewer are free; else what was in use before.
    pub(super) fn take(&self, units: usize, is_shared: bool) -> Option<usize> {
        let most = if is_shared { self.most_shared } else { self.most };
        // compared and swapped, not added and given back: what does not fit must not be counted for a moment either, in which
        // the last request of a client could end. Relaxed: the counter guards no other memory, it only has to be exact
        let more = |used: usize| used.checked_add(units).filter(|used| *used <= most);
        self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).ok()
    }

    /// Gives `units` back, and returns what is in use after that.
    pub(super) fn give_back(&self, units: usize) -> usize {
        self.used.fetch_sub(units, Ordering::Relaxed).wrapping_sub(units)
    }

    pub(super) fn in_use(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    /// What no client takes alone.
    const fn kept_for_others(&self) -> usize {
        // of two or more at least one
        if self.most < 2 { 0 } else { self.most.div_ceil(KEPT_PART) }
    }

    fn share(&self, share: f64) -> usize {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a share is in 0..=1, and exact to one in 2^53"
        )]
        let most = (self.most as f64 * share).ceil() as usize;
        // at least one: a share of a small limit must not be nothing
        most.clamp(1, self.most.max(1))
    }

    /// Whether no more is free than what is kept for other clients.
    fn is_nearly_full(&self) -> bool {
        self.most.saturating_sub(self.in_use()) <= self.kept_for_others()
    }
}

impl ClientBudget {
    /// A budget of which nothing is taken.
    pub fn new(limits: BudgetLimits) -> Arc<Self> {
        Arc::new(Self {
            connections: Counter::new(limits.connections),
            requests: Counter::new(limits.requests),
            bytes: Counter::new(limits.bytes),
            share: limits.client_share,
            active: AtomicUsize::new(0),
            accounts: Mutex::default(),
        })
    }

    /// The account of the client `key`: the one it has, if it holds something already.
    pub fn account(self: &Arc<Self>, key: ClientKey) -> Arc<Account> {
        let mut accounts = self.accounts();
        if let Some(known) = accounts.get(&key).and_then(Weak::upgrade) {
            return known;
        }
        // an embedding program has one client, which shares with no other
        let share = if key == ClientKey::Unnamed { 1.0 } else { self.share };
        let account = Arc::new(Account::new(self, key.clone(), share));
        accounts.insert(key, Arc::downgrade(&account));
        account
    }

    /// Whether at most an eighth of the connections, requests or bytes is free, so that the next request may be refused.
    pub fn is_saturated(&self) -> bool {
        self.connections.is_nearly_full() || self.requests.is_nearly_full() || self.bytes.is_nearly_full()
    }

    /// Bytes that are taken.
    pub fn bytes_used(&self) -> usize {
        self.bytes.in_use()
    }

    /// Most bytes that can be taken.
    pub const fn bytes_limit(&self) -> usize {
        self.bytes.most
    }

    /// Requests that are taken.
    pub fn requests_used(&self) -> usize {
        self.requests.in_use()
    }

    /// Connections that are taken.
    pub fn connections_used(&self) -> usize {
        self.connections.in_use()
    }

    /// Whether a client has requests besides the one that asks, of which `is_active` is whether it has some.
    pub(super) fn has_others(&self, is_active: bool) -> bool {
        self.active.load(Ordering::Relaxed) > usize::from(is_active)
    }

    /// Counts a client that has its first request.
    pub(super) fn begin_activity(&self) {
        self.active.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a client that has no request any more.
    pub(super) fn end_activity(&self) {
        self.active.fetch_sub(1, Ordering::Relaxed);
    }

    /// Forgets the account of `key`, unless it is in use.
    pub(super) fn forget(&self, key: &ClientKey) {
        let mut accounts = self.accounts();
        // another connection may have opened a new account meanwhile
        if accounts.get(key).is_some_and(|account| account.strong_count() == 0) {
            accounts.remove(key);
        }
    }

    fn accounts(&self) -> MutexGuard<'_, HashMap<ClientKey, Weak<Account>>> {
        // every step leaves a valid map
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_has_its_share_and_others_have_the_rest() {
        let budget = ClientBudget::new(BudgetLimits { connections: 8, requests: 4, bytes: 100, client_share: 0.5 });
        let (greedy, other) = (budget.account(ClientKey::User(1)), budget.account(ClientKey::User(2)));
        let asks = other.request(10).unwrap();
        let held = [greedy.request(10).unwrap(), greedy.request(10).unwrap()];
        assert!(greedy.request(10).is_none(), "two of four requests are half of them");
        assert!(greedy.memory(31).is_none() && greedy.memory(30).is_some(), "and so are fifty bytes");
        let _ours = [asks, other.request(10).unwrap()];
        assert_eq!((budget.requests_used(), budget.bytes_used()), (4, 40));
        assert!(budget.is_saturated());
        drop(held);
        assert_eq!((budget.requests_used(), budget.bytes_used()), (2, 20));
    }

    #[test]
    fn a_client_alone_has_all_but_an_eighth_which_the_first_request_of_another_gets() {
        let budget = ClientBudget::new(BudgetLimits { connections: 80, requests: 16, bytes: 160, client_share: 0.5 });
        let (greedy, other) = (budget.account(ClientKey::User(1)), budget.account(ClientKey::User(2)));
        let idle = other.connection(0).unwrap();
        let mut held: Vec<_> = (0..14).map(|_| greedy.request(10).unwrap()).collect();
        assert!(budget.is_saturated() && greedy.request(10).is_none() && greedy.memory(1).is_none());
        let asks = other.request(10).unwrap();
        drop(held.split_off(7));
        assert!(greedy.request(0).is_some() && greedy.memory(10).is_some() && greedy.memory(11).is_none());
        drop(asks);
        assert!(greedy.memory(70).is_some(), "the other has a connection, but asks for nothing");
        drop(idle);
    }

    #[test]
    fn clients_with_requests_are_counted_however_their_requests_cross() {
        let budget = ClientBudget::new(BudgetLimits { connections: 8, requests: 2, bytes: 100, client_share: 1.0 });
        let accounts = [budget.account(ClientKey::User(1)), budget.account(ClientKey::User(2))];
        std::thread::scope(|scope| {
            for account in accounts.iter().cycle().take(8) {
                scope.spawn(move || (0..50_000).for_each(|_| drop(account.request(30))));
            }
        });
        assert_eq!((budget.requests_used(), budget.bytes_used()), (0, 0));
        assert!(!budget.has_others(false), "all have ended");
    }

    #[test]
    fn a_share_of_one_is_all_of_it() {
        let budget = ClientBudget::new(BudgetLimits { connections: 8, requests: 4, bytes: 100, client_share: 1.0 });
        let account = budget.account(ClientKey::User(1));
        let _held: Vec<_> = (0..4).map(|_| account.request(25).unwrap()).collect();
        assert!(account.request(0).is_none());
    }

    #[test]
    fn what_does_not_fit_takes_nothing() {
        let budget = ClientBudget::new(BudgetLimits { connections: 1, requests: 9, bytes: 10, client_share: 1.0 });
        let account = budget.account(ClientKey::Unnamed);
        assert!(account.request(11).is_none() && account.connection(11).is_none());
        assert_eq!((budget.requests_used(), budget.connections_used(), budget.bytes_used()), (0, 0, 0));
    }

    #[test]
    fn an_account_is_one_for_all_connections_and_is_forgotten_after_the_last() {
        let budget = ClientBudget::new(BudgetLimits { connections: 3, requests: 9, bytes: 9, client_share: 0.2 });
        let key = || ClientKey::User(1);
        let first = budget.account(key()).connection(1).unwrap();
        let second = budget.account(key()).connection(1).unwrap();
        assert!(budget.account(key()).connection(0).is_none());
        drop((first, second));
        assert!(budget.accounts().is_empty());
        assert!(budget.account(key()).connection(1).is_some());
    }
}
