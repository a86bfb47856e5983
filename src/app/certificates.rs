//! Reloads certificates that change while the gateway runs.

use crate::server::ReloadableTls;
use std::sync::Arc;
use std::time::Duration;

/// Time between two looks at the files. They are a few kilobytes, so that reading them costs nothing measurable; renewals
/// happen hours before a certificate expires.
pub(super) const INTERVAL: Duration = Duration::from_secs(2);

/// Uses the certificates that the files hold now for new connections; keeps the previous ones of files that are invalid.
pub(super) fn reload(tls: &[Arc<ReloadableTls>]) {
    for tls in tls {
        match tls.reload() {
            Ok(true) => tracing::info!(file = %tls.certificate_file().display(), "certificate reloaded"),
            Ok(false) => {}
            Err(error) => {
                tracing::error!(%error, "a certificate could not be reloaded; the previous one stays in force");
            }
        }
    }
}
