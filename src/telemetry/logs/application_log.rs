//! The application log on standard error: start, stop, reload, errors.
//!
//! Only events of this crate are logged, at every level, and there is no way to turn on others.

use crate::config::gateway::{LogFormat, Logs};
use crate::telemetry::logs::level::LevelHandle;
use crate::telemetry::logs::line_writer::{Destination, DropReporter, LineImportance, LineWriter};
use crate::telemetry::otlp::EventExporter;
use prometheus_client::metrics::counter::Counter;
use std::io;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tracing::Metadata;
use tracing::level_filters::LevelFilter;
use tracing::subscriber::Interest;
use tracing_subscriber::fmt::{self, MakeWriter};
use tracing_subscriber::layer::{Context, Filter, Layer as _, SubscriberExt as _};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::{SubscriberInitExt as _, TryInitError};

/// The application log of the process.
pub struct ApplicationLog {
    /// The level, which can change at run time.
    pub level: LevelHandle,
    /// Dropped lines.
    pub(in crate::telemetry) lost: Counter,
    lines: Arc<LineWriter>,
    exported: Exported,
}

/// The exporter of events, once there is one.
type Exported = Arc<OnceLock<EventExporter>>;

/// Why the log can't be started.
#[derive(Debug, thiserror::Error)]
pub enum LogStartError {
    /// The writer's thread could not be started.
    #[error("the log can't be started")]
    Thread(#[source] io::Error),
    /// The process has a log already.
    #[error("the process has a log already")]
    Taken(#[source] TryInitError),
}

impl ApplicationLog {
    /// Starts the log. `terminal` is whether standard error is one.
    ///
    /// # Errors
    /// If the process has a log already, or the thread can't be started.
    // Lines go through a writer of their own: a stalled standard error must not stop the workers.
    pub fn start(logs: &Logs, terminal: bool) -> Result<Self, LogStartError> {
        let destination = Destination::stream(Box::new(io::stderr()));
        let lost = Counter::default();
        let lines = LineWriter::start("log", destination, DropReporter::silent(lost.clone()), Duration::ZERO);
        let lines = Arc::new(lines.map_err(LogStartError::Thread)?);
        let level = LevelHandle::new(logs.level);
        let queue = LineMakeWriter(Arc::clone(&lines));
        let exported = Exported::default();
        let export = ExportLayer(Arc::clone(&exported)).with_filter(OwnTargets(level.clone()));
        subscriber(&level, logs.format, terminal, queue).with(export).try_init().map_err(LogStartError::Taken)?;
        Ok(Self { level, lost, lines, exported })
    }

    /// Exports events from now on, too.
    pub(in crate::telemetry) fn export_to(&self, events: EventExporter) {
        // set once: a process has one telemetry
        let _ = self.exported.set(events);
    }

    /// Waits until everything logged so far is written, at most for `deadline`.
    pub fn flush(&self, deadline: Duration) {
        self.lines.flush(deadline);
    }
}

/// Makes the writer of each event.
struct LineMakeWriter(Arc<LineWriter>);

// tracing-subscriber formats an event into a buffer and writes it with one call, so a call is a line.
struct LineSlot<'a>(&'a LineWriter, LineImportance);

impl<'a> MakeWriter<'a> for LineMakeWriter {
    type Writer = LineSlot<'a>;

    fn make_writer(&'a self) -> LineSlot<'a> {
        LineSlot(&self.0, LineImportance::Ordinary)
    }

    fn make_writer_for(&'a self, about: &Metadata<'_>) -> LineSlot<'a> {
        // errors and warnings are what a stalled log must not lose first
        let grave = *about.level() <= tracing::Level::WARN;
        LineSlot(&self.0, if grave { LineImportance::Reserved } else { LineImportance::Ordinary })
    }
}

impl io::Write for LineSlot<'_> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.append(line, self.1);
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn subscriber<W>(
    level: &LevelHandle,
    format: LogFormat,
    terminal: bool,
    writer: W,
) -> impl tracing::Subscriber + for<'a> LookupSpan<'a> + Send + Sync + use<W>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    tracing_subscriber::registry().with(layer(format, terminal, writer).with_filter(OwnTargets(level.clone())))
}

/// A layer that exports events.
struct ExportLayer(Exported);

impl<S: tracing::Subscriber> tracing_subscriber::Layer<S> for ExportLayer {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        if let Some(events) = self.0.get() {
            events.add(event);
        }
    }
}

/// A filter for events of this crate at the current level.
// Other crates log what they like, such as headers at `debug` and frames at `trace`, and a later version of one may do
// so at `warn`. A gateway that promises to log no secret can't pass that on.
struct OwnTargets(LevelHandle);

impl OwnTargets {
    fn hears(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= self.0.filter() && ours(metadata.target())
    }
}

impl<S> Filter<S> for OwnTargets {
    fn enabled(&self, metadata: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        self.hears(metadata)
    }

    /// Called once for each callsite, and again when the level changes.
    fn callsite_enabled(&self, metadata: &'static Metadata<'static>) -> Interest {
        if self.hears(metadata) { Interest::always() } else { Interest::never() }
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.0.filter())
    }
}

/// Whether `target` is a module of this crate.
// `Targets` of tracing-subscriber matches any crate whose name starts with ours.
fn ours(target: &str) -> bool {
    target.split("::").next() == Some("portcullis")
}

fn layer<S, W>(format: LogFormat, terminal: bool, writer: W) -> Box<dyn tracing_subscriber::Layer<S> + Send + Sync>
where
    S: tracing::Subscriber + for<'a> LookupSpan<'a>,
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let layer = fmt::layer().with_writer(writer);
    match format {
        LogFormat::Json => layer.json().flatten_event(true).boxed(),
        LogFormat::Auto if !terminal => layer.json().flatten_event(true).boxed(),
        LogFormat::Auto | LogFormat::Human => layer.with_ansi(terminal).with_target(false).boxed(),
    }
}

#[cfg(test)]
mod tests {
    use super::{LevelHandle, subscriber};
    use crate::config::gateway::{LogFormat, LogLevel};
    use std::io::{self, Read as _};
    use std::sync::Mutex;

    fn logged(level: LogLevel, format: LogFormat, say: impl FnOnce()) -> String {
        let (mut reader, writer) = io::pipe().unwrap();
        let subscriber = subscriber(&LevelHandle::new(level), format, false, Mutex::new(writer));
        tracing::subscriber::with_default(subscriber, say);
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        text
    }

    #[test]
    fn no_other_crate_is_heard_at_any_level() {
        let text = logged(LogLevel::Trace, LogFormat::Json, || {
            tracing::error!(target: "hyper::proto", "theirs");
            tracing::warn!(target: "portcullish", "theirs too");
            tracing::trace!("ours");
        });
        assert!(text.contains("ours"), "{text}");
        assert!(!text.contains("theirs"), "{text}");
    }

    #[test]
    fn the_level_is_a_floor_and_the_form_is_as_configured() {
        let say = || {
            tracing::debug!("quiet");
            tracing::info!(port = 1, "loud");
        };
        let json = logged(LogLevel::Info, LogFormat::Auto, say);
        let line: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!((&line["message"], &line["port"]), (&"loud".into(), &1.into()));
        let human = logged(LogLevel::Info, LogFormat::Human, say);
        assert!(human.ends_with(" INFO loud port=1\n") && !human.contains('\u{1b}'), "{human}");
    }

    #[test]
    fn the_level_changes_while_it_runs_and_can_be_restored() {
        let (mut reader, writer) = io::pipe().unwrap();
        let level = LevelHandle::new(LogLevel::Warn);
        let say = |what| tracing::debug!(what, "said");
        tracing::subscriber::with_default(subscriber(&level, LogFormat::Json, false, Mutex::new(writer)), || {
            say("before");
            assert_eq!(level.change(LogLevel::Debug), LogLevel::Warn);
            say("between");
            level.restore();
            say("after");
        });
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        let said = text.lines().filter(|line| line.contains("\"said\"")).collect::<Vec<_>>();
        assert!(said.len() == 1 && said[0].contains("between"), "{text}");
        assert_eq!(text.matches("\"the log level changes\"").count(), 2, "{text}");
    }
}
