//! One client's part of a budget.

use super::client_key::ClientKey;
use super::hold::Hold;
use super::pool::{ClientBudget, Counter};
use std::sync::Arc;

/// One client's part of a budget, shared by its connections and their requests.
#[derive(Debug)]
pub struct Account {
    budget: Arc<ClientBudget>,
    key: ClientKey,
    connections: Counter,
    requests: Counter,
    bytes: Counter,
}

/// What a hold has, besides bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HeldPlace {
    Connection,
    Request,
    None,
}

impl Account {
    pub(super) fn new(budget: &Arc<ClientBudget>, key: ClientKey, share: f64) -> Self {
        Self {
            key,
            connections: budget.connections.of_client(share),
            requests: budget.requests.of_client(share),
            bytes: budget.bytes.of_client(share),
            budget: Arc::clone(budget),
        }
    }

    /// The budget of which this is a part.
    pub fn budget(&self) -> &Arc<ClientBudget> {
        &self.budget
    }

    /// Takes a connection and `bytes`. `None` if it does not fit.
    pub fn connection(self: &Arc<Self>, bytes: usize) -> Option<Hold> {
        self.hold(HeldPlace::Connection, bytes)
    }

    /// Takes a request and `bytes`. `None` if it does not fit.
    pub fn request(self: &Arc<Self>, bytes: usize) -> Option<Hold> {
        self.hold(HeldPlace::Request, bytes)
    }

    /// Takes `bytes`. `None` if they do not fit.
    pub fn memory(self: &Arc<Self>, bytes: usize) -> Option<Hold> {
        self.hold(HeldPlace::None, bytes)
    }

    fn hold(self: &Arc<Self>, place: HeldPlace, bytes: usize) -> Option<Hold> {
        if !self.take_place(place) {
            return None;
        }
        // made first, so that it gives the place back if there is no memory
        let mut hold = Hold::new(Arc::clone(self), place);
        hold.grow_to(bytes).then_some(hold)
    }

    fn take_place(&self, place: HeldPlace) -> bool {
        let Some((ours, all)) = self.counters(place) else { return true };
        let Some(before) = self.take(ours, all, 1) else { return false };
        if place == HeldPlace::Request && before == 0 {
            self.budget.begin_activity();
        }
        true
    }

    pub(super) fn give_place_back(&self, place: HeldPlace) {
        if let Some((ours, all)) = self.counters(place) {
            all.give_back(1);
            if ours.give_back(1) == 0 && place == HeldPlace::Request {
                self.budget.end_activity();
            }
        }
    }

    pub(super) fn take_bytes(&self, bytes: usize) -> bool {
        self.take(&self.bytes, &self.budget.bytes, bytes).is_some()
    }

    /// Takes `units` of what is ours and of what all have. `None`, and nothing is taken, if they do not fit; else what was ours
    /// before.
    fn take(&self, ours: &Counter, all: &Counter, units: usize) -> Option<usize> {
        let is_shared = self.budget.has_others(self.requests.in_use() > 0);
        all.take(units, false)?;
        // ours last: it is taken for good then, and the first request of a client is counted as such once
        let before = ours.take(units, is_shared);
        if before.is_none() {
            all.give_back(units);
        }
        before
    }

    pub(super) fn give_bytes_back(&self, bytes: usize) {
        self.bytes.give_back(bytes);
        self.budget.bytes.give_back(bytes);
    }

    fn counters(&self, place: HeldPlace) -> Option<(&Counter, &Counter)> {
        match place {
            HeldPlace::Connection => Some((&self.connections, &self.budget.connections)),
            HeldPlace::Request => Some((&self.requests, &self.budget.requests)),
            HeldPlace::None => None,
        }
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        self.budget.forget(&self.key);
    }
}
