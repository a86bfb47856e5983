//! Spans on standard error, for people: a tree for each request, with the same attributes as a collector gets.

use super::batch::Batch;
use super::queue::BatchQueue;
use super::span::SpanKind;
use crate::redact::Escaped;
use crate::telemetry::logs::line_writer::{Destination, DropReporter, LineImportance, LineWriter};
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use opentelemetry_proto::tonic::trace::v1::{ScopeSpans, Span};
use prometheus_client::metrics::counter::Counter;
use prost::Message as _;
use std::fmt::Write as _;
use std::io;
use std::time::Duration;

/// Longest time to write the last spans.
pub(super) const LAST: Duration = Duration::from_secs(1);

/// A writer of standard error. `dropped` counts lines that have no room.
pub(super) fn stderr(dropped: &Counter) -> io::Result<LineWriter> {
    let loss = DropReporter::silent(dropped.clone());
    LineWriter::start("console", Destination::stream(Box::new(io::stderr())), loss, Duration::ZERO)
}

/// Writes the spans of `queue` to `lines`, until it is closed and empty.
// Decoded from the bytes a collector would get, so that the console can't differ from it.
pub(super) async fn show_from(queue: &BatchQueue, delay: Duration, lines: LineWriter) {
    while let Some(batch) = queue.next(delay).await {
        for tree in trees(&batch) {
            lines.append(tree.as_bytes(), LineImportance::Ordinary);
        }
    }
    // blocking is fine here: nothing else is left to do, and the process is about to end
    lines.flush(LAST);
}

/// A text for each trace of the batch, with its CLIENT spans indented.
// The spans of a request are next to one another in a batch, the SERVER span first.
fn trees(batch: &Batch) -> Vec<String> {
    let mut trees: Vec<String> = Vec::new();
    for span in ScopeSpans::decode(batch.bytes()).unwrap_or_default().spans {
        let is_root = span.kind == SpanKind::Server as i32;
        if is_root || trees.is_empty() {
            trees.push(format!("trace {}\n", hex(&span.trace_id)));
        }
        if let Some(tree) = trees.last_mut() {
            show(tree, &span, if is_root { "" } else { "  " });
        }
    }
    trees
}

fn show(tree: &mut String, span: &Span, indent: &str) {
    let elapsed = Duration::from_nanos(span.end_time_unix_nano.saturating_sub(span.start_time_unix_nano));
    let kind = span.kind().as_str_name().trim_start_matches("SPAN_KIND_").to_lowercase();
    let failed = span.status.as_ref().is_some_and(|status| status.code() == StatusCode::Error);
    let error = if failed { " ERROR" } else { "" };
    // writing to a String can't fail
    let _ = writeln!(tree, "{indent}{} [{kind}] {elapsed:?}{error}", Escaped(&span.name));
    attributes(tree, &span.attributes, indent);
    for event in &span.events {
        let _ = writeln!(tree, "{indent}  ! {}", Escaped(&event.name));
        attributes(tree, &event.attributes, &format!("{indent}  "));
    }
}

fn attributes(tree: &mut String, attributes: &[KeyValue], indent: &str) {
    for KeyValue { key, value, .. } in attributes {
        let _ = writeln!(tree, "{indent}    {key}: {}", value.as_ref().map_or_else(String::new, text));
    }
}

fn text(value: &AnyValue) -> String {
    match &value.value {
        Some(Value::StringValue(text)) => Escaped(text).to_string(),
        Some(Value::IntValue(number)) => number.to_string(),
        Some(Value::BoolValue(truth)) => truth.to_string(),
        Some(Value::DoubleValue(number)) => number.to_string(),
        Some(Value::ArrayValue(array)) => array.values.iter().map(text).collect::<Vec<_>>().join(", "),
        // spans have no other values
        _ => String::new(),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

#[cfg(test)]
mod tests {
    use super::super::protobuf::Message;
    use super::super::spans::SpanWriter;
    use super::{Batch, trees};
    use crate::config::gateway::UpstreamTarget;
    use crate::telemetry::record::{RequestRecord, samples};

    fn shown(records: &[RequestRecord]) -> Vec<String> {
        let (mut bytes, spans) = (Vec::new(), SpanWriter::new(&UpstreamTarget::Embedded));
        for record in records {
            spans.write(record, &mut Message::new(&mut bytes));
        }
        let mut batch = Batch::default();
        batch.add(&bytes, 0);
        trees(&batch)
    }

    #[test]
    fn each_request_is_a_tree_of_its_own() {
        let trees = shown(&[samples::allowed_request(), samples::denied_request()]);
        let [allowed, denied] = &trees[..] else { panic!("two trees: {trees:?}") };
        assert!(
            allowed.starts_with("trace 11111111111111111111111111111111\nPATCH /v1/users/{user_id} [server] 1.234ms\n")
        );
        assert!(allowed.contains("\n  judge [internal] 3µs\n"), "{allowed}");
        assert!(allowed.contains("\n  PATCH /v1/users/{user_id} [client] 900µs\n"), "{allowed}");
        assert!(allowed.contains("\n    http.response.status_code: 200\n"), "{allowed}");
        assert!(
            denied.contains("\n  ! policy.violation\n      security_rule.name: no-skip-password-checks\n"),
            "{denied}"
        );
        assert!(denied.contains("policy.deciding_rules: no-skip-password-checks, additionalProperties\n"), "{denied}");
        assert!(shown(&[samples::failed_request()])[0].contains(" [server] 1.234ms ERROR\n"));
    }

    #[test]
    fn no_name_can_forge_a_line() {
        let mut record = samples::denied_request();
        record.violations[0].rule = crate::judge::violation::Rule::Policy("a\n\u{1b}[31mb".into());
        let tree = shown(&[record]).concat();
        assert!(tree.contains("security_rule.name: a\\u{a}\\u{1b}[31mb\n"), "{tree}");
    }
}
