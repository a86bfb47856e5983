//! The caller of a recorded request as one name.

use crate::decision_log::LogEntry;
use std::borrow::Cow;

/// The caller of a recorded request, by its strongest identity: the SPIFFE ID of its certificate, the certificate, the user id of
/// a Unix socket, or the fingerprint of its key, which differs after each start of the gateway.
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
