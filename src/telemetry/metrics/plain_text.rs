//! The metrics in Prometheus' own text format (version 0.0.4), for what does not ask for `OpenMetrics`: `promtool`, older
//! scrapers, people with `curl`. It has names with their suffixes, no units and no exemplars.

use crate::telemetry::metrics::exposition::families;
use std::fmt::Write as _;

/// What `openmetrics` says, in the older format.
pub(in crate::telemetry) fn plain_text(openmetrics: &str) -> String {
    let mut text = String::with_capacity(openmetrics.len());
    for family in families(openmetrics) {
        let (suffix, kind) = match family.kind {
            "counter" => ("_total", "counter"),
            "info" => ("_info", "gauge"),
            kind => ("", kind),
        };
        // writing to a String can't fail
        let _ = writeln!(text, "# HELP {}{suffix} {}", family.name, family.help);
        let _ = writeln!(text, "# TYPE {}{suffix} {kind}", family.name);
        for sample in &family.samples {
            let _ = writeln!(text, "{}", sample.line);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::plain_text;

    #[test]
    fn names_have_their_suffixes_and_exemplars_are_left_out() {
        let text = "# HELP a A.\n# TYPE a counter\na_total{b=\"c\"} 1 # {trace_id=\"ab\"} 1.0\n# HELP d D.\n# TYPE d info\nd_info 1\n\
                    # HELP e_seconds E.\n# TYPE e_seconds gauge\n# UNIT e_seconds seconds\ne_seconds 2\n# EOF\n";
        let plain = "# HELP a_total A.\n# TYPE a_total counter\na_total{b=\"c\"} 1\n# HELP d_info D.\n# TYPE d_info gauge\nd_info 1\n\
                     # HELP e_seconds E.\n# TYPE e_seconds gauge\ne_seconds 2\n";
        assert_eq!(plain_text(text), plain);
    }
}
