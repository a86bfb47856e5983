//! Files as URIs (RFC 8089).

use gen_lsp_types::Uri;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use std::path::{Path, PathBuf};

/// What a path has in a URI without an escape.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The file that `uri` names; `None` if it names no file of this machine.
pub(super) fn to_path(uri: &Uri) -> Option<PathBuf> {
    let rest = uri.0.strip_prefix("file://")?;
    let rest = rest.strip_prefix("localhost").unwrap_or(rest);
    let path = rest.split(['?', '#']).next().filter(|path| path.starts_with('/'))?;
    Some(PathBuf::from(percent_decode_str(path).decode_utf8().ok()?.as_ref()))
}

/// The URI of the file at `path`, which is absolute.
pub(super) fn of_path(path: &Path) -> Uri {
    Uri(format!("file://{}", utf8_percent_encode(&path.to_string_lossy(), ESCAPED)))
}

#[cfg(test)]
mod tests {
    use super::{of_path, to_path};
    use gen_lsp_types::Uri;
    use std::path::Path;

    #[test]
    fn a_path_survives_its_uri() {
        for path in ["/a/b.yaml", "/with space/ü/100%.yaml", "/a#b/c?d.yaml"] {
            assert_eq!(to_path(&of_path(Path::new(path))).as_deref(), Some(Path::new(path)));
        }
        for (uri, path) in [
            ("file:///c%3A/x", Some("/c:/x")),
            ("file://localhost/a", Some("/a")),
            ("untitled:1", None),
            ("file:a", None),
        ] {
            assert_eq!(to_path(&Uri(uri.to_owned())).as_deref(), path.map(Path::new), "{uri}");
        }
    }
}
