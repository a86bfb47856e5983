//! Which exporters a signal has: `OTEL_TRACES_EXPORTER`, `OTEL_METRICS_EXPORTER`, `OTEL_LOGS_EXPORTER`.

use super::signal::Signal;
use crate::telemetry::otel_vars::OtelVars;

/// The exporters of a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ExporterChoice {
    /// Whether there is a collector.
    pub(super) otlp: OtlpChoice,
    /// Whether there is standard error.
    pub(super) console: bool,
}

/// Whether a signal is sent to a collector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OtlpChoice {
    /// No. Metrics can still be scraped from the admin listener.
    Off,
    /// If an endpoint is set.
    IfEndpoint,
    /// Yes: the variable names it.
    Named,
}

impl ExporterChoice {
    const NOWHERE: Self = Self { otlp: OtlpChoice::Off, console: false };
    const UNNAMED: Self = Self { otlp: OtlpChoice::IfEndpoint, console: false };

    /// Reads the list of exporters for `signal`. An unknown one is ignored with a warning, as the specification requires.
    pub(super) fn read(environment: OtelVars<'_>, signal: Signal) -> Self {
        if environment.is_true("OTEL_SDK_DISABLED") {
            return Self::NOWHERE;
        }
        let variable = signal.exporter();
        let Some(list) = environment.get(&variable) else { return Self::UNNAMED };
        let (mut choice, mut is_none, mut is_unknown) = (Self::NOWHERE, false, false);
        for name in list.to_ascii_lowercase().split(',').map(str::trim).filter(|name| !name.is_empty()) {
            match (name, signal) {
                ("otlp", _) => choice.otlp = OtlpChoice::Named,
                ("console" | "logging", _) => choice.console = true,
                ("none", _) | ("prometheus", Signal::Metrics) => is_none = true,
                _ => is_unknown = true,
            }
        }
        if choice == Self::NOWHERE && !is_none {
            if is_unknown {
                environment.ignore(&variable, "names an unknown exporter");
            }
            return Self::UNNAMED;
        }
        if is_unknown {
            environment.ignore_part(&variable, "names an unknown exporter");
        }
        choice
    }
}

#[cfg(test)]
mod tests {
    use super::{ExporterChoice, OtlpChoice, Signal};
    use crate::telemetry::otel_vars::OtelVars;

    fn choice(signal: Signal, variables: &[(&str, &str)]) -> ExporterChoice {
        let lookup = |name: &str| variables.iter().find(|it| it.0 == name).map(|it| it.1.to_owned());
        ExporterChoice::read(OtelVars::new(&lookup), signal)
    }

    #[test]
    fn each_signal_has_a_choice_of_its_own() {
        let variables = [("OTEL_TRACES_EXPORTER", "Console"), ("OTEL_METRICS_EXPORTER", "prometheus")];
        assert_eq!(choice(Signal::Traces, &variables), ExporterChoice { otlp: OtlpChoice::Off, console: true });
        assert_eq!(choice(Signal::Metrics, &variables), ExporterChoice::NOWHERE);
        assert_eq!(choice(Signal::Logs, &variables), ExporterChoice::UNNAMED);
        assert_eq!(choice(Signal::Logs, &[("OTEL_LOGS_EXPORTER", "otlp")]).otlp, OtlpChoice::Named);
    }

    #[test]
    fn a_list_has_every_exporter_that_it_names() {
        let both = ExporterChoice { otlp: OtlpChoice::Named, console: true };
        for list in ["otlp,console", " Console , otlp ", "otlp,zipkin,console", "none,otlp,logging"] {
            assert_eq!(choice(Signal::Traces, &[("OTEL_TRACES_EXPORTER", list)]), both, "{list}");
        }
        let otlp = ExporterChoice { otlp: OtlpChoice::Named, console: false };
        assert_eq!(choice(Signal::Metrics, &[("OTEL_METRICS_EXPORTER", "prometheus,otlp")]), otlp);
        assert_eq!(choice(Signal::Metrics, &[("OTEL_METRICS_EXPORTER", "prometheus,none")]), ExporterChoice::NOWHERE);
    }

    #[test]
    fn an_exporter_that_is_not_known_is_as_if_none_was_named() {
        for name in ["zipkin", "prometheus", "zipkin,jaeger", ",", ""] {
            assert_eq!(choice(Signal::Traces, &[("OTEL_TRACES_EXPORTER", name)]), ExporterChoice::UNNAMED, "{name}");
        }
    }

    #[test]
    fn switched_off_is_off_whatever_else_is_said() {
        for signal in [Signal::Traces, Signal::Metrics, Signal::Logs] {
            let variables = [("OTEL_SDK_DISABLED", "True"), ("OTEL_TRACES_EXPORTER", "console")];
            assert_eq!(choice(signal, &variables), ExporterChoice::NOWHERE);
        }
    }
}
