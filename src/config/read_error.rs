//! Why a file cannot be read.

use std::io::{Error, ErrorKind};

/// The reason for `error`, as the predicate of a message. The operating system's own texts differ between platforms.
pub(super) fn describe(error: &Error) -> String {
    match error.kind() {
        ErrorKind::NotFound => "there is no such file or folder".to_owned(),
        ErrorKind::PermissionDenied => "this process may not read it".to_owned(),
        ErrorKind::IsADirectory => "it is a folder".to_owned(),
        ErrorKind::InvalidData => "it is not text in UTF-8".to_owned(),
        other => other.to_string(),
    }
}
