//! The TLS configuration of every client in this program.

use rustls::client::Resumption;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, Error, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt as _;
use std::sync::Arc;

/// A certificate chain and its key.
type ClientIdentity = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

/// A configuration for TLS 1.2 and 1.3 that trusts `authorities`, or else those of the platform, and presents `identity`.
///
/// # Errors
///
/// If the platform has no authorities, or the identity cannot be used.
// the one constructor, so that no connection goes without what it has: each is verified anew. A resumed session would trust a
// certificate that has expired, or an authority that was removed, since it was verified
pub fn tls_client(
    authorities: Option<RootCertStore>,
    identity: Option<ClientIdentity>,
    alpn: &[&[u8]],
) -> Result<ClientConfig, Error> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let verified = match authorities {
        Some(authorities) => builder.with_root_certificates(authorities),
        None => builder.with_platform_verifier()?,
    };
    let mut config = match identity {
        Some((chain, key)) => verified.with_client_auth_cert(chain, key)?,
        None => verified.with_no_client_auth(),
    };
    config.resumption = Resumption::disabled();
    config.alpn_protocols = alpn.iter().map(|protocol| protocol.to_vec()).collect();
    Ok(config)
}

#[cfg(test)]
mod tests {
    use super::tls_client;
    use rustls::RootCertStore;

    #[test]
    fn no_session_is_kept_to_be_resumed() {
        let config = tls_client(Some(RootCertStore::empty()), None, &[b"h2"]).unwrap();
        assert!(format!("{:?}", config.resumption).contains("Disabled"), "{:?}", config.resumption);
    }
}
