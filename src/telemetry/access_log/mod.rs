//! One line a request on standard output, for machines or for people.

mod human;
mod json;
mod lines;

use super::record::{Outcome, Record};
use crate::config::gateway::{AccessLog as Destination, LogFormat, Logs};
pub(super) use lines::{Importance, Lines};
use prometheus_client::metrics::counter::Counter;
use std::cell::RefCell;
use std::io::{self, IsTerminal as _, Write};
use std::time::Duration;

thread_local! {
    /// Where a worker forms a line, so that it holds the lock only while copying it.
    static SCRATCH: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Where lines are written.
pub struct Output {
    writer: Box<dyn Write + Send>,
    terminal: bool,
}

impl Output {
    /// Standard output.
    pub fn stdout() -> Self {
        Self { writer: Box::new(io::stdout()), terminal: io::stdout().is_terminal() }
    }

    /// Any other writer; `terminal` says whether people watch it.
    pub fn new(writer: impl Write + Send + 'static, terminal: bool) -> Self {
        Self { writer: Box::new(writer), terminal }
    }
}

#[derive(Clone, Copy)]
enum Form {
    Json,
    Human { colour: bool },
}

/// The access log. Never blocks: what can't be written in time is dropped and counted.
pub(super) struct AccessLog {
    form: Form,
    lines: Option<Lines>,
}

impl AccessLog {
    /// Starts the thread that writes, unless the log is off. `dropped` counts lines that were lost; `no_colour` is what
    /// <https://no-color.org> asks for.
    pub(super) fn start(logs: &Logs, output: Output, dropped: Counter, no_colour: bool) -> io::Result<Self> {
        let Output { writer, terminal } = output;
        let form = match logs.format {
            LogFormat::Json => Form::Json,
            LogFormat::Auto if !terminal => Form::Json,
            LogFormat::Auto | LogFormat::Human => Form::Human { colour: terminal && !no_colour },
        };
        let lines = match logs.access {
            Destination::Stdout => Some(Lines::start(writer, dropped)?),
            Destination::Off => None,
        };
        Ok(Self { form, lines })
    }

    /// Adds the line of `record`.
    pub(super) fn add(&self, record: &Record) {
        let Some(lines) = &self.lines else { return };
        SCRATCH.with_borrow_mut(|line| {
            line.clear();
            match self.form {
                Form::Json => json::write(line, record),
                Form::Human { colour } => human::write(line, record, colour),
            }
            lines.append(line, importance(record.outcome));
        });
    }

    /// Waits until everything added so far is written, at most `deadline`. True if it was.
    pub(super) fn flush(&self, deadline: Duration) -> bool {
        self.lines.as_ref().is_none_or(|lines| lines.flush(deadline))
    }
}

const fn importance(outcome: Outcome) -> Importance {
    match outcome {
        Outcome::Allowed | Outcome::Exempt | Outcome::Aborted => Importance::Ordinary,
        Outcome::Denied | Outcome::Failed => Importance::Reserved,
    }
}

#[cfg(test)]
mod tests {
    use super::{AccessLog, Output};
    use crate::config::gateway::{AccessLog as Destination, LogFormat, LogLevel, Logs};
    use crate::telemetry::record::samples;
    use prometheus_client::metrics::counter::Counter;
    use std::io::{self, Read as _};
    use std::time::Duration;

    fn written(access: Destination, format: LogFormat, terminal: bool) -> String {
        let (mut reader, writer) = io::pipe().unwrap();
        let logs = Logs { access, format, level: LogLevel::Info };
        let log = AccessLog::start(&logs, Output::new(writer, terminal), Counter::default(), false).unwrap();
        log.add(&samples::denied());
        assert!(log.flush(Duration::from_secs(5)));
        drop(log);
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        text
    }

    #[test]
    fn people_get_a_line_for_people_and_machines_one_of_json() {
        assert!(written(Destination::Stdout, LogFormat::Auto, true).contains("\u{1b}["));
        assert!(written(Destination::Stdout, LogFormat::Auto, false).starts_with("{\""));
        assert!(written(Destination::Stdout, LogFormat::Json, true).starts_with("{\""));
        assert!(!written(Destination::Stdout, LogFormat::Human, false).contains('\u{1b}'));
        assert_eq!(written(Destination::Off, LogFormat::Json, false), "");
    }
}
