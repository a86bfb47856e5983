//! `Via` (RFC 9110 section 7.6.3), by which a gateway notices a request that it has forwarded before.

use http::header::VIA;
use http::{HeaderMap, HeaderValue, Version};
use std::fmt;

/// The entries of one gateway, which no other has.
// with the name of the process and not of the machine: two gateways of one machine may follow each other
#[derive(Clone)]
pub struct ViaEntry {
    http1: HeaderValue,
    http2: HeaderValue,
}

impl ViaEntry {
    /// An entry with a random name.
    pub(super) fn random() -> Self {
        let name = format!("portcullis-{:016x}", rand::random::<u64>());
        // cannot fail: letters, digits, dots and a space
        let value = |version| HeaderValue::try_from(format!("{version} {name}"));
        let unnamed = |_| HeaderValue::from_static("1.1 portcullis");
        Self { http1: value("1.1").unwrap_or_else(unnamed), http2: value("2").unwrap_or_else(unnamed) }
    }

    /// Whether the request has passed this gateway.
    pub fn is_in(&self, headers: &HeaderMap) -> bool {
        let entries = headers.get_all(VIA).iter().flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
        entries.map(<[u8]>::trim_ascii).any(|entry| entry == self.http1.as_bytes() || entry == self.http2.as_bytes())
    }

    /// Adds the entry to a request that arrived in this version.
    pub fn add_to(&self, headers: &mut HeaderMap, version: Version) {
        headers.append(VIA, if version == Version::HTTP_2 { self.http2.clone() } else { self.http1.clone() });
    }
}

impl fmt::Debug for ViaEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ViaEntry")
    }
}
