//! What is logged of a panic.

/// Logs each panic of this process with its place in the source only, which is enough to find it.
///
/// The message of a panic is left out because it may quote a value of a request.
pub(super) fn install() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "panicked");
    }));
}

#[cfg(test)]
mod tests {
    use super::install;
    use crate::config::gateway::{LogLevel, Logs};
    use crate::telemetry::logs::ApplicationLog;
    use std::process::Command;
    use std::time::Duration;

    /// Set in the process that panics.
    const PANICS: &str = "PORTCULLIS_TEST_PANICS";

    /// Log and hook are global to a process, so the test starts itself in a second one, which panics.
    #[test]
    fn its_message_is_not_logged() {
        if std::env::var_os(PANICS).is_some() {
            let logs = Logs { level: LogLevel::Trace, ..Logs::default() };
            let log = ApplicationLog::start(&logs, false).unwrap();
            install();
            let body = String::from("hunter2hunter2");
            let _ = std::panic::catch_unwind(|| panic!("cannot take {body}"));
            let _ = std::panic::catch_unwind(|| body.parse::<u8>().expect(&body));
            log.flush(Duration::from_secs(5));
            return;
        }
        let mut again = Command::new(std::env::current_exe().unwrap());
        again.args(["--exact", "app::panic_hook::tests::its_message_is_not_logged", "--nocapture"]).env(PANICS, "1");
        let output = again.output().unwrap();
        let output_text =
            String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{output_text}");
        assert_eq!(output_text.matches("panicked").count(), 2, "{output_text}");
        assert!(output_text.contains("panic_hook.rs:") && !output_text.contains("hunter2"), "{output_text}");
    }
}
