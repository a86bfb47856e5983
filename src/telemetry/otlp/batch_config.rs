//! The limits of a queue and its batches: `OTEL_BSP_*` for spans, `OTEL_BLRP_*` for log records.

use super::signal::Signal;
use crate::telemetry::otel_vars::OtelVars;
use std::time::Duration;

/// The limits of a queue and its batches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BatchConfig {
    /// Most items in the queue.
    pub(super) queue: usize,
    /// Most items in a batch.
    pub(super) batch: usize,
    /// Longest time that an item waits for its batch to fill.
    pub(super) delay: Duration,
    /// Longest time to send a batch.
    pub(super) timeout: Duration,
}

impl BatchConfig {
    /// Reads the limits for `signal`.
    pub(super) fn read(environment: OtelVars<'_>, signal: Signal) -> Self {
        let (prefix, queue, delay) = match signal {
            Signal::Logs => ("OTEL_BLRP", 2_048, 1_000),
            // the specification's 2,048 is for programs with one span a request; we have up to four
            Signal::Traces | Signal::Metrics => ("OTEL_BSP", 8_192, 5_000),
        };
        let number = |what: &str| environment.number(&format!("{prefix}_{what}"));
        let items = |what: &str| environment.items(&format!("{prefix}_{what}"));
        let queue = items("MAX_QUEUE_SIZE").map_or(queue, clamp_items);
        Self {
            queue,
            batch: items("MAX_EXPORT_BATCH_SIZE").map_or(512, clamp_items).min(queue),
            delay: Duration::from_millis(number("SCHEDULE_DELAY").unwrap_or(delay)),
            timeout: timeout(number("EXPORT_TIMEOUT").unwrap_or(30_000)),
        }
    }
}

/// Clamps a number of items to at least one, and to what memory allows.
fn clamp_items(items: u64) -> usize {
    usize::try_from(items.clamp(1, 1 << 20)).unwrap_or(1)
}

/// A timeout in milliseconds. 0 means none.
// "None" is a day: pingora's timer has no infinity, and an exporter that waits for a day is broken in any case.
pub(super) const fn timeout(millis: u64) -> Duration {
    const DAY: Duration = Duration::from_secs(86_400);
    if millis == 0 || millis > 86_400_000 { DAY } else { Duration::from_millis(millis) }
}

#[cfg(test)]
mod tests {
    use super::{BatchConfig, Signal};
    use crate::telemetry::otel_vars::OtelVars;
    use std::time::Duration;

    #[test]
    fn spans_and_log_records_have_bounds_of_their_own() {
        let variables = [
            ("OTEL_BSP_MAX_QUEUE_SIZE", "10"),
            ("OTEL_BLRP_SCHEDULE_DELAY", "7"),
            ("OTEL_BLRP_EXPORT_TIMEOUT", "0"),
            ("OTEL_BSP_EXPORT_TIMEOUT", "many"),
        ];
        let lookup = |name: &str| variables.iter().find(|it| it.0 == name).map(|it| it.1.to_owned());
        let read = |signal| BatchConfig::read(OtelVars::new(&lookup), signal);
        let (millis, day) = (Duration::from_millis, Duration::from_secs(86_400));
        let spans = BatchConfig { queue: 10, batch: 10, delay: millis(5_000), timeout: millis(30_000) };
        assert_eq!(read(Signal::Traces), spans);
        assert_eq!(read(Signal::Logs), BatchConfig { queue: 2_048, batch: 512, delay: millis(7), timeout: day });
    }
}
