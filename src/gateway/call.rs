//! A request on its way through the layers. Its type says how far it has come.

use crate::contract::Operation;
use crate::contract::Parameters;
use crate::contract::credential::Environment;
use crate::judge::{Bundle, Permit};
use crate::peer::Client;
use crate::policy::{Key, Limit};
use crate::telemetry::record::RequestRecord;
use http::Request;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A request that is observed: whatever becomes of it is recorded.
#[derive(Debug)]
pub struct Call<B> {
    /// As it came.
    pub request: Request<B>,
    /// The client.
    pub client: Arc<Client>,
    /// By what it is judged.
    pub bundle: Arc<Bundle>,
    /// What is told of it.
    pub record: SharedRecord,
}

/// A request whose head has one meaning.
#[derive(Debug)]
pub struct Admitted<B> {
    /// The request itself.
    pub call: Call<B>,
    /// The environment by which it is judged.
    pub environment: Environment,
    /// What there is to judge of it.
    pub duty: RequestClass,
}

/// What there is to judge of a request.
#[derive(Debug)]
pub enum RequestClass {
    /// Nothing: here is its permit.
    Exempt(Permit),
    /// A request to this operation, with these path parameters.
    Inspect(Arc<Operation>, Parameters),
}

/// A request that may be forwarded.
#[derive(Debug)]
pub struct Permitted<B> {
    /// The request itself.
    pub call: Call<B>,
    /// The right to forward it, and what of it.
    pub permit: Permit,
    /// The limits that count it.
    pub charges: Vec<Charge>,
}

/// A limit that counts a request, and the key by which it does.
pub type Charge = (Arc<Limit>, Key);

/// The record of a request, written to by every layer. Held for moments only, by one request on one worker.
#[derive(Clone, Debug)]
pub struct SharedRecord(Arc<Mutex<RequestRecord>>);

impl SharedRecord {
    /// Shares `record`.
    pub fn new(record: RequestRecord) -> Self {
        Self(Arc::new(Mutex::new(record)))
    }

    /// The record, to be read or written.
    pub fn lock(&self) -> MutexGuard<'_, RequestRecord> {
        // a layer that panicked left a record worth telling all the same
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
