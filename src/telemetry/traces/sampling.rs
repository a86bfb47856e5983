//! Which traces are exported: the sampler decides at the head of a request, and some outcomes are exported regardless.

use crate::config::gateway::{AlwaysExport, Sampler, Traces};
use crate::telemetry::otel_vars::OtelVars;
use crate::telemetry::record::{Outcome, RequestRecord};
use crate::telemetry::traces::{Parent, TraceContext};
use std::time::Duration;

/// The sampler and the outcomes that are always exported.
#[derive(Clone, Debug)]
pub(in crate::telemetry) struct Sampling {
    sampler: Sampler,
    denied: bool,
    failed: bool,
    /// Requests that take at least this long.
    slow: Option<Duration>,
}

impl Sampling {
    /// The configured sampler, overridden by `OTEL_TRACES_SAMPLER` and `OTEL_TRACES_SAMPLER_ARG`. An unknown sampler is
    /// ignored with a warning, as the OpenTelemetry environment specification requires.
    pub(in crate::telemetry) fn new(traces: &Traces, environment: OtelVars<'_>) -> Self {
        Self {
            sampler: from_environment(environment).unwrap_or(traces.sampler),
            denied: traces.always_export.contains(&AlwaysExport::Denied),
            failed: traces.always_export.contains(&AlwaysExport::Failed),
            slow: traces.always_export.contains(&AlwaysExport::Slow).then_some(traces.slow_threshold),
        }
    }

    /// The decision at the head of a request.
    pub(in crate::telemetry) fn at_head(&self, trace_id: [u8; 16], parent: Option<&Parent>) -> bool {
        let as_caller = |without: bool| parent.map_or(without, |parent| parent.sampled);
        match self.sampler {
            Sampler::AlwaysOn => true,
            Sampler::AlwaysOff => false,
            Sampler::TraceIdRatio(share) => within(trace_id, share),
            Sampler::ParentBasedAlwaysOn => as_caller(true),
            Sampler::ParentBasedAlwaysOff => as_caller(false),
            Sampler::ParentBasedTraceIdRatio(share) => as_caller(within(trace_id, share)),
        }
    }

    /// Whether a finished request is exported.
    // The head of a request cannot know its outcome. A refusal that was not sampled is exported all the same; only the
    // spans of the upstream are missing from its trace then.
    pub(in crate::telemetry) fn at_end(&self, record: &RequestRecord) -> bool {
        let TraceContext { sampled, .. } = record.trace;
        sampled
            || self.slow.is_some_and(|threshold| record.elapsed >= threshold)
            || self.failed && record.has_failed()
            || self.denied && record.outcome == Outcome::Denied
    }
}

/// Whether a trace id is within the share.
// The comparison of the OpenTelemetry SDKs, so that services with the same share keep the same traces.
#[expect(clippy::cast_precision_loss, reason = "the last bits of an id do not matter to a share of all ids")]
fn within(trace_id: [u8; 16], share: f64) -> bool {
    let low = u128::from_be_bytes(trace_id) & u128::from(u64::MAX >> 1);
    (low as f64) < share * (u64::MAX >> 1) as f64 || share >= 1.0
}

fn from_environment(environment: OtelVars<'_>) -> Option<Sampler> {
    let name = environment.get("OTEL_TRACES_SAMPLER")?;
    let sampler = by_name(&name, share(environment));
    if sampler.is_none() {
        tracing::warn!("`OTEL_TRACES_SAMPLER` is not a known sampler; the configured one is used");
    }
    sampler
}

/// The share of `OTEL_TRACES_SAMPLER_ARG`. 1 if it is unset or not a number from 0 to 1.
fn share(environment: OtelVars<'_>) -> f64 {
    let Some(argument) = environment.get("OTEL_TRACES_SAMPLER_ARG") else { return 1.0 };
    let share = argument.trim().parse().ok().filter(|share| (0.0..=1.0).contains(share));
    share.unwrap_or_else(|| {
        tracing::warn!("`OTEL_TRACES_SAMPLER_ARG` is not a number from 0 to 1; every trace is sampled");
        1.0
    })
}

fn by_name(name: &str, share: f64) -> Option<Sampler> {
    Some(match name.trim().to_ascii_lowercase().as_str() {
        "always_on" => Sampler::AlwaysOn,
        "always_off" => Sampler::AlwaysOff,
        "traceidratio" => Sampler::TraceIdRatio(share),
        "parentbased_always_on" => Sampler::ParentBasedAlwaysOn,
        "parentbased_always_off" => Sampler::ParentBasedAlwaysOff,
        "parentbased_traceidratio" => Sampler::ParentBasedTraceIdRatio(share),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::{OtelVars, Sampling};
    use crate::config::gateway::{AlwaysExport, Sampler, Traces};
    use crate::telemetry::record::{Outcome, RequestRecord, samples};
    use crate::telemetry::traces::{Parent, TraceContext};
    use std::sync::Arc;
    use std::time::Duration;

    fn sampling(sampler: Sampler, variables: &[(&str, &str)]) -> Sampling {
        let slow_threshold = Duration::from_secs(1);
        let traces = Traces {
            sampler,
            always_export: vec![AlwaysExport::Denied, AlwaysExport::Slow],
            slow_threshold,
            send_to_upstream: true,
        };
        let lookup = |name: &str| variables.iter().find(|it| it.0 == name).map(|it| it.1.to_owned());
        Sampling::new(&traces, OtelVars::new(&lookup))
    }

    const fn parent(sampled: bool) -> Parent {
        Parent { trace_id: [1; 16], span_id: [1; 8], sampled, random: false }
    }

    #[test]
    fn a_parent_decides_where_the_sampler_lets_it() {
        let based = sampling(Sampler::ParentBasedAlwaysOff, &[]);
        assert!(based.at_head([1; 16], Some(&parent(true))));
        assert!(!based.at_head([1; 16], Some(&parent(false))));
        assert!(!based.at_head([1; 16], None));
        assert!(sampling(Sampler::AlwaysOn, &[]).at_head([1; 16], Some(&parent(false))));
    }

    #[test]
    fn a_share_is_a_share_of_trace_ids() {
        let quarter = sampling(Sampler::TraceIdRatio(0.25), &[]);
        let sampled = (0..4000).filter(|_| quarter.at_head(TraceContext::below(None).trace_id, None)).count();
        assert!((800..1200).contains(&sampled), "{sampled}");
        assert!(sampling(Sampler::TraceIdRatio(1.0), &[]).at_head([0xff; 16], None));
        assert!(!sampling(Sampler::TraceIdRatio(0.0), &[]).at_head([0; 16], None));
    }

    #[test]
    fn the_environment_wins_over_the_configuration() {
        let off = sampling(Sampler::AlwaysOn, &[("OTEL_TRACES_SAMPLER", "always_off")]);
        assert!(!off.at_head([1; 16], None));
        let none = [("OTEL_TRACES_SAMPLER", "parentbased_traceidratio"), ("OTEL_TRACES_SAMPLER_ARG", "0")];
        assert!(!sampling(Sampler::AlwaysOn, &none).at_head([1; 16], None));
        let unknown = sampling(Sampler::AlwaysOff, &[("OTEL_TRACES_SAMPLER", "jaeger_remote")]);
        assert!(!unknown.at_head([1; 16], None));
    }

    #[test]
    fn what_must_not_be_missed_is_exported_though_the_head_said_no() {
        let off = sampling(Sampler::AlwaysOff, &[]);
        let mut record = RequestRecord::begin("PATCH", TraceContext::below(None), Arc::from("r"));
        for (outcome, exported) in [(Outcome::Denied, true), (Outcome::Failed, false), (Outcome::Allowed, false)] {
            record.outcome = outcome;
            assert_eq!(off.at_end(&record), exported, "{outcome:?}");
        }
        for (elapsed, exported) in [(999, false), (1_000, true)] {
            record.elapsed = Duration::from_millis(elapsed);
            assert_eq!(off.at_end(&record), exported, "{elapsed} ms");
        }
        record.elapsed = Duration::ZERO;
        record.trace.sampled = true;
        assert!(off.at_end(&record));
    }

    #[test]
    fn an_answer_of_5xx_counts_as_failed() {
        let (always_export, slow_threshold) = (vec![AlwaysExport::Failed], Duration::MAX);
        let traces = Traces { sampler: Sampler::AlwaysOff, always_export, slow_threshold, send_to_upstream: true };
        let failures = Sampling::new(&traces, OtelVars::new(&|_| None));
        let mut record = samples::allowed_request();
        record.trace.sampled = false;
        for (status, exported) in [(404, false), (500, true)] {
            record.upstream.as_mut().unwrap().status = Some(status);
            assert_eq!(failures.at_end(&record), exported, "{status}");
        }
        assert!(!sampling(Sampler::AlwaysOff, &[]).at_end(&record), "where only refusals are asked for");
    }
}
