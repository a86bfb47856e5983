//! The gateway's own log on standard error: start, stop, reload, trouble.
//!
//! Only what this crate says is logged, at every level. Other crates print what they like, such as headers at `debug`
//! and frames at `trace`, and a later version of one may do so at `warn`: they are off, and there is no way to turn them on.

use super::otlp::Events;
use crate::config::gateway::{LogFormat, LogLevel, Logs};
use std::io;
use std::sync::{Arc, OnceLock};
use tracing::Metadata;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::FilterFn;
use tracing_subscriber::fmt::{self, MakeWriter};
use tracing_subscriber::layer::{Context, Layer as _, SubscriberExt as _};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::{SubscriberInitExt as _, TryInitError};

/// The log of this process, once it is started.
#[derive(Clone, Debug, Default)]
pub struct ApplicationLog {
    /// Where what is said goes besides, once that is known.
    exported: Arc<OnceLock<Events>>,
}

impl ApplicationLog {
    /// Has what is said from now on exported, too.
    pub(super) fn export_to(&self, events: Events) {
        // a log is exported by the first who asks
        let _ = self.exported.set(events);
    }
}

/// Starts the log of this process; `terminal` says whether people watch standard error.
///
/// # Errors
/// If the process has a log already.
pub fn start(logs: &Logs, terminal: bool) -> Result<ApplicationLog, TryInitError> {
    let log = ApplicationLog::default();
    subscriber(logs, terminal, io::stderr).with(Export(log.clone()).with_filter(filter(logs))).try_init()?;
    Ok(log)
}

fn subscriber<W>(
    logs: &Logs,
    terminal: bool,
    writer: W,
) -> impl tracing::Subscriber + for<'a> LookupSpan<'a> + Send + Sync
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    tracing_subscriber::registry().with(layer(logs.format, terminal, writer).with_filter(filter(logs)))
}

fn filter(logs: &Logs) -> FilterFn<impl Fn(&Metadata<'_>) -> bool + use<>> {
    let level = level(logs.level);
    let filter = FilterFn::new(move |metadata| *metadata.level() <= level && ours(metadata.target()));
    filter.with_max_level_hint(level)
}

/// Hands what is said to the exporter, if there is one.
struct Export(ApplicationLog);

impl<S: tracing::Subscriber> tracing_subscriber::Layer<S> for Export {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        if let Some(events) = self.0.exported.get() {
            events.add(event);
        }
    }
}

/// Whether a module of this crate speaks. (The library's own filter by target takes any crate whose name begins so.)
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

const fn level(level: LogLevel) -> LevelFilter {
    match level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    }
}

#[cfg(test)]
mod tests {
    use super::subscriber;
    use crate::config::gateway::{AccessLog, LogFormat, LogLevel, Logs};
    use std::io::{self, Read as _};
    use std::sync::Mutex;

    fn logged(level: LogLevel, format: LogFormat, say: impl FnOnce()) -> String {
        let (mut reader, writer) = io::pipe().unwrap();
        let logs = Logs { access: AccessLog::Off, format, level };
        let subscriber = subscriber(&logs, false, Mutex::new(writer));
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
}
