//! The TLS files of the upstream: authorities, and the gateway's own certificate, which may change while it runs.

use super::tls::{self, TrustError};
use crate::config::gateway::{ClientCertificateFiles, UpstreamConfig as Settings, UpstreamHttp2};
use crate::files::{FileView, read_stable};
use crate::transport::certificate_end;
use arc_swap::ArcSwap;
use aws_lc_rs::digest::{Context as Digest, SHA256, digest};
use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use tokio_rustls::TlsConnector;
use zeroize::Zeroizing;

/// TLS towards the upstream, reloaded when its files change.
pub(super) struct ReloadableTlsClient {
    ca_file: Option<PathBuf>,
    client: Option<ClientCertificateFiles>,
    http2: UpstreamHttp2,
    loaded: ArcSwap<LoadedTlsClient>,
    /// The digest of the files when they were last read, whether or not they were valid.
    // also of invalid files: their error is returned once, not on every check
    seen: Mutex<Vec<u8>>,
}

struct LoadedTlsClient {
    connector: TlsConnector,
    /// When the first certificate of the gateway's chain ends, in seconds since 1970.
    end: Option<i64>,
}

/// The content of the files. A key is wiped from memory when it is no longer needed.
#[derive(Default)]
pub(super) struct UpstreamTlsContents {
    ca: Option<(PathBuf, Vec<u8>)>,
    client: Option<ClientContents>,
}

struct ClientContents {
    files: ClientCertificateFiles,
    certificate: Vec<u8>,
    private_key: Zeroizing<Vec<u8>>,
}

impl ReloadableTlsClient {
    /// Loads the files of `settings`.
    ///
    /// # Errors
    ///
    /// [`TrustError`], if they cannot be read or used.
    pub(super) fn load(settings: &Settings) -> Result<Self, TrustError> {
        let (ca_file, client, http2) = (settings.ca_file.clone(), settings.client.clone(), settings.http2);
        let contents = UpstreamTlsContents::read(ca_file.as_deref(), client.as_ref())?;
        let loaded = ArcSwap::from_pointee(contents.load(http2)?);
        Ok(Self { ca_file, client, http2, loaded, seen: Mutex::new(contents.digest()) })
    }

    /// Reads the files again. Returns true if they changed, which applies to new connections.
    ///
    /// # Errors
    ///
    /// [`TrustError`], once, if they can no longer be read or used. What was loaded before stays in force.
    pub(super) fn reload(&self) -> Result<bool, TrustError> {
        let contents = UpstreamTlsContents::read(self.ca_file.as_deref(), self.client.as_ref());
        let digest = contents.as_ref().map(UpstreamTlsContents::digest).unwrap_or_default();
        if std::mem::replace(&mut *self.seen.lock().unwrap_or_else(PoisonError::into_inner), digest.clone()) == digest {
            return Ok(false);
        }
        self.loaded.store(Arc::new(contents?.load(self.http2)?));
        Ok(true)
    }

    /// The file of the gateway's certificate, or else that of the authorities. `None` if there are no files.
    pub(super) fn file(&self) -> Option<&Path> {
        self.certificate_file().or(self.ca_file.as_deref())
    }

    /// The file of the gateway's certificate. `None` if it presents none.
    pub(super) fn certificate_file(&self) -> Option<&Path> {
        self.client.as_ref().map(|files| files.certificate_file.as_path())
    }

    /// When the first certificate of the gateway's chain ends, in seconds since 1970. `None` if it presents none.
    pub(super) fn certificate_end(&self) -> Option<i64> {
        self.loaded.load().end
    }

    /// The connector of one connection, with the files in force.
    pub(super) fn connector(&self) -> TlsConnector {
        self.loaded.load().connector.clone()
    }
}

impl UpstreamTlsContents {
    /// Reads the files until two reads agree: a certificate and the key of another would not work.
    fn read(ca: Option<&Path>, client: Option<&ClientCertificateFiles>) -> Result<Self, TrustError> {
        let digest = |read: &Result<Self, TrustError>| read.as_ref().map(Self::digest).unwrap_or_default();
        read_stable(|view| Self::read_once(ca, client, view), digest).unwrap_or(Err(TrustError::Unstable))
    }

    fn read_once(
        ca: Option<&Path>,
        client: Option<&ClientCertificateFiles>,
        view: &FileView,
    ) -> Result<Self, TrustError> {
        let read = |key: &'static str, path: &Path| {
            view.read(path).map_err(|reason| TrustError::Unreadable { key, path: path.to_owned(), reason })
        };
        let ca = ca.map(|path| Ok((path.to_owned(), read("caFile", path)?))).transpose()?;
        let client = client.map(|files| {
            let certificate = read("clientCertificateFile", &files.certificate_file)?;
            let private_key = Zeroizing::new(read("clientPrivateKeyFile", &files.private_key_file)?);
            Ok(ClientContents { files: files.clone(), certificate, private_key })
        });
        Ok(Self { ca, client: client.transpose()? })
    }

    fn digest(&self) -> Vec<u8> {
        let mut whole = Digest::new(&SHA256);
        let ca = self.ca.as_ref().map(|(_, bytes)| bytes);
        let client = self.client.as_ref();
        let (certificate, key) = (client.map(|it| &it.certificate), client.map(|it| &*it.private_key));
        for part in [ca, certificate, key].into_iter().flatten() {
            // a digest of digests: bytes that move from one file to the next change it
            whole.update(digest(&SHA256, part).as_ref());
        }
        whole.finish().as_ref().to_vec()
    }

    fn load(&self, http2: UpstreamHttp2) -> Result<LoadedTlsClient, TrustError> {
        let connector = TlsConnector::from(Arc::new(tls::client_config(self, http2)?));
        let end = certificate_end(&self.chain()?.unwrap_or_default());
        Ok(LoadedTlsClient { connector, end })
    }

    /// The authorities to trust. `None` for those of the platform.
    pub(super) fn authorities(&self) -> Result<Option<RootCertStore>, TrustError> {
        let Some((path, pem)) = &self.ca else { return Ok(None) };
        let empty = || TrustError::Empty { key: "caFile", path: path.clone(), what: "certificate" };
        let mut authorities = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(pem) {
            let certificate = certificate.map_err(|_| empty())?;
            // an invalid certificate is an error and not skipped, because the operator counts on each in the file being trusted
            let added = authorities.add(certificate);
            added.map_err(|reason| TrustError::Invalid { path: path.clone(), reason })?;
        }
        if authorities.is_empty() { Err(empty()) } else { Ok(Some(authorities)) }
    }

    fn chain(&self) -> Result<Option<Vec<CertificateDer<'static>>>, TrustError> {
        let Some(client) = &self.client else { return Ok(None) };
        let chain = CertificateDer::pem_slice_iter(&client.certificate).collect::<Result<Vec<_>, _>>();
        let (key, path) = ("clientCertificateFile", client.files.certificate_file.clone());
        let chain = chain.ok().filter(|chain| !chain.is_empty());
        chain.map(Some).ok_or(TrustError::Empty { key, path, what: "certificate" })
    }

    /// The gateway's certificate and its key. `None` if it presents none.
    pub(super) fn identity(
        &self,
    ) -> Result<Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>, TrustError> {
        let (Some(client), Some(chain)) = (&self.client, self.chain()?) else { return Ok(None) };
        let (key, path) = ("clientPrivateKeyFile", client.files.private_key_file.clone());
        let private_key = PrivateKeyDer::from_pem_slice(&client.private_key);
        let private_key = private_key.map_err(|_| TrustError::Empty { key, path, what: "private key" })?;
        Ok(Some((chain, private_key)))
    }

    /// The path of the gateway's certificate.
    pub(super) fn certificate_path(&self) -> Option<PathBuf> {
        self.client.as_ref().map(|client| client.files.certificate_file.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rcgen::{CertifiedKey, generate_simple_self_signed};
    use std::fs;

    fn pair() -> (String, String) {
        let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["gateway".to_owned()]).unwrap();
        (cert.pem(), signing_key.serialize_pem())
    }

    /// The error for these contents of the files, without their folder.
    fn error_of(ca: Option<&str>, client: Option<(&str, &str)>) -> (String, &'static str) {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        if let Some(ca) = ca {
            fs::write(at("ca.pem"), ca).unwrap();
        }
        let client = client.map(|(certificate, key)| {
            fs::write(at("client.crt"), certificate).unwrap();
            fs::write(at("client.key"), key).unwrap();
            ClientCertificateFiles { certificate_file: at("client.crt"), private_key_file: at("client.key") }
        });
        let contents = UpstreamTlsContents::read(Some(&at("ca.pem")), client.as_ref());
        let error = contents.and_then(|contents| contents.load(UpstreamHttp2::Never)).map(drop).unwrap_err();
        (error.to_string().replace(&format!("{}/", folder.path().display()), ""), error.key())
    }

    #[test]
    fn each_error_names_its_file() {
        let ((certificate, key), (ca, other_key)) = (pair(), pair());
        let (error, at) = error_of(None, None);
        assert!(error.starts_with("`upstream.caFile` ca.pem cannot be read") && at == "caFile", "{error}");
        assert_eq!(error_of(Some("no certificate"), None).0, "`upstream.caFile` ca.pem holds no certificate in PEM");
        let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        assert!(error_of(Some(broken), None).0.contains("cannot be trusted"));
        for (files, expected) in [
            (
                ("", key.as_str()),
                ("`upstream.clientCertificateFile` client.crt holds no certificate in PEM", "clientCertificateFile"),
            ),
            (
                (&*certificate, ""),
                ("`upstream.clientPrivateKeyFile` client.key holds no private key in PEM", "clientPrivateKeyFile"),
            ),
            (
                (&*certificate, &*other_key),
                (
                    "`upstream.clientCertificateFile` client.crt cannot be used: `upstream.clientPrivateKeyFile` has the key of \
                     another certificate",
                    "clientCertificateFile",
                ),
            ),
        ] {
            let (error, key) = error_of(Some(&ca), Some(files));
            assert_eq!((error.as_str(), key), expected);
        }
    }
}
