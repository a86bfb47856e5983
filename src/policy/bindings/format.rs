//! The formats of attributes, for literals that an attribute can never equal, such as a network in place of an address.

use super::attribute::Attribute;
use crate::cel::Format;
use std::net::IpAddr;

/// The format of `attribute`, if `text` is not in it.
pub(super) fn mismatch(attribute: Attribute, text: &str) -> Option<Format> {
    let format = |description, help| Some(Format { description, help });
    match attribute {
        Attribute::ClientIp => {
            let Ok(address) = text.parse::<IpAddr>() else { return format("an IP address", network_help(text)) };
            // addresses compare as texts, and there is one text that `client.ip` has
            let shortest = address.to_string();
            if shortest == text {
                return None;
            }
            format("an IP address in its shortest form", Some(format!("write \"{shortest}\"")))
        }
        Attribute::ClientSpiffeId if !text.starts_with("spiffe://") => {
            format("a SPIFFE ID", Some("it begins with `spiffe://`".to_owned()))
        }
        Attribute::Path if !text.starts_with('/') => format("a path", Some("it begins with `/`".to_owned())),
        Attribute::KeyFingerprint if !is_fingerprint(text) => {
            format("a fingerprint", Some("16 digits and letters from `a` to `f`, as in the log".to_owned()))
        }
        _ => None,
    }
}

fn is_fingerprint(text: &str) -> bool {
    text.len() == 16 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// How to test for the addresses of a network; `None` if `text` is not one.
fn network_help(text: &str) -> Option<String> {
    text.contains('/').then(|| format!("write `cidr(\"{}\").containsIP(client.ip)`", text.escape_debug()))
}
