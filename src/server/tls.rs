//! TLS on a listener: certificate, key and authorities from files, which may change while the gateway runs.

use super::spiffe::is_spiffe_id;
use crate::config::gateway::TlsFiles as Files;
use crate::files::{FileView, read_stable};
use crate::peer::ClientCertificate;
use crate::transport::certificate_end;
use arc_swap::ArcSwap;
use aws_lc_rs::digest::{Context as Digest, SHA256, digest};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::version::{TLS12, TLS13};
use rustls::{Error, InconsistentKeys, RootCertStore, ServerConfig, ServerConnection};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use tokio_rustls::TlsAcceptor;
use zeroize::Zeroizing;

/// The protocols inside TLS (ALPN), preferred first.
const ALPN: [&[u8]; 2] = [b"h2", b"http/1.1"];

const OTHER_KEY: &str = "`tls.privateKeyFile` has the key of another certificate";

/// A listener's TLS configuration, reloaded when its files change.
pub struct ReloadableTls {
    files: Files,
    loaded: ArcSwap<LoadedTls>,
    /// The digest of the files when they were last read, whether or not they were valid.
    // also of invalid files: their error is returned once, not on every check
    seen: Mutex<Vec<u8>>,
}

/// What the files held when they last were valid.
struct LoadedTls {
    config: Arc<ServerConfig>,
    /// As [`ReloadableTls::certificate_end`].
    end: Option<i64>,
}

/// The TLS files cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("`{key}` {} cannot be read: {reason}", path.display())]
    Unreadable {
        /// The key of the configuration that names it.
        key: &'static str,
        /// The path of the file, as configured.
        path: PathBuf,
        /// The error of the operating system.
        reason: std::io::Error,
    },
    /// A file does not hold what it should.
    #[error("`{key}` {} holds no {what} in PEM", path.display())]
    Empty {
        /// The key of the configuration that names it.
        key: &'static str,
        /// The path of the file, as configured.
        path: PathBuf,
        /// What was looked for.
        what: &'static str,
    },
    /// Certificate, key and authorities cannot be used together, or not at all.
    #[error("the TLS files of {} cannot be used: {reason}", path.display())]
    Unusable {
        /// The certificate's file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
}

/// The content of the files. A key is wiped from memory when it is no longer needed.
struct TlsFileContents {
    certificate: Vec<u8>,
    private_key: Zeroizing<Vec<u8>>,
    client_ca: Option<Vec<u8>>,
    client_crl: Option<Vec<u8>>,
}

impl ReloadableTls {
    /// Loads `files`.
    ///
    /// # Errors
    ///
    /// [`TlsError`], if they cannot be read or used.
    pub fn load(files: &Files) -> Result<Self, TlsError> {
        let contents = TlsFileContents::read(files)?;
        let loaded = ArcSwap::from_pointee(contents.load(files)?);
        Ok(Self { files: files.clone(), loaded, seen: Mutex::new(contents.digest()) })
    }

    /// Reads the files again. Returns true if they changed, which applies to new connections.
    ///
    /// # Errors
    ///
    /// [`TlsError`], once, if they can no longer be read or used. The configuration before stays in force.
    pub fn reload(&self) -> Result<bool, TlsError> {
        // compares content, not events: that notices a file that is overwritten, renamed, or reached by a swapped link, as
        // Kubernetes does with secrets
        let contents = TlsFileContents::read(&self.files);
        let digest = contents.as_ref().map(TlsFileContents::digest).unwrap_or_default();
        if std::mem::replace(&mut *self.seen.lock().unwrap_or_else(PoisonError::into_inner), digest.clone()) == digest {
            return Ok(false);
        }
        self.loaded.store(Arc::new(contents?.load(&self.files)?));
        Ok(true)
    }

    /// The certificate's file, which names this configuration in logs.
    pub fn certificate_file(&self) -> &Path {
        &self.files.certificate_file
    }

    /// When the first certificate of the chain in force ends, in seconds since 1970. `None` if its end cannot be read.
    pub fn certificate_end(&self) -> Option<i64> {
        self.loaded.load().end
    }

    /// The acceptor of one connection, with the configuration in force.
    pub(super) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(Arc::clone(&self.loaded.load().config))
    }
}

impl TlsFileContents {
    /// Reads the files until two reads agree: a certificate and the key of another would not work.
    fn read(files: &Files) -> Result<Self, TlsError> {
        let digest = |read: &Result<Self, TlsError>| read.as_ref().map(Self::digest).unwrap_or_default();
        read_stable(|view| Self::read_once(files, view), digest).unwrap_or_else(|error| {
            Err(TlsError::Unusable { path: files.certificate_file.clone(), reason: error.to_string() })
        })
    }

    fn read_once(files: &Files, view: &FileView) -> Result<Self, TlsError> {
        Ok(Self {
            certificate: read("tls.certificateFile", &files.certificate_file, view)?,
            private_key: Zeroizing::new(read("tls.privateKeyFile", &files.private_key_file, view)?),
            client_ca: files.client_ca_file.as_deref().map(|path| read("tls.clientCaFile", path, view)).transpose()?,
            client_crl: files
                .client_crl_file
                .as_deref()
                .map(|path| read("tls.clientCrlFile", path, view))
                .transpose()?,
        })
    }

    fn digest(&self) -> Vec<u8> {
        let mut whole = Digest::new(&SHA256);
        let (certificate, key) = (Some(&self.certificate), Some(&*self.private_key));
        for part in [certificate, key, self.client_ca.as_ref(), self.client_crl.as_ref()].into_iter().flatten() {
            // a digest of digests: bytes that move from one file to the next change it
            whole.update(digest(&SHA256, part).as_ref());
        }
        whole.finish().as_ref().to_vec()
    }

    fn load(&self, files: &Files) -> Result<LoadedTls, TlsError> {
        let chain = self.chain(files)?;
        let end = certificate_end(&chain);
        Ok(LoadedTls { config: self.config(files, chain)?, end })
    }

    fn chain(&self, files: &Files) -> Result<Vec<CertificateDer<'static>>, TlsError> {
        let (key, path) = ("tls.certificateFile", files.certificate_file.clone());
        let chain = CertificateDer::pem_slice_iter(&self.certificate).collect::<Result<Vec<_>, _>>();
        chain.ok().filter(|chain| !chain.is_empty()).ok_or(TlsError::Empty { key, path, what: "certificate" })
    }

    fn config(&self, files: &Files, chain: Vec<CertificateDer<'static>>) -> Result<Arc<ServerConfig>, TlsError> {
        let empty = |key, path: &Path, what| TlsError::Empty { key, path: path.to_owned(), what };
        let unusable = |reason: String| TlsError::Unusable { path: files.certificate_file.clone(), reason };
        let key = PrivateKeyDer::from_pem_slice(&self.private_key)
            .map_err(|_| empty("tls.privateKeyFile", &files.private_key_file, "private key"))?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&[&TLS13, &TLS12])
            .map_err(|error| unusable(error.to_string()))?;
        let (builder, asks_clients) = match (&self.client_ca, &files.client_ca_file) {
            (Some(authorities), Some(path)) => {
                let authorities =
                    roots(authorities).ok_or_else(|| empty("tls.clientCaFile", path, "certificate of an authority"))?;
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(authorities), provider)
                    .with_crls(self.revocations(files)?)
                    // of the client's certificate: an intermediate authority that is not trusted any more is taken out of the file
                    .only_check_end_entity_revocation()
                    .build();
                (builder.with_client_cert_verifier(verifier.map_err(|error| unusable(error.to_string()))?), true)
            }
            _ => (builder.with_no_client_auth(), false),
        };
        let mut config = builder.with_single_cert(chain, key).map_err(|error| match error {
            Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => unusable(OTHER_KEY.to_owned()),
            error => unusable(error.to_string()),
        })?;
        config.alpn_protocols = ALPN.map(<[u8]>::to_vec).to_vec();
        if asks_clients {
            // a resumed session would carry on a client certificate that has not been verified again
            config.session_storage = Arc::new(NoServerSessionStorage {});
            config.send_tls13_tickets = 0;
        }
        Ok(Arc::new(config))
    }
}

impl TlsFileContents {
    /// The revocation lists. Empty if none are configured, in which case rustls checks no revocation.
    fn revocations(&self, files: &Files) -> Result<Vec<CertificateRevocationListDer<'static>>, TlsError> {
        let (Some(pem), Some(path)) = (&self.client_crl, &files.client_crl_file) else { return Ok(Vec::new()) };
        let empty = || TlsError::Empty { key: "tls.clientCrlFile", path: path.clone(), what: "revocation list" };
        let lists = CertificateRevocationListDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>();
        // an empty file would check nothing, which its name promises
        lists.ok().filter(|lists| !lists.is_empty()).ok_or_else(empty)
    }
}

/// When the client's certificate ends, in seconds since 1970. `None` without one.
pub(super) fn client_certificate_end(connection: &ServerConnection) -> Option<i64> {
    certificate_end(connection.peer_certificates()?.get(..1)?)
}

fn read(key: &'static str, path: &Path, view: &FileView) -> Result<Vec<u8>, TlsError> {
    view.read(path).map_err(|reason| TlsError::Unreadable { key, path: path.to_owned(), reason })
}

/// The certificate authorities in `pem`. `None` if there is none, or an invalid one.
fn roots(pem: &[u8]) -> Option<RootCertStore> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        roots.add(certificate.ok()?).ok()?;
    }
    (!roots.is_empty()).then_some(roots)
}

/// Whether ALPN selected HTTP/2.
pub(super) fn is_http2(connection: &ServerConnection) -> bool {
    connection.alpn_protocol() == ALPN.first().copied()
}

/// The identity in the client's certificate, which rustls has verified. `None` if none was requested.
pub(super) fn client_certificate(connection: &ServerConnection) -> Option<ClientCertificate> {
    let certificate = connection.peer_certificates()?.first()?;
    let names = webpki::EndEntityCert::try_from(certificate).ok()?;
    let mut uris = names.valid_uri_names();
    let only_uri = uris.next().filter(|_| uris.next().is_none());
    Some(ClientCertificate {
        spiffe_id: only_uri.filter(|uri| is_spiffe_id(uri)).map(str::to_owned),
        dns_names: names.valid_dns_names().map(str::to_owned).collect(),
        sha256: digest(&SHA256, certificate).as_ref().iter().map(|byte| format!("{byte:02x}")).collect(),
    })
}
