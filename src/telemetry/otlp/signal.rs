//! What is sent: traces, metrics and logs, and what each is called by variables, paths and people.

/// One of the signals of OpenTelemetry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Signal {
    Traces,
    Metrics,
    Logs,
}

impl Signal {
    /// The word used in logs.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Traces => "traces",
            Self::Metrics => "metrics",
            Self::Logs => "logs",
        }
    }

    /// The variable that says where the signal goes.
    pub(super) fn exporter(self) -> String {
        format!("OTEL_{}_EXPORTER", self.as_str().to_uppercase())
    }

    /// The variable of the OTLP exporter whose name ends in `what` for this signal, and the one for all.
    pub(super) fn variables(self, what: &str) -> [String; 2] {
        let signal = self.as_str().to_uppercase();
        [format!("OTEL_EXPORTER_OTLP_{signal}_{what}"), format!("OTEL_EXPORTER_OTLP_{what}")]
    }

    /// Where below its endpoint a collector takes the signal over HTTP.
    pub(super) const fn path(self) -> &'static str {
        match self {
            Self::Traces => "/v1/traces",
            Self::Metrics => "/v1/metrics",
            Self::Logs => "/v1/logs",
        }
    }

    /// The method that takes it over gRPC, as `opentelemetry/proto/collector` names it.
    pub(super) const fn method(self) -> &'static str {
        match self {
            Self::Traces => "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
            Self::Metrics => "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
            Self::Logs => "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
        }
    }
}
