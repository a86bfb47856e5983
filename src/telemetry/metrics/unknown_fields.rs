//! Metrics of fields that requests have and the contract does not: what clients send before its spec is out.

use crate::telemetry::record::RequestRecord;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;
use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

/// Most fields of one operation, and of all, that have a series of their own.
// a client can send any name: without a bound it could fill the memory, and without one for each operation hide the rest
const MOST_OF_OPERATION: usize = 24;
const MOST: usize = 512;

/// The field of the series for all others.
const OTHER: &str = "_other";

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct UnknownFieldLabels {
    operation: Arc<str>,
    field: String,
}

/// Counts unknown fields, by operation and name.
#[derive(Debug, Default)]
pub(in crate::telemetry) struct UnknownFieldMetrics {
    counted: Family<UnknownFieldLabels, Counter>,
    /// The operations and fields that have a series.
    // locked for requests with unknown fields only
    known: Mutex<HashSet<UnknownFieldLabels>>,
}

impl UnknownFieldMetrics {
    pub(in crate::telemetry) fn register(&self, registry: &mut Registry) {
        registry.register(
            "portcullis_unknown_fields",
            "Requests with a field that the contract does not have for their operation and API version",
            self.counted.clone(),
        );
    }

    /// Counts each unknown field of a request, once a request.
    pub(in crate::telemetry) fn add(&self, record: &RequestRecord) {
        let Some(operation) = record.operation.as_ref().filter(|_| !record.unknown_fields.is_empty()) else { return };
        let fields: HashSet<&String> = record.unknown_fields.iter().collect();
        let series: HashSet<_> = fields.into_iter().map(|field| self.series(&operation.id, field)).collect();
        for labels in series {
            self.counted.get_or_create(&labels).inc();
        }
    }

    /// The series of a field; that of all others if there are too many.
    fn series(&self, operation: &Arc<str>, field: &str) -> UnknownFieldLabels {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let labels = UnknownFieldLabels { operation: Arc::clone(operation), field: field.to_owned() };
        if known.contains(&labels) {
            return labels;
        }
        let of_operation = known.iter().filter(|it| it.operation == *operation).count();
        if of_operation < MOST_OF_OPERATION && known.len() < MOST {
            known.insert(labels.clone());
            return labels;
        }
        UnknownFieldLabels { field: OTHER.to_owned(), ..labels }
    }
}

#[cfg(test)]
mod tests {
    use super::{MOST_OF_OPERATION, UnknownFieldMetrics};
    use crate::telemetry::record::samples::denied_request;
    use prometheus_client::encoding::text::encode;
    use prometheus_client::registry::Registry;

    fn shown(requests: &[Vec<String>]) -> String {
        let (metrics, mut registry) = (UnknownFieldMetrics::default(), Registry::default());
        metrics.register(&mut registry);
        for fields in requests {
            let mut record = denied_request();
            record.unknown_fields.clone_from(fields);
            metrics.add(&record);
        }
        let mut text = String::new();
        encode(&mut text, &registry).expect("text");
        text
    }

    #[test]
    fn a_field_counts_once_a_request() {
        let twice = vec!["nickname".to_owned(), "nickname".to_owned()];
        let text = shown(&[twice.clone(), twice]);
        let series = r#"portcullis_unknown_fields_total{operation="UpdateUser",field="nickname"} 2"#;
        assert!(text.contains(series), "{text}");
    }

    #[test]
    fn the_number_of_series_is_bounded() {
        let requests: Vec<_> = (0..1_000).map(|number| vec![format!("field{number}")]).collect();
        let text = shown(&requests);
        assert_eq!(text.matches("portcullis_unknown_fields_total{").count(), MOST_OF_OPERATION + 1);
        assert!(text.contains(&format!(r#"field="_other"}} {}"#, 1_000 - MOST_OF_OPERATION)), "{text}");
    }
}
