//! Whether a caller's trace is gone on with: `OTEL_PROPAGATORS`.

use crate::telemetry::otel_vars::OtelVars;

const VARIABLE: &str = "OTEL_PROPAGATORS";

/// Whether `traceparent` of callers is read, as it is unless the variable leaves `tracecontext` out. Baggage is never passed
/// on, whatever is said. What is not known here is told and ignored, as the specification asks.
pub(in crate::telemetry) fn is_propagated(environment: OtelVars<'_>) -> bool {
    let Some(list) = environment.get(VARIABLE) else { return true };
    let is_known = |name: &&str| matches!(*name, "tracecontext" | "baggage" | "none");
    let list = list.to_ascii_lowercase();
    let (known, unknown): (Vec<&str>, Vec<&str>) =
        list.split(',').map(str::trim).filter(|name| !name.is_empty()).partition(is_known);
    if !unknown.is_empty() {
        tracing::warn!(
            "`OTEL_PROPAGATORS` names some that are not known here, which are ignored; `tracecontext` is known"
        );
    }
    known.is_empty() || known.contains(&"tracecontext")
}

#[cfg(test)]
mod tests {
    use super::{OtelVars, VARIABLE, is_propagated};

    #[test]
    fn a_callers_trace_is_gone_on_with_unless_it_is_left_out() {
        let said = |list: &str| is_propagated(OtelVars::new(&|name| (name == VARIABLE).then(|| list.to_owned())));
        for list in ["", "tracecontext,baggage", "baggage, TraceContext", "b3", "b3,tracecontext"] {
            assert!(said(list), "{list}");
        }
        for list in ["none", "baggage", "b3,baggage"] {
            assert!(!said(list), "{list}");
        }
    }
}
