//! What is told of a panic.

/// Has every panic of this process told by its place alone, which is enough to find it: its message may quote what a
/// request held.
pub(super) fn keep_quiet() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "panicked");
    }));
}

#[cfg(test)]
mod tests {
    use super::keep_quiet;
    use crate::config::gateway::{LogLevel, Logs};
    use crate::telemetry::logs::ApplicationLog;
    use std::process::Command;
    use std::time::Duration;

    /// Set in the process that panics.
    const PANICS: &str = "PORTCULLIS_TEST_PANICS";

    /// Log and hook belong to a whole process, so the panic is in one of its own: this test, started by itself.
    #[test]
    fn nothing_of_its_message_is_written() {
        if std::env::var_os(PANICS).is_some() {
            let logs = Logs { level: LogLevel::Trace, ..Logs::default() };
            let log = ApplicationLog::start(&logs, false).unwrap();
            keep_quiet();
            let body = String::from("hunter2hunter2");
            let _ = std::panic::catch_unwind(|| panic!("cannot take {body}"));
            let _ = std::panic::catch_unwind(|| body.parse::<u8>().expect(&body));
            log.flush(Duration::from_secs(5));
            return;
        }
        let mut again = Command::new(std::env::current_exe().unwrap());
        again
            .args(["--exact", "cli::panics::tests::nothing_of_its_message_is_written", "--nocapture"])
            .env(PANICS, "1");
        let output = again.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{said}");
        assert_eq!(said.matches("panicked").count(), 2, "{said}");
        assert!(said.contains("panics.rs:") && !said.contains("hunter2"), "{said}");
    }
}
