//! Whether the caller's trace is continued: `OTEL_PROPAGATORS`.

use crate::telemetry::otel_vars::OtelVars;

const VARIABLE: &str = "OTEL_PROPAGATORS";

/// Whether `traceparent` is read and sent. It is, unless the variable leaves out `tracecontext`. An unknown propagator
/// is ignored with a warning, as the specification requires.
// `baggage` is a valid name, but baggage is never propagated: `gateway::headers` drops it, as it is text of the caller's
// that no policy judges.
pub(in crate::telemetry) fn is_propagated(environment: OtelVars<'_>) -> bool {
    let Some(list) = environment.get(VARIABLE) else { return true };
    let is_known = |name: &&str| matches!(*name, "tracecontext" | "baggage" | "none");
    let list = list.to_ascii_lowercase();
    let (known, unknown): (Vec<&str>, Vec<&str>) =
        list.split(',').map(str::trim).filter(|name| !name.is_empty()).partition(is_known);
    if !unknown.is_empty() {
        tracing::warn!("`OTEL_PROPAGATORS` has unknown names, which are ignored; `tracecontext` is known");
    }
    known.is_empty() || known.contains(&"tracecontext")
}

#[cfg(test)]
mod tests {
    use super::{OtelVars, VARIABLE, is_propagated};

    #[test]
    fn a_callers_trace_is_gone_on_with_unless_it_is_left_out() {
        let propagated = |list: &str| is_propagated(OtelVars::new(&|name| (name == VARIABLE).then(|| list.to_owned())));
        for list in ["", "tracecontext,baggage", "baggage, TraceContext", "b3", "b3,tracecontext"] {
            assert!(propagated(list), "{list}");
        }
        for list in ["none", "baggage", "b3,baggage"] {
            assert!(!propagated(list), "{list}");
        }
    }
}
