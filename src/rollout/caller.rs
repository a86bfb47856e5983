//! Who sent a recorded request, in one word.

use crate::decision_log::LogEntry;
use std::borrow::Cow;

/// Who sent a recorded request, by the strongest thing that is known: the SPIFFE ID of its certificate, the certificate, the user
/// at the other end of a Unix socket, or the key, whose fingerprint is another after each start of the gateway.
pub fn caller<'e>(entry: &'e LogEntry<'_>) -> Cow<'e, str> {
    let client = &entry.client;
    match (&client.spiffe_id, &client.cert_sha256, client.unix_uid, &entry.key_fingerprint) {
        (Some(spiffe_id), ..) => Cow::Borrowed(spiffe_id),
        (_, Some(sha256), ..) => Cow::Owned(format!("cert:{sha256}")),
        (_, _, Some(uid), _) => Cow::Owned(format!("uid:{uid}")),
        (_, _, _, Some(fingerprint)) => Cow::Owned(format!("{}:{fingerprint}", entry.key_class.as_str())),
        _ => Cow::Borrowed("unknown"),
    }
}
