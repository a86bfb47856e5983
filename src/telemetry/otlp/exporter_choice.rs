//! Which exporter a signal has: `OTEL_TRACES_EXPORTER`, `OTEL_METRICS_EXPORTER`, `OTEL_LOGS_EXPORTER`.

use super::signal::Signal;
use crate::telemetry::otel_vars::OtelVars;

/// The exporter of a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ExporterChoice {
    /// A collector. `named` is whether the variable names it, or it follows from an endpoint only.
    Otlp { named: bool },
    /// Standard error.
    Console,
    /// None. Metrics can still be scraped from the admin listener.
    Nowhere,
}

impl ExporterChoice {
    /// Reads the exporter for `signal`. An unknown one is ignored with a warning, as the specification requires.
    pub(super) fn read(environment: OtelVars<'_>, signal: Signal) -> Self {
        if environment.is_true("OTEL_SDK_DISABLED") {
            return Self::Nowhere;
        }
        let variable = signal.exporter();
        let Some(name) = environment.get(&variable) else { return Self::Otlp { named: false } };
        match (name.trim().to_ascii_lowercase().as_str(), signal) {
            ("otlp", _) => Self::Otlp { named: true },
            ("console" | "logging", _) => Self::Console,
            ("none", _) | ("prometheus", Signal::Metrics) => Self::Nowhere,
            _ => {
                environment.ignore(&variable, "names an unknown exporter");
                Self::Otlp { named: false }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{ExporterChoice, Signal};
    use crate::telemetry::otel_vars::OtelVars;

    fn choice(signal: Signal, variables: &[(&str, &str)]) -> ExporterChoice {
        let lookup = |name: &str| variables.iter().find(|it| it.0 == name).map(|it| it.1.to_owned());
        ExporterChoice::read(OtelVars::new(&lookup), signal)
    }

    #[test]
    fn each_signal_has_a_choice_of_its_own() {
        let variables = [("OTEL_TRACES_EXPORTER", "Console"), ("OTEL_METRICS_EXPORTER", "prometheus")];
        assert_eq!(choice(Signal::Traces, &variables), ExporterChoice::Console);
        assert_eq!(choice(Signal::Metrics, &variables), ExporterChoice::Nowhere);
        assert_eq!(choice(Signal::Logs, &variables), ExporterChoice::Otlp { named: false });
        assert_eq!(choice(Signal::Logs, &[("OTEL_LOGS_EXPORTER", "otlp")]), ExporterChoice::Otlp { named: true });
    }

    #[test]
    fn an_exporter_that_is_not_known_is_as_if_none_was_named() {
        for name in ["zipkin", "prometheus", "otlp,console", ""] {
            assert_eq!(
                choice(Signal::Traces, &[("OTEL_TRACES_EXPORTER", name)]),
                ExporterChoice::Otlp { named: false },
                "{name}"
            );
        }
    }

    #[test]
    fn switched_off_is_off_whatever_else_is_said() {
        for signal in [Signal::Traces, Signal::Metrics, Signal::Logs] {
            let variables = [("OTEL_SDK_DISABLED", "True"), ("OTEL_TRACES_EXPORTER", "console")];
            assert_eq!(choice(signal, &variables), ExporterChoice::Nowhere);
        }
    }
}
