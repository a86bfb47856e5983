//! The addresses of the upstream, or of the proxy to it: resolved again in the background, the last one that worked first.

use super::error::Unreachable;
use pingora_timeout::{sleep, timeout};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};
use tokio::net::lookup_host;

/// Time between two resolutions in the background.
// the resolver of the system does not show for how long its result is valid; a minute is common, and what Clerk's names have
pub(super) const INTERVAL: Duration = Duration::from_secs(30);
/// The age at which addresses are resolved before they are used: if no background task has done so.
const STALE: Duration = Duration::from_secs(90);
/// Longest time to wait for a resolution, if there are addresses from before.
const PATIENCE: Duration = Duration::from_secs(1);
/// How long an address that failed is tried last.
const AVOIDED: Duration = Duration::from_secs(60);

/// The addresses of one host.
pub(super) struct AddressBook {
    /// Name and port. `None` if the addresses are fixed.
    name: Option<(String, u16)>,
    known: Mutex<KnownAddresses>,
}

#[derive(Default)]
struct KnownAddresses {
    /// In the order of the resolver, each with the time of its last failure.
    list: Vec<(SocketAddr, Option<Instant>)>,
    /// The last one that worked.
    good: Option<SocketAddr>,
    /// When they were resolved. `None` if they have to be resolved before they are used.
    resolved: Option<Instant>,
    /// Whether the last resolution failed.
    is_failing: bool,
}

impl AddressBook {
    /// Resolves `host`, a name or an address without brackets.
    pub(super) fn of_name(host: &str, port: u16) -> Self {
        Self { name: Some((host.to_owned(), port)), known: Mutex::default() }
    }

    /// These addresses, in place of those of a name.
    pub(super) fn with_addresses(addresses: &[IpAddr], port: u16) -> Self {
        let list = addresses.iter().map(|address| (SocketAddr::new(*address, port), None)).collect();
        Self { name: None, known: Mutex::new(KnownAddresses { list, ..KnownAddresses::default() }) }
    }

    /// These addresses, as if a name had been resolved to them.
    #[cfg(test)]
    pub(super) fn of_addresses(addresses: &[SocketAddr]) -> Self {
        let book = Self::of_name("upstream.invalid", 1);
        book.lock().replace(addresses, Instant::now());
        book
    }

    /// As if the name had been resolved again.
    #[cfg(test)]
    pub(super) fn replace(&self, addresses: &[SocketAddr]) {
        self.lock().replace(addresses, Instant::now());
    }

    fn lock(&self) -> MutexGuard<'_, KnownAddresses> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The addresses in the order in which they are to be tried; resolved now if those that are known are too old.
    ///
    /// # Errors
    ///
    /// [`Unreachable::Name`], if there are none.
    pub(super) async fn candidates(&self) -> Result<Vec<SocketAddr>, Unreachable> {
        let has_some = !self.lock().list.is_empty();
        match self.is_stale() {
            false => {}
            true if !has_some => self.resolve().await,
            // a resolver that is silent must not keep addresses from being used that are known
            true => drop(timeout(PATIENCE, self.resolve()).await),
        }
        let candidates = self.lock().in_order(Instant::now());
        if candidates.is_empty() { Err(Unreachable::Name) } else { Ok(candidates) }
    }

    fn is_stale(&self) -> bool {
        self.name.is_some() && self.lock().resolved.is_none_or(|at| at.elapsed() >= STALE)
    }

    /// Resolves the name again and again, until this book is used no more.
    pub(super) async fn keep_resolving(book: Weak<Self>) {
        loop {
            sleep(INTERVAL).await;
            let Some(book) = book.upgrade() else { return };
            book.resolve().await;
        }
    }

    /// Replaces the addresses by those that the name has now. If it cannot be resolved, those that are known stay in use.
    async fn resolve(&self) {
        let Some((host, port)) = &self.name else { return };
        let resolved = lookup_host((host.as_str(), *port)).await;
        let addresses: Vec<_> = resolved.map(Iterator::collect).unwrap_or_default();
        if addresses.is_empty() && self.lock().is_first_failure() {
            tracing::warn!(%host, "the name could not be resolved again; the addresses that it had stay in use");
        }
        self.lock().replace(&addresses, Instant::now());
    }

    /// Takes note of a connection to `address` that can be used.
    pub(super) fn note_good(&self, address: SocketAddr) {
        let mut known = self.lock();
        known.good = Some(address);
        known.set_failed(address, None);
    }

    /// Takes note of a failure of `address`: it is tried last for a while.
    pub(super) fn note_failure(&self, address: SocketAddr) {
        let mut known = self.lock();
        known.good = known.good.filter(|good| *good != address);
        known.set_failed(address, Some(Instant::now()));
    }

    /// Takes note that none of the addresses can be used: they may have changed.
    pub(super) fn note_all_failed(&self) {
        self.lock().resolved = None;
    }

    /// Whether the name no longer has this address, so that connections to it are to end.
    pub(super) fn is_withdrawn(&self, address: SocketAddr) -> bool {
        let known = self.lock();
        !known.list.is_empty() && known.list.iter().all(|(other, _)| *other != address)
    }
}

impl KnownAddresses {
    fn set_failed(&mut self, address: SocketAddr, failed: Option<Instant>) {
        if let Some(entry) = self.list.iter_mut().find(|(known, _)| *known == address) {
            entry.1 = failed;
        }
    }

    /// Whether a failure now is one to report.
    fn is_first_failure(&self) -> bool {
        !self.list.is_empty() && !self.is_failing
    }

    fn replace(&mut self, addresses: &[SocketAddr], now: Instant) {
        let is_failing = addresses.is_empty();
        self.is_failing = is_failing;
        // those that are known are better than none; `resolved` stays, so that a failing resolver does not delay each connection
        self.resolved = if is_failing && self.list.is_empty() { None } else { Some(now) };
        if is_failing {
            return;
        }
        let failed = |address: &SocketAddr| self.list.iter().find(|(known, _)| known == address).and_then(|it| it.1);
        self.list = addresses.iter().map(|address| (*address, failed(address))).collect();
        self.good = self.good.filter(|good| addresses.contains(good));
    }

    /// The last that worked, then those that did not fail lately, then the others. Families take turns (RFC 8305 section 4).
    fn in_order(&self, now: Instant) -> Vec<SocketAddr> {
        let is_v4 = |(address, _): &&(SocketAddr, Option<Instant>)| address.is_ipv4();
        let first_is_v4 = self.list.first().is_some_and(|first| is_v4(&first));
        let mut preferred = self.list.iter().filter(|entry| is_v4(entry) == first_is_v4);
        let mut others = self.list.iter().filter(|entry| is_v4(entry) != first_is_v4);
        let mut order = Vec::with_capacity(self.list.len());
        loop {
            let pair = [preferred.next(), others.next()];
            if pair == [None, None] {
                break;
            }
            order.extend(pair.into_iter().flatten());
        }
        let avoided = |failed: Option<Instant>| failed.is_some_and(|at| now.saturating_duration_since(at) < AVOIDED);
        order.sort_by_key(|(address, failed)| (self.good != Some(*address), avoided(*failed)));
        order.into_iter().map(|(address, _)| address).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    fn book(addresses: &[&str]) -> AddressBook {
        AddressBook::of_addresses(&addresses.iter().map(|text| address(text)).collect::<Vec<_>>())
    }

    async fn order(book: &AddressBook) -> Vec<String> {
        book.candidates().await.unwrap().iter().map(ToString::to_string).collect()
    }

    #[tokio::test]
    async fn families_take_turns_and_the_last_good_one_is_first() {
        let book = book(&["[::1]:1", "[::2]:1", "10.0.0.1:1", "10.0.0.2:1"]);
        assert_eq!(order(&book).await, ["[::1]:1", "10.0.0.1:1", "[::2]:1", "10.0.0.2:1"]);
        book.note_good(address("10.0.0.2:1"));
        assert_eq!(order(&book).await, ["10.0.0.2:1", "[::1]:1", "10.0.0.1:1", "[::2]:1"]);
    }

    #[tokio::test]
    async fn one_that_failed_is_last_for_a_while() {
        let book = book(&["10.0.0.1:1", "10.0.0.2:1", "10.0.0.3:1"]);
        book.note_good(address("10.0.0.1:1"));
        book.note_failure(address("10.0.0.1:1"));
        assert_eq!(order(&book).await, ["10.0.0.2:1", "10.0.0.3:1", "10.0.0.1:1"]);
        let later = book.lock().in_order(Instant::now() + AVOIDED);
        assert_eq!(later.first(), Some(&address("10.0.0.1:1")));
        // a resolution does not forget it
        book.replace(&["10.0.0.1:1", "10.0.0.2:1"].map(address));
        assert_eq!(order(&book).await, ["10.0.0.2:1", "10.0.0.1:1"]);
    }

    #[tokio::test]
    async fn an_address_that_a_name_no_longer_has_is_withdrawn() {
        let book = book(&["10.0.0.1:1", "10.0.0.2:1"]);
        book.note_good(address("10.0.0.1:1"));
        book.replace(&[address("10.0.0.2:1")]);
        assert!(book.is_withdrawn(address("10.0.0.1:1")) && !book.is_withdrawn(address("10.0.0.2:1")));
        assert_eq!(order(&book).await, ["10.0.0.2:1"]);
        // a resolver that fails withdraws nothing
        book.replace(&[]);
        assert!(!book.is_withdrawn(address("10.0.0.2:1")));
        assert_eq!(order(&book).await, ["10.0.0.2:1"]);
    }

    #[tokio::test]
    async fn a_name_is_resolved_when_its_addresses_are_needed() {
        assert_eq!(AddressBook::of_name("no-such-host.invalid", 1).candidates().await, Err(Unreachable::Name));
        assert_eq!(order(&AddressBook::of_name("127.0.0.1", 7)).await, ["127.0.0.1:7"]);
        assert_eq!(order(&AddressBook::of_name("::1", 7)).await, ["[::1]:7"]);
        let fixed = AddressBook::with_addresses(&["10.0.0.5".parse().unwrap(), "::5".parse().unwrap()], 443);
        fixed.note_all_failed();
        assert_eq!(order(&fixed).await, ["10.0.0.5:443", "[::5]:443"]);
        // all failed: what is known is resolved anew, and kept if that fails
        let book = book(&["10.0.0.1:1"]);
        book.note_all_failed();
        assert_eq!(order(&book).await, ["10.0.0.1:1"]);
        assert!(book.lock().is_failing);
    }
}
