//! Reloads certificates that change while the gateway runs.

use super::start_files::{tls_diagnostic, upstream_tls_diagnostic};
use crate::config::gateway::Gateway;
use crate::diagnostic::Diagnostic;
use crate::server::{ReloadableTls, TlsError};
use crate::telemetry::CertificateStatus;
use crate::upstream::{TrustError, UpstreamConnector};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Time between two looks at the files. They are a few kilobytes, so that reading them costs nothing measurable; renewals
/// happen hours before a certificate expires.
pub(super) const INTERVAL: Duration = Duration::from_secs(2);

/// How long files have to be unusable before that is reported.
// Most tools write the certificate and then its key, or the reverse. In between they do not fit, which is no error: the previous
// ones stay in force.
const PATIENCE: Duration = Duration::from_secs(10);

/// The certificates of the listeners with TLS, and those towards the upstream.
#[derive(Default)]
pub(super) struct Certificates {
    listeners: Vec<ListenerCertificate>,
    upstream: Option<UpstreamFiles>,
}

/// What one listener presents.
pub(super) struct ListenerCertificate {
    /// The position of the listener in the configuration.
    listener: usize,
    tls: Arc<ReloadableTls>,
    state: FileState<TlsError>,
}

/// What the gateway presents to the upstream, and the authorities that it trusts there.
struct UpstreamFiles {
    connector: UpstreamConnector,
    state: FileState<TrustError>,
}

/// The error of files while they are unusable. `None` while they are those in force.
struct FileState<E>(Mutex<Option<Unusable<E>>>);

/// Files that cannot be used, so that the previous ones are in force.
struct Unusable<E> {
    error: E,
    since: Instant,
    is_reported: bool,
}

/// Who asks for a reload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ReloadCause {
    /// The interval: files may be half written.
    Interval,
    /// A person or program, which waits for the result.
    Signal,
}

impl<E> FileState<E> {
    const fn current() -> Self {
        Self(Mutex::new(None))
    }

    fn unusable(&self) -> MutexGuard<'_, Option<Unusable<E>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_current(&self) -> bool {
        self.unusable().is_none()
    }

    /// Takes note of the result of a reload of `file`. Reports the error once it is to be reported.
    fn note(
        &self,
        reloaded: Result<bool, E>,
        file: &Path,
        (cause, now): (ReloadCause, Instant),
        report: impl FnOnce(&E),
    ) {
        let mut unusable = self.unusable();
        match reloaded {
            Ok(true) => {
                *unusable = None;
                tracing::info!(file = %file.display(), "certificate reloaded");
            }
            // also if they were unusable before: they are, still
            Ok(false) => {}
            Err(error) => {
                // a second step that does not help either is no reason to wait longer
                let since = unusable.as_ref().map_or(now, |before| before.since);
                *unusable = Some(Unusable { error, since, is_reported: false });
            }
        }
        let Some(unusable) = unusable.as_mut().filter(|unusable| !unusable.is_reported) else { return };
        if cause == ReloadCause::Signal || now.saturating_duration_since(unusable.since) >= PATIENCE {
            unusable.is_reported = true;
            report(&unusable.error);
        }
    }
}

impl ListenerCertificate {
    pub(super) const fn new(listener: usize, tls: Arc<ReloadableTls>) -> Self {
        Self { listener, tls, state: FileState::current() }
    }

    /// Uses what the files hold now for new connections; keeps the previous ones if they are invalid. Reports the error once it is to
    /// be reported.
    fn reload(&self, cause: ReloadCause, now: Instant, report: impl FnOnce(&TlsError)) {
        self.state.note(self.tls.reload(), self.tls.certificate_file(), (cause, now), report);
    }

    fn status(&self) -> CertificateStatus {
        CertificateStatus {
            name: format!("listen[{}].tls.certificateFile", self.listener),
            file: self.tls.certificate_file().display().to_string(),
            end: self.tls.certificate_end(),
            is_current: self.state.is_current(),
        }
    }
}

impl UpstreamFiles {
    fn reload(&self, gateway: &Gateway, cause: ReloadCause) {
        let Some(file) = self.connector.tls_file() else { return };
        self.state.note(self.connector.reload_tls(), file, (cause, Instant::now()), |error| {
            log(&upstream_tls_diagnostic(gateway, error));
        });
    }

    /// `None` if the gateway presents no certificate.
    fn status(&self) -> Option<CertificateStatus> {
        let file = self.connector.certificate_file()?;
        Some(CertificateStatus {
            name: "upstream.clientCertificateFile".to_owned(),
            file: file.display().to_string(),
            end: self.connector.certificate_end(),
            is_current: self.state.is_current(),
        })
    }
}

impl Certificates {
    pub(super) fn push(&mut self, certificate: ListenerCertificate) {
        self.listeners.push(certificate);
    }

    /// Adds the files of `connector`, if it has any.
    pub(super) fn set_upstream(&mut self, connector: &UpstreamConnector) {
        let files = || UpstreamFiles { connector: connector.clone(), state: FileState::current() };
        self.upstream = connector.tls_file().map(|_| files());
    }

    pub(super) fn is_empty(&self) -> bool {
        self.listeners.is_empty() && self.upstream.is_none()
    }

    /// Reloads all of them. `gateway` has the places of errors.
    pub(super) fn reload(&self, gateway: &Gateway, cause: ReloadCause) {
        for certificate in &self.listeners {
            certificate
                .reload(cause, Instant::now(), |error| log(&tls_diagnostic(gateway, certificate.listener, error)));
        }
        self.upstream.iter().for_each(|files| files.reload(gateway, cause));
    }

    /// What metrics show of them.
    pub(super) fn status(&self) -> Vec<CertificateStatus> {
        let upstream = self.upstream.as_ref().and_then(UpstreamFiles::status);
        self.listeners.iter().map(ListenerCertificate::status).chain(upstream).collect()
    }
}

fn log(error: &Diagnostic) {
    let (file, (line, column)) = (error.file.display(), error.place().unzip());
    let help = "write a certificate and its key that `portcullis check` accepts; they are read again every 2 s";
    tracing::error!(
        error = %error.message, %file, line, column, help,
        "a certificate could not be reloaded; the previous one stays in force"
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::gateway::TlsFiles;
    use rcgen::{CertifiedKey, generate_simple_self_signed};
    use std::fs;
    use std::path::Path;

    struct Files(tempfile::TempDir);

    impl Files {
        fn new() -> (Self, ListenerCertificate) {
            let files = Self(tempfile::tempdir().unwrap());
            let (certificate, key) = pair();
            files.write("tls.crt", &certificate);
            files.write("tls.key", &key);
            let at = |name: &str| files.0.path().join(name);
            let named = TlsFiles {
                certificate_file: at("tls.crt"),
                private_key_file: at("tls.key"),
                client_ca_file: None,
                client_crl_file: None,
            };
            let tls = Arc::new(ReloadableTls::load(&named).unwrap());
            (files, ListenerCertificate::new(0, tls))
        }

        fn write(&self, name: impl AsRef<Path>, text: &str) {
            fs::write(self.0.path().join(name), text).unwrap();
        }
    }

    fn pair() -> (String, String) {
        let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        (cert.pem(), signing_key.serialize_pem())
    }

    fn report_of(certificate: &ListenerCertificate, cause: ReloadCause, now: Instant) -> Option<String> {
        let mut reported = None;
        certificate.reload(cause, now, |error| reported = Some(error.to_string()));
        reported
    }

    #[test]
    fn a_certificate_that_is_swapped_in_two_steps_is_no_error() {
        let (files, certificate) = Files::new();
        let start = Instant::now();
        for first in ["tls.crt", "tls.key"] {
            let (new, key) = pair();
            let (second, texts) = if first == "tls.crt" { ("tls.key", [new, key]) } else { ("tls.crt", [key, new]) };
            files.write(first, &texts[0]);
            for seconds in [0, 2, 4, 9] {
                let now = start + Duration::from_secs(seconds);
                assert_eq!(report_of(&certificate, ReloadCause::Interval, now), None, "{first} {seconds}");
                assert!(!certificate.status().is_current);
            }
            files.write(second, &texts[1]);
            assert_eq!(report_of(&certificate, ReloadCause::Interval, start + Duration::from_secs(60)), None);
            assert!(certificate.status().is_current);
        }
    }

    #[test]
    fn files_that_stay_unusable_are_reported_once() {
        let (files, certificate) = Files::new();
        let start = Instant::now();
        let at = |seconds| report_of(&certificate, ReloadCause::Interval, start + Duration::from_secs(seconds));
        files.write("tls.key", &pair().1);
        assert_eq!((at(0), at(9)), (None, None));
        let error = at(10).unwrap();
        assert!(error.contains("`tls.privateKeyFile` has the key of another certificate"), "{error}");
        assert_eq!((at(12), at(600)), (None, None));
        files.write("tls.key", "no key");
        assert!(at(602).unwrap().contains("holds no private key"), "another error is another report");
    }

    #[test]
    fn files_that_are_rewritten_again_and_again_are_reported_too() {
        let (files, certificate) = Files::new();
        let start = Instant::now();
        let reports = (0..10).filter(|second| {
            files.write("tls.crt", &pair().0);
            report_of(&certificate, ReloadCause::Interval, start + Duration::from_secs(second * 2)).is_some()
        });
        assert_eq!(reports.collect::<Vec<_>>().first(), Some(&5));
    }

    #[test]
    fn a_signal_reports_at_once() {
        let (files, certificate) = Files::new();
        files.write("tls.crt", "");
        let now = Instant::now();
        assert!(report_of(&certificate, ReloadCause::Signal, now).is_some());
        assert_eq!(report_of(&certificate, ReloadCause::Interval, now + PATIENCE), None);
    }
}
