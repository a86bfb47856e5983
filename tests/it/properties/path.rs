//! No path that some router takes for an inspected operation gets past as anything else.

use portcullis::contract::Routed;
use portcullis::judge::Bundle;

/// Holds for any path that a request line can carry.
pub(crate) fn holds(bundle: &Bundle, path: &str) {
    let passes = bundle.exempt(&bundle.route("PATCH", path, None)).is_some();
    let taken_for = routers().find(|router| is_inspected(&router.segments(path)));
    assert!(
        !(passes && taken_for.is_some()),
        "{path} passes unjudged, and {taken_for:?} takes it for an inspected operation"
    );
    if let Routed::Operation(operation, _) = bundle.route("PATCH", path, None)
        && bundle.exempt(&Routed::Operation(operation, Vec::new())).is_none()
    {
        let plain = path.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'_' | b'-'));
        assert!(plain, "{path} is judged though it is not in its canonical spelling");
    }
}

/// A router more lenient than it should be: what it does to a path before it looks it up.
#[derive(Clone, Copy, Debug)]
struct Router {
    decodes: usize,
    /// Before the path is split at its slashes, or each segment on its own.
    decodes_first: bool,
    drops_parameters: bool,
    resolves_dots: bool,
    ignores_case: bool,
    takes_backslashes: bool,
}

fn routers() -> impl Iterator<Item = Router> {
    (0..96).map(|bits| Router {
        decodes: bits / 32,
        decodes_first: bits & 1 != 0,
        drops_parameters: bits & 2 != 0,
        resolves_dots: bits & 4 != 0,
        ignores_case: bits & 8 != 0,
        takes_backslashes: bits & 16 != 0,
    })
}

impl Router {
    fn segments(self, path: &str) -> Vec<String> {
        let path = path.split(['?', '#']).next().unwrap_or_default();
        let mut path = if self.decodes_first { self.decode(path) } else { path.to_owned() };
        if self.takes_backslashes {
            path = path.replace('\\', "/");
        }
        let mut segments: Vec<String> = Vec::new();
        for segment in path.split('/').filter(|segment| !segment.is_empty()) {
            let mut segment = if self.decodes_first { segment.to_owned() } else { self.decode(segment) };
            if self.drops_parameters {
                segment.truncate(segment.find(';').unwrap_or(segment.len()));
            }
            match segment.as_str() {
                "." if self.resolves_dots => {}
                ".." if self.resolves_dots => {
                    segments.pop();
                }
                _ if self.ignores_case => segments.push(segment.to_ascii_lowercase()),
                _ => segments.push(segment),
            }
        }
        segments
    }

    fn decode(self, text: &str) -> String {
        (0..self.decodes).fold(text.to_owned(), |text, _| {
            percent_encoding::percent_decode_str(&text).decode_utf8_lossy().into_owned()
        })
    }
}

/// `PATCH /v1/users/{user_id}` and `PATCH /v1/users/{user_id}/metadata`.
fn is_inspected(segments: &[String]) -> bool {
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    match segments.as_slice() {
        ["v1", "users", user] | ["v1", "users", user, "metadata"] => !user.is_empty(),
        _ => false,
    }
}
