//! A cache of what follows from the attributes that many requests share: their encoded form, and the series that they count in.
//!
//! Of the attributes of a request only ids, times and sizes are its own. The rest, some thirty attributes and fields,
//! is the same for all requests of one operation that end in the same way.

use crate::contract::Operation;
use crate::contract::credential::{Environment, KeyClass};
use crate::peer::LocalEndpoint;
use crate::reason::Reason;
use crate::redact::{OTHER, UserAgent};
use crate::telemetry::record::{Outcome, RequestRecord};
use std::net::SocketAddr;
use std::sync::{Arc, Weak};

/// Entries of a worker's cache. Each takes about a kilobyte.
const REMEMBERED: usize = 64;

/// The part of a record that other requests share.
#[derive(Clone, Copy)]
pub(super) struct SharedAttributes<'r> {
    operation: Option<&'r Arc<Operation>>,
    revision: &'r Arc<str>,
    pub(super) key: CacheKey,
}

/// The scalar part of the key. Each field means the same as in [`RequestRecord`].
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct CacheKey {
    pub(super) method: &'static str,
    pub(super) endpoint: LocalEndpoint,
    pub(super) protocol_version: &'static str,
    pub(super) user_agent: Option<UserAgent>,
    pub(super) environment: Environment,
    pub(super) key_class: KeyClass,
    pub(super) outcome: Outcome,
    pub(super) reason: Option<Reason>,
    pub(super) status: u16,
    pub(super) call: Option<CallKey>,
}

/// The part of an upstream call that other calls share.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct CallKey {
    pub(super) status: Option<u16>,
    pub(super) reused: bool,
    pub(super) peer: Option<SocketAddr>,
    pub(super) protocol_version: Option<&'static str>,
}

impl<'r> SharedAttributes<'r> {
    /// The shared part of `record`.
    pub(super) fn of(record: &'r RequestRecord) -> Self {
        let call = record.upstream.as_ref().map(|call| CallKey {
            status: call.status,
            reused: call.reused,
            peer: call.peer,
            protocol_version: call.protocol_version,
        });
        let key = CacheKey {
            method: record.method,
            endpoint: record.endpoint,
            protocol_version: record.protocol_version,
            user_agent: record.user_agent,
            environment: record.environment,
            key_class: record.key_class,
            outcome: record.outcome,
            reason: record.reason,
            status: record.status,
            call,
        };
        Self { operation: record.operation.as_ref(), revision: &record.revision, key }
    }

    /// The operation. `None` if no operation of the contract matches.
    pub(super) fn operation(&self) -> Option<&'r Operation> {
        self.operation.map(AsRef::as_ref)
    }

    /// The route template, or `_OTHER` if no operation of the contract matches.
    pub(super) fn route(&self) -> &'r str {
        self.operation.map_or(OTHER, |operation| &operation.path)
    }

    /// The revision of the bundle that judged.
    pub(super) fn revision(&self) -> &'r str {
        self.revision
    }

    /// The index of its entry, which replaces whatever else is there.
    // Two things differ between the requests of one gateway most of the time: operation and status. An address mixed
    // with the status is a good enough hash and costs no hashing of the other fields.
    fn place(&self) -> usize {
        let operation = self.operation.map_or(0, |operation| Arc::as_ptr(operation).addr() >> 5);
        (operation ^ usize::from(self.key.status)) % REMEMBERED
    }
}

/// A worker's cache for one encoding, or for the series of metrics.
// Encoding these attributes was half of what the spans of a request cost (benches/README.md). The cache is
// direct-mapped and each worker has its own, so a lookup takes no lock and compares one entry.
pub(super) struct AttributeCache<T = Vec<u8>> {
    places: Vec<Option<CacheEntry<T>>>,
}

struct CacheEntry<T> {
    // weak, so that a replaced bundle is not kept alive; and the allocation stays reserved for as long, so that an
    // address compared below cannot be another operation's
    operation: Option<Weak<Operation>>,
    revision: Weak<str>,
    key: CacheKey,
    value: T,
}

impl<T> AttributeCache<T> {
    /// An empty cache, which allocates at its first use.
    pub(super) const fn new() -> Self {
        Self { places: Vec::new() }
    }

    /// The entry of `shared`, if the cache has it.
    pub(super) fn get(&mut self, shared: &SharedAttributes<'_>) -> Option<&mut T> {
        let entry = self.places.get_mut(shared.place())?.as_mut()?;
        entry.is_of(shared).then_some(&mut entry.value)
    }

    /// Replaces the entry in the place of `shared`.
    pub(super) fn insert(&mut self, shared: &SharedAttributes<'_>, value: T) {
        self.places.resize_with(REMEMBERED, || None);
        if let Some(place) = self.places.get_mut(shared.place()) {
            *place = Some(CacheEntry::new(shared, value));
        }
    }
}

impl AttributeCache {
    /// Appends what `write` appends for `shared`, from the cache if it has it.
    // `write` gets nothing but the shared part, in all its callers: it cannot depend on something that is not in the
    // key.
    pub(super) fn append(
        &mut self,
        bytes: &mut Vec<u8>,
        shared: &SharedAttributes<'_>,
        write: impl FnOnce(&mut Vec<u8>),
    ) {
        if let Some(written) = self.get(shared) {
            return bytes.extend_from_slice(written);
        }
        let start = bytes.len();
        write(bytes);
        if let Some(written) = bytes.get(start..) {
            self.insert(shared, written.to_vec());
        }
    }
}

impl<T> CacheEntry<T> {
    fn new(shared: &SharedAttributes<'_>, value: T) -> Self {
        Self {
            operation: shared.operation.map(Arc::downgrade),
            revision: Arc::downgrade(shared.revision),
            key: shared.key,
            value,
        }
    }

    fn is_of(&self, shared: &SharedAttributes<'_>) -> bool {
        let is_same_operation = match (&self.operation, shared.operation) {
            (Some(one), Some(other)) => std::ptr::eq(one.as_ptr(), Arc::as_ptr(other)),
            (None, None) => true,
            _ => false,
        };
        is_same_operation
            && std::ptr::addr_eq(self.revision.as_ptr(), Arc::as_ptr(shared.revision))
            && self.key == shared.key
    }
}

#[cfg(test)]
mod tests {
    use super::{AttributeCache, REMEMBERED, SharedAttributes};
    use crate::telemetry::record::{RequestRecord, samples};

    /// Whether `record` had to be written, or was remembered.
    fn is_written(memory: &mut AttributeCache, record: &RequestRecord) -> bool {
        let (mut bytes, mut written) = (b"before".to_vec(), false);
        let place = format!("{record:p}");
        memory.append(&mut bytes, &SharedAttributes::of(record), |bytes| {
            written = true;
            bytes.extend_from_slice(place.as_bytes());
        });
        assert_eq!(bytes, [b"before", place.as_bytes()].concat());
        written
    }

    #[test]
    fn what_differs_in_anything_but_ids_times_and_sizes_is_written_anew() {
        let records = samples::variations();
        for one in &records {
            let mut memory = AttributeCache::new();
            assert!(is_written(&mut memory, one));
            assert!(!is_written(&mut memory, one));
            for other in records.iter().filter(|other| !std::ptr::eq(*other, one)) {
                is_written(&mut memory, one);
                assert!(is_written(&mut memory, other), "{one:?} {other:?}");
            }
        }
    }

    #[test]
    fn what_is_a_requests_own_makes_no_difference() {
        let mut record = samples::allowed_request();
        let mut memory = AttributeCache::new();
        let mut first = None;
        for number in 0..3_u8 {
            record.elapsed *= 2;
            (record.request_bytes, record.response_bytes) = (Some(number.into()), number.into());
            record.decision_id.0 += 1;
            record.trace.trace_id = [number; 16];
            record.client = None;
            let mut bytes = Vec::new();
            memory.append(&mut bytes, &SharedAttributes::of(&record), |bytes| bytes.push(number));
            assert_eq!(bytes, *first.get_or_insert_with(|| bytes.clone()));
        }
    }

    #[test]
    fn an_operation_of_a_bundle_that_is_gone_is_not_taken_for_another() {
        let mut memory = AttributeCache::new();
        let revision = samples::allowed_request().revision;
        // more than there are places
        for _ in 0..4 * REMEMBERED {
            let record = RequestRecord { revision: revision.clone(), ..samples::allowed_request() };
            assert!(is_written(&mut memory, &record));
        }
        assert_eq!(memory.places.len(), REMEMBERED);
    }
}
