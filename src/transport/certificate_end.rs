//! When certificates end.

use rustls::pki_types::CertificateDer;

/// When the first of `chain` ends, in seconds since 1970. `None` if no end can be read.
// an intermediate certificate that ends first makes the other side refuse the chain, too
pub fn certificate_end(chain: &[CertificateDer<'_>]) -> Option<i64> {
    let end = |certificate: &CertificateDer<'_>| {
        let (_, parsed) = x509_parser::parse_x509_certificate(certificate).ok()?;
        Some(parsed.validity().not_after.timestamp())
    };
    chain.iter().filter_map(end).min()
}
