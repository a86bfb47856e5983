//! A request on its way through the layers. Its type records how far it has come.

use super::dry_run::Probe;
use crate::budget::Account;
use crate::contract::Operation;
use crate::contract::Parameters;
use crate::contract::credential::Environment;
use crate::judge::{Bundle, Permit, WaiverOutcomes};
use crate::peer::Client;
use crate::policy::{Key, Limit};
use crate::telemetry::record::RequestRecord;
use crate::upstream::SendObserver;
use http::Request;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A request that is observed: its record is reported however it ends.
#[derive(Debug)]
pub struct Call<B> {
    /// The request as received.
    pub request: Request<B>,
    /// The identity of the sender, from its connection.
    pub client: Arc<Client>,
    /// The account of what the sender holds.
    pub account: Arc<Account>,
    /// The policies and contract that judge it.
    pub bundle: Arc<Bundle>,
    /// The record that every layer adds to.
    pub record: SharedRecord,
    /// Collects what a dry run reports. `None` for a live request.
    pub(super) probe: Option<Arc<Probe>>,
}

/// A request whose head is unambiguous.
#[derive(Debug)]
pub struct Admitted<B> {
    /// The request itself.
    pub call: Call<B>,
    /// The environment whose rules apply.
    pub environment: Environment,
    /// Whether there is anything to judge.
    pub class: RequestClass,
}

/// Whether a request has to be judged.
#[derive(Debug)]
pub enum RequestClass {
    /// It is forwarded without judgement, by this permit.
    Exempt(Permit),
    /// It calls this operation, with these path parameters, and has to be judged.
    Inspected(Arc<Operation>, Parameters),
}

/// A request that may be forwarded.
#[derive(Debug)]
pub struct Permitted<B> {
    /// The request itself.
    pub call: Call<B>,
    /// The right to forward it, with the body to forward.
    pub permit: Permit,
    /// The limits that count it.
    pub charges: Vec<Charge>,
}

/// A limit that counts a request.
#[derive(Debug)]
pub struct Charge {
    /// The limit that has to have room for it.
    pub limit: Arc<Limit>,
    /// What it counts the request by.
    pub key: Key,
    /// What it counts the request as; at least 1.
    pub cost: u32,
    /// Its waivers that were evaluated for the request.
    pub waivers: WaiverOutcomes,
}

/// The record of a request, which every layer adds to.
// Shared behind a mutex, not passed from layer to layer: the record has to survive a call that panics or that the client
// cancels, where the layers' own state is lost with their future. Only one request locks it, on one worker, and never across
// an await, so the lock is uncontended.
#[derive(Clone, Debug)]
pub struct SharedRecord(Arc<SharedState>);

#[derive(Debug)]
struct SharedState {
    record: Mutex<RequestRecord>,
    /// Whether the upstream may have received a part of the request.
    is_sent: AtomicBool,
    /// Whether the client hung up before the response began.
    has_left: AtomicBool,
}

impl SharedRecord {
    /// Shares `record`.
    pub fn new(record: RequestRecord) -> Self {
        let (is_sent, has_left) = (AtomicBool::new(false), AtomicBool::new(false));
        Self(Arc::new(SharedState { record: Mutex::new(record), is_sent, has_left }))
    }

    /// Locks the record for reading or writing.
    pub fn lock(&self) -> MutexGuard<'_, RequestRecord> {
        // a layer that panicked while it held the lock leaves a record that is still worth reporting
        self.0.record.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is notified when the request is sent.
    pub(super) fn send_observer(&self) -> Arc<dyn SendObserver> {
        self.0.clone()
    }

    /// Records that the client hung up before the response began. Returns whether the upstream may have received the request.
    pub(super) fn client_left(&self) -> bool {
        self.0.has_left.store(true, Ordering::Relaxed);
        let mut record = self.lock();
        // the time that the client waited, not that of the upstream
        record.elapsed = record.clock.elapsed();
        self.0.is_sent.load(Ordering::Relaxed)
    }

    /// Whether the client hung up before the response began.
    pub(super) fn has_client_left(&self) -> bool {
        self.0.has_left.load(Ordering::Relaxed)
    }
}

impl SendObserver for SharedState {
    fn note_sent(&self) {
        // relaxed: the one reader is on the same thread, or learns of it by the task that it takes over
        self.is_sent.store(true, Ordering::Relaxed);
    }
}
