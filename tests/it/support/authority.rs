//! A certificate authority for TLS on either side.

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DnType, IsCa, Issuer, KeyIdMethod, KeyPair,
    KeyUsagePurpose, RevokedCertParams, SanType, SerialNumber, date_time_ymd,
};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tempfile::NamedTempFile;
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// A certificate authority that exists only in this test.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    file: NamedTempFile,
}

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let file = NamedTempFile::new().unwrap();
        std::fs::write(file.path(), params.self_signed(&key).unwrap().pem()).unwrap();
        Self { issuer: Issuer::new(params, key), file }
    }

    /// The PEM file that makes a client trust this authority.
    pub(crate) fn file(&self) -> &std::path::Path {
        self.file.path()
    }

    /// A TLS server for `host`.
    pub(crate) fn server(&self, host: &str) -> TlsAcceptor {
        self.server_with(host, |_| {})
    }

    /// A TLS server for `host` that speaks no HTTP/2.
    pub(crate) fn http1_server(&self, host: &str) -> TlsAcceptor {
        let mut config = ServerConfig::clone(self.server(host).config());
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        TlsAcceptor::from(Arc::new(config))
    }

    /// A TLS server for `host` whose certificate ended in 2020.
    pub(crate) fn expired_server(&self, host: &str) -> TlsAcceptor {
        self.server_with(host, |params| {
            params.not_before = date_time_ymd(2019, 1, 1);
            params.not_after = date_time_ymd(2020, 1, 1);
        })
    }

    /// A TLS server for `host` whose certificate begins in 2999.
    pub(crate) fn future_server(&self, host: &str) -> TlsAcceptor {
        self.server_with(host, |params| params.not_before = date_time_ymd(2999, 1, 1))
    }

    /// A certificate with these names, and its key, both in PEM. Names with a scheme are URIs.
    pub(crate) fn issue(&self, names: &[&str]) -> (String, String) {
        self.issue_with(names, |_| {})
    }

    /// The same, with a certificate that ends after `validity`.
    pub(crate) fn issue_for(&self, names: &[&str], validity: Duration) -> (String, String) {
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        self.issue_with(names, |params| params.not_after = date_time_ymd(1970, 1, 1) + since_1970 + validity)
    }

    /// The same, with a certificate that ended in 2020.
    pub(crate) fn issue_expired(&self, names: &[&str]) -> (String, String) {
        self.issue_with(names, |params| params.not_after = date_time_ymd(2020, 1, 1))
    }

    /// The same, with a certificate of this serial number.
    pub(crate) fn issue_numbered(&self, names: &[&str], serial: u64) -> (String, String) {
        self.issue_with(names, |params| params.serial_number = Some(SerialNumber::from(serial)))
    }

    /// The list of its revoked certificates, in PEM.
    pub(crate) fn revocations(&self, serials: &[u64]) -> String {
        let revoked = serials.iter().map(|serial| RevokedCertParams {
            serial_number: SerialNumber::from(*serial),
            revocation_time: date_time_ymd(2020, 1, 1),
            reason_code: None,
            invalidity_date: None,
        });
        let list = CertificateRevocationListParams {
            this_update: date_time_ymd(2020, 1, 1),
            next_update: date_time_ymd(2999, 1, 1),
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: None,
            revoked_certs: revoked.collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        list.signed_by(&self.issuer).unwrap().pem().unwrap()
    }

    fn issue_with(&self, names: &[&str], adapt: impl FnOnce(&mut CertificateParams)) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.subject_alt_names = names
            .iter()
            .map(|name| match (name.contains("://"), name.parse()) {
                (true, _) => SanType::URI((*name).try_into().unwrap()),
                (false, Ok(address)) => SanType::IpAddress(address),
                (false, Err(_)) => SanType::DnsName((*name).try_into().unwrap()),
            })
            .collect();
        adapt(&mut params);
        (params.signed_by(&key, &self.issuer).unwrap().pem(), key.serialize_pem())
    }

    /// A TLS client that trusts this authority, offers `protocols`, and shows the certificate `identity`.
    pub(crate) fn client(&self, protocols: &[&str], identity: Option<&(String, String)>) -> TlsConnector {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(self.file()).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let builder = builder.with_root_certificates(roots);
        let mut config = match identity {
            None => builder.with_no_client_auth(),
            Some((certificate, key)) => {
                let certificate = CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap();
                let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
                builder.with_client_auth_cert(vec![certificate], key).unwrap()
            }
        };
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
        TlsConnector::from(Arc::new(config))
    }

    fn server_with(&self, host: &str, change: impl FnOnce(&mut CertificateParams)) -> TlsAcceptor {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new([host.to_owned()]).unwrap();
        change(&mut params);
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], PrivateKeyDer::try_from(key.serialize_der()).unwrap())
            .unwrap();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        TlsAcceptor::from(Arc::new(config))
    }
}
