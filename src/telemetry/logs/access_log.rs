//! The access log: one line a request on standard output or in a file, for machines or for people.

use super::sampling::Rate;
use super::{human, json};
use crate::config::gateway::{AccessLogTarget, LogFormat, Logs};
use crate::telemetry::logs::line_writer::{Destination, DropReporter, GATHER, LineImportance, LineWriter, Reopen};
use crate::telemetry::record::{Outcome, RequestRecord};
use prometheus_client::metrics::counter::Counter;
use std::cell::RefCell;
use std::io::{self, IsTerminal as _, Write};
use std::path::PathBuf;
use std::time::Duration;

thread_local! {
    /// A worker's buffer for the line it formats.
    // Formatted here and then copied, so that the shared buffer is locked only for the copy; and kept, so that a line
    // allocates nothing.
    static SCRATCH: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// The output of the access log.
pub struct Output {
    destination: Destination,
    terminal: bool,
    reopen: Option<Reopen>,
}

impl Output {
    /// Standard output.
    pub fn stdout() -> Self {
        Self::new(io::stdout(), io::stdout().is_terminal())
    }

    /// The end of a file, which is created if it does not exist.
    ///
    /// # Errors
    /// If it can't be opened, or is not a regular file.
    pub fn file(path: PathBuf) -> io::Result<Self> {
        let (destination, reopen) = Destination::file(path)?;
        Ok(Self { destination, terminal: false, reopen: Some(reopen) })
    }

    /// Any other writer. `terminal` is whether it is one.
    pub fn new(writer: impl Write + Send + 'static, terminal: bool) -> Self {
        Self { destination: Destination::stream(Box::new(writer)), terminal, reopen: None }
    }
}

#[derive(Clone, Copy)]
enum LineFormat {
    Json,
    Human { color: bool },
}

/// The access log. Never blocks: lines that can't be written in time are dropped and counted.
pub(in crate::telemetry) struct AccessLogWriter {
    form: LineFormat,
    lines: Option<LineWriter>,
    reopen: Option<Reopen>,
}

impl AccessLogWriter {
    /// Starts the writer, unless the log is off. `dropped` counts dropped lines. `no_color` is whether `NO_COLOR` is
    /// set (<https://no-color.org>).
    pub(in crate::telemetry) fn start(
        logs: &Logs,
        output: Output,
        dropped: Counter,
        no_color: bool,
    ) -> io::Result<Self> {
        let Output { destination, terminal, reopen } = output;
        let form = match logs.format {
            LogFormat::Json => LineFormat::Json,
            LogFormat::Auto if !terminal => LineFormat::Json,
            LogFormat::Auto | LogFormat::Human => LineFormat::Human { color: terminal && !no_color },
        };
        let lines = match logs.access {
            AccessLogTarget::Stdout | AccessLogTarget::File(_) => {
                Some(LineWriter::start("access-log", destination, DropReporter::logging(dropped), GATHER)?)
            }
            AccessLogTarget::Off => None,
        };
        Ok(Self { form, lines, reopen })
    }

    /// Logs `record`, as one of a sample at `rate`.
    pub(in crate::telemetry) fn add(&self, record: &RequestRecord, rate: Rate) {
        let Some(lines) = &self.lines else { return };
        SCRATCH.with_borrow_mut(|line| {
            line.clear();
            match self.form {
                LineFormat::Json => json::write(line, record, rate),
                LineFormat::Human { color } => human::write(line, record, rate, color),
            }
            lines.append(line, importance(record));
        });
    }

    /// Reopens the file, if the output is one.
    pub(in crate::telemetry) fn reopen(&self) -> io::Result<()> {
        self.reopen.as_ref().map_or(Ok(()), Reopen::reopen)
    }

    /// Waits until everything logged so far is written, at most for `deadline`. Returns whether it is.
    pub(in crate::telemetry) fn flush(&self, deadline: Duration) -> bool {
        self.lines.as_ref().is_none_or(|lines| lines.flush(deadline))
    }
}

fn importance(record: &RequestRecord) -> LineImportance {
    if record.outcome == Outcome::Denied || record.has_failed() {
        LineImportance::Reserved
    } else {
        LineImportance::Ordinary
    }
}

#[cfg(test)]
mod tests {
    use super::{AccessLogWriter, Output};
    use crate::config::gateway::{AccessLogTarget, LogFormat, Logs};
    use crate::telemetry::record::samples;
    use prometheus_client::metrics::counter::Counter;
    use std::io::{self, Read as _};
    use std::time::Duration;

    fn written(access: AccessLogTarget, format: LogFormat, terminal: bool) -> String {
        let (mut reader, writer) = io::pipe().unwrap();
        let logs = Logs { access, format, ..Logs::default() };
        let log = AccessLogWriter::start(&logs, Output::new(writer, terminal), Counter::default(), false).unwrap();
        log.add(&samples::denied_request(), None);
        assert!(log.flush(Duration::from_secs(5)));
        drop(log);
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        text
    }

    #[test]
    fn people_get_a_line_for_people_and_machines_one_of_json() {
        assert!(written(AccessLogTarget::Stdout, LogFormat::Auto, true).contains("\u{1b}["));
        assert!(written(AccessLogTarget::Stdout, LogFormat::Auto, false).starts_with("{\""));
        assert!(written(AccessLogTarget::Stdout, LogFormat::Json, true).starts_with("{\""));
        assert!(!written(AccessLogTarget::Stdout, LogFormat::Human, false).contains('\u{1b}'));
        assert_eq!(written(AccessLogTarget::Off, LogFormat::Json, false), "");
    }
}
