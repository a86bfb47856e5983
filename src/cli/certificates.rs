//! Certificates that change while the gateway runs.

use crate::server::ReloadableTls;
use std::sync::Arc;
use std::time::Duration;

/// How often the files are looked at. Reading a few kilobytes this often costs nothing that can be measured; what
/// renews certificates does so hours before their end.
pub(super) const INTERVAL: Duration = Duration::from_secs(2);

/// Takes what the files say now for new connections; keeps what was before if anything is wrong with them.
pub(super) async fn reload(tls: &[Arc<ReloadableTls>]) {
    for tls in tls.iter().cloned() {
        // a file may lie on a network, and this thread has connections to accept
        let reloaded = tokio::task::spawn_blocking(move || (tls.reload(), tls)).await;
        match reloaded {
            Ok((Ok(true), tls)) => {
                tracing::info!(file = %tls.certificate_file().display(), "certificate loaded anew");
            }
            Ok((Err(error), _)) => {
                tracing::error!(%error, "a certificate could not be loaded; the one before stays in force");
            }
            Ok((Ok(false), _)) | Err(_) => {}
        }
    }
}
