//! What the collector did not take, counted and logged.

use super::failure::ExportFailure;
use super::partial_success::PartialSuccess;
use super::signal::Signal;
use crate::telemetry::logs::RateLimitedLog;
use crate::telemetry::metrics::dropped::DroppedItems;
use http::Uri;
use std::time::Instant;

/// Counts items that were not delivered, and logs it at most once a minute.
pub(super) struct DropReport {
    signal: Signal,
    /// Where the signal is sent.
    pub(super) endpoint: Box<str>,
    losses: DroppedItems,
    log: RateLimitedLog,
    warnings: RateLimitedLog,
    /// The number of items that had overflowed when it was logged last.
    overflowed: u64,
}

impl DropReport {
    /// Counts undelivered items of `signal` in `losses`. The queue counts those that overflowed, which are only logged
    /// here.
    pub(super) fn new(signal: Signal, endpoint: &Uri, losses: DroppedItems) -> Self {
        let (log, warnings) = (RateLimitedLog::new(), RateLimitedLog::new());
        Self { signal, endpoint: without_credentials(endpoint).into(), losses, log, warnings, overflowed: 0 }
    }

    /// Counts the items of an accepted batch that the collector rejected, and logs them, those that overflowed and its
    /// message.
    pub(super) fn note_accepted(&mut self, success: PartialSuccess) {
        let PartialSuccess { rejected, message } = success;
        self.losses.undelivered.inc_by(rejected);
        let (signal, endpoint, from_collector) = (self.signal.as_str(), &*self.endpoint, message.as_deref());
        if let Some(from_collector) = from_collector.filter(|_| rejected == 0)
            && self.warnings.allow(Instant::now()).is_some()
        {
            tracing::warn!(signal, endpoint, from_collector, "the OTLP collector accepts telemetry with a warning");
        }
        let overflowed = self.losses.overflowed.get();
        if rejected == 0 && overflowed <= self.overflowed || self.log.allow(Instant::now()).is_none() {
            return;
        }
        self.overflowed = overflowed;
        let undelivered = self.losses.undelivered.get();
        if rejected == 0 {
            let message = "telemetry is lost: the OTLP collector is too slow";
            return tracing::warn!(signal, endpoint, undelivered, overflowed, kind = "queue_full", "{message}");
        }
        let (kind, why) = (ExportFailure::Rejected.kind(), ExportFailure::Rejected);
        let message = "telemetry is lost: the OTLP collector does not accept it";
        tracing::warn!(signal, endpoint, undelivered, overflowed, kind, %why, from_collector, "{message}");
    }

    /// Counts `items` as undelivered because of `failure`, and logs them and those that overflowed.
    pub(super) fn note_dropped(&mut self, items: u64, why: ExportFailure) {
        self.losses.undelivered.inc_by(items);
        if self.log.allow(Instant::now()).is_none() {
            return;
        }
        self.overflowed = self.losses.overflowed.get();
        let (signal, endpoint, kind) = (self.signal.as_str(), &*self.endpoint, why.kind());
        let (undelivered, overflowed) = (self.losses.undelivered.get(), self.overflowed);
        let message = "telemetry is lost: the OTLP collector does not accept it";
        tracing::warn!(signal, endpoint, undelivered, overflowed, kind, %why, "{message}");
    }
}

/// The endpoint without what may be a credential: the part before `@`, and the query.
fn without_credentials(endpoint: &Uri) -> String {
    let authority = endpoint.authority().map_or("", |authority| authority.as_str());
    let host = authority.rsplit('@').next().unwrap_or_default();
    format!("{}://{host}{}", endpoint.scheme_str().unwrap_or("http"), endpoint.path())
}

#[cfg(test)]
mod tests {
    use super::{DropReport, ExportFailure, PartialSuccess, Signal, without_credentials};
    use crate::telemetry::metrics::dropped::DroppedItems;
    use http::Uri;
    use std::io::{self, Read as _};
    use std::sync::Mutex;

    /// What is logged, without colour.
    fn logged(report: impl FnOnce(&mut DropReport)) -> String {
        let endpoint = Uri::from_static("http://user:word@collector:4318/wrong/v1/traces?key=word");
        let mut drops = DropReport::new(Signal::Traces, &endpoint, DroppedItems::of("export_failed"));
        let (mut reader, writer) = io::pipe().unwrap();
        let subscriber = tracing_subscriber::fmt().with_writer(Mutex::new(writer)).with_ansi(false).finish();
        tracing::subscriber::with_default(subscriber, || report(&mut drops));
        let mut lines = String::new();
        reader.read_to_string(&mut lines).unwrap();
        lines
    }

    #[test]
    fn the_message_of_a_partial_success_is_logged() {
        let success = |rejected| PartialSuccess { rejected, message: Some(String::from("over quota")) };
        let warned = logged(|report| (0..3).for_each(|_| report.note_accepted(success(0))));
        assert_eq!(warned.lines().count(), 1, "{warned}");
        assert!(warned.contains("WARN") && warned.contains("from_collector=\"over quota\""), "{warned}");
        let rejected = logged(|report| report.note_accepted(success(2)));
        assert!(rejected.contains("undelivered=2") && rejected.contains("over quota"), "{rejected}");
        assert_eq!(logged(|report| report.note_accepted(PartialSuccess::default())), "");
    }

    #[test]
    fn a_failure_is_logged_with_the_url() {
        let lines = logged(|report| report.note_dropped(3, ExportFailure::Unknown));
        assert!(lines.contains("http://collector:4318/wrong/v1/traces") && !lines.contains("word"), "{lines}");
    }

    #[test]
    fn an_endpoint_is_shown_without_credentials() {
        let endpoint = Uri::from_static("https://user:word@collector:4318/v1/traces?api-key=word");
        assert_eq!(without_credentials(&endpoint), "https://collector:4318/v1/traces");
        assert_eq!(without_credentials(&Uri::from_static("http://[::1]:4317")), "http://[::1]:4317/");
    }
}
