//! What a request has in common with others before it, and the memory of what was written of that.
//!
//! Of what is told of a request only ids, times and sizes are its own. The rest, some thirty attributes and fields, is the
//! same for every request of the same kind that ends in the same way: it is written once and copied from then on, which
//! halves what spans take (benches/README.md). Whoever writes it is shown an [`SharedAttributes`] and nothing else, so that it can't
//! depend on more than that by which it is remembered.

use crate::contract::Operation;
use crate::contract::credential::{Environment, KeyClass};
use crate::peer::LocalEndpoint;
use crate::reason::Reason;
use crate::redact::{OTHER, UserAgent};
use crate::telemetry::record::{Outcome, RequestRecord};
use std::net::SocketAddr;
use std::sync::{Arc, Weak};

/// How many kinds of requests a worker remembers; each takes about a kilobyte.
const REMEMBERED: usize = 64;

/// What of a record others share.
#[derive(Clone, Copy)]
pub(super) struct SharedAttributes<'r> {
    operation: Option<&'r Arc<Operation>>,
    revision: &'r Arc<str>,
    pub(super) key: CacheKey,
}

/// Words and addresses of a record that others share; each means what it means in [`RequestRecord`].
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

/// What calls to the upstream share.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct CallKey {
    pub(super) status: Option<u16>,
    pub(super) reused: bool,
    pub(super) peer: Option<SocketAddr>,
    pub(super) protocol_version: Option<&'static str>,
}

impl<'r> SharedAttributes<'r> {
    /// What `record` shares with others.
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

    /// The operation of the contract; none where none fits.
    pub(super) fn operation(&self) -> Option<&'r Operation> {
        self.operation.map(AsRef::as_ref)
    }

    /// The route template, or `_OTHER` where no operation of the contract fits.
    pub(super) fn route(&self) -> &'r str {
        self.operation.map_or(OTHER, |operation| &operation.path)
    }

    /// The revision of the bundle that judged.
    pub(super) fn revision(&self) -> &'r str {
        self.revision
    }

    /// Where it is remembered, in the place of whatever else is there.
    fn place(&self) -> usize {
        let operation = self.operation.map_or(0, |operation| Arc::as_ptr(operation).addr() >> 5);
        (operation ^ usize::from(self.key.status)) % REMEMBERED
    }
}

/// What a worker remembers of what it wrote.
pub(super) struct AttributeCache {
    places: Vec<Option<CacheEntry>>,
}

struct CacheEntry {
    /// Those of a bundle that is gone are not kept alive, and no other is taken for one of them.
    operation: Option<Weak<Operation>>,
    revision: Weak<str>,
    key: CacheKey,
    bytes: Vec<u8>,
}

impl AttributeCache {
    /// One of nothing.
    pub(super) const fn new() -> Self {
        Self { places: Vec::new() }
    }

    /// Appends to `bytes` what `write` appends for `shared`, of which it may look at nothing else.
    pub(super) fn append(
        &mut self,
        bytes: &mut Vec<u8>,
        shared: &SharedAttributes<'_>,
        write: impl FnOnce(&mut Vec<u8>),
    ) {
        let place = shared.place();
        if let Some(Some(written)) = self.places.get(place)
            && written.is_of(shared)
        {
            return bytes.extend_from_slice(&written.bytes);
        }
        let start = bytes.len();
        write(bytes);
        self.places.resize_with(REMEMBERED, || None);
        if let (Some(place), Some(written)) = (self.places.get_mut(place), bytes.get(start..)) {
            *place = Some(CacheEntry::new(shared, written));
        }
    }
}

impl CacheEntry {
    fn new(shared: &SharedAttributes<'_>, bytes: &[u8]) -> Self {
        Self {
            operation: shared.operation.map(Arc::downgrade),
            revision: Arc::downgrade(shared.revision),
            key: shared.key,
            bytes: bytes.to_vec(),
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
        let mut record = samples::allowed();
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
        let revision = samples::allowed().revision;
        // more than there are places
        for _ in 0..4 * REMEMBERED {
            let record = RequestRecord { revision: revision.clone(), ..samples::allowed() };
            assert!(is_written(&mut memory, &record));
        }
        assert_eq!(memory.places.len(), REMEMBERED);
    }
}
