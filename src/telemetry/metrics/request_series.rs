//! The series that a request counts in.

use super::exemplar::TraceExemplar;
use crate::telemetry::attribute_cache::{AttributeCache, SharedAttributes};
use crate::telemetry::record::RequestRecord;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::exemplar::HistogramWithExemplars;
use prometheus_client::metrics::histogram::Histogram;
use std::cell::{OnceCell, RefCell};
use std::sync::atomic::{AtomicU64, Ordering};

thread_local! {
    static CACHE: RefCell<AttributeCache<RequestSeries>> = const { RefCell::new(AttributeCache::new()) };
}

/// One set of metrics of the process, which may have several in tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RegistryNumber(u64);

/// The series of requests with the same labels, each of them looked up at its first use.
// a lookup hashes all labels, which together was a twentieth of the CPU of a request
#[derive(Default)]
pub(super) struct RequestSeries {
    registry: Option<RegistryNumber>,
    pub(super) duration: OnceCell<HistogramWithExemplars<TraceExemplar>>,
    pub(super) request_size: OnceCell<Histogram>,
    pub(super) response_size: OnceCell<Histogram>,
    pub(super) call_duration: OnceCell<Histogram>,
    pub(super) requests: OnceCell<Counter>,
    /// Decisions without a policy.
    pub(super) decisions: OnceCell<Counter>,
}

impl RegistryNumber {
    /// A number that no other has.
    pub(super) fn next() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

/// Calls `count` with the series of `record` in `registry`. They may depend on nothing else than its [`SharedAttributes`].
pub(super) fn with_series(registry: RegistryNumber, record: &RequestRecord, count: impl FnOnce(&RequestSeries)) {
    let shared = SharedAttributes::of(record);
    CACHE.with_borrow_mut(|cache| {
        if let Some(series) = cache.get(&shared).filter(|series| series.registry == Some(registry)) {
            return count(series);
        }
        let series = RequestSeries { registry: Some(registry), ..RequestSeries::default() };
        count(&series);
        cache.insert(&shared, series);
    });
}
