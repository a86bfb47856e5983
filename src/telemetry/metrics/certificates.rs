//! Metrics of the certificates that the gateway presents: when they end, and whether they are those of their files.

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Unit;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// A certificate in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateStatus {
    /// The key of the configuration that names its file.
    pub name: String,
    /// The path of the PEM file, as configured.
    pub file: String,
    /// When it, or an intermediate certificate in the same file, ends, in seconds since 1970. `None` if unknown.
    pub end: Option<i64>,
    /// Whether it is the one that the file has now. A file that cannot be used is not loaded.
    pub is_current: bool,
}

/// The certificates in force.
#[derive(Clone, Debug, Default)]
// A mutex, as it is taken at a reload and at a scrape only. Poisoning is ignored: a panic cannot leave a half-replaced
// list.
pub(in crate::telemetry) struct CertificateMetrics(Arc<Mutex<Vec<CertificateStatus>>>);

impl CertificateMetrics {
    /// Replaces the certificates, when they are loaded.
    pub(in crate::telemetry) fn set(&self, certificates: Vec<CertificateStatus>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = certificates;
    }
}

impl Collector for CertificateMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let certificates = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut ends = encoder.encode_descriptor(
            "portcullis_certificate_expiry_timestamp",
            "When the certificate of a listener ends, since 1970.",
            Some(&Unit::Seconds),
            MetricType::Gauge,
        )?;
        for certificate in certificates.iter() {
            let Some(end) = certificate.end else { continue };
            ConstGauge::new(end).encode(ends.encode_family(&labels(certificate))?)?;
        }
        let mut current = encoder.encode_descriptor(
            "portcullis_certificate_reload_success",
            "Whether the certificate of a listener is the one of its file: 0 if that cannot be used.",
            None,
            MetricType::Gauge,
        )?;
        for certificate in certificates.iter() {
            ConstGauge::new(i64::from(certificate.is_current)).encode(current.encode_family(&labels(certificate))?)?;
        }
        Ok(())
    }
}

fn labels(certificate: &CertificateStatus) -> [(&'static str, &str); 2] {
    [("certificate", &certificate.name), ("file", &certificate.file)]
}
