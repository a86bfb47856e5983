//! No path that some router takes for an inspected operation gets past as anything else.

use portcullis::contract::Routed;
use portcullis::judge::Bundle;

/// Holds for any path that a request line can carry.
pub(crate) fn holds(bundle: &Bundle, path: &str) {
    // by the fallthrough of reads, which forwards: unknown writes are refused, whatever admission makes of their paths
    let passes = bundle.exempt("GET", &bundle.route("PATCH", path, None)).is_some();
    let taken_for = routers().find(|router| is_inspected(&router.segments(path)));
    assert!(
        !(passes && taken_for.is_some()),
        "{path} passes unjudged, and {taken_for:?} takes it for an inspected operation"
    );
    if let Routed::Operation(operation, _) = bundle.route("PATCH", path, None)
        && bundle.exempt("PATCH", &Routed::Operation(operation, Vec::new())).is_none()
    {
        let plain = path.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'_' | b'-'));
        assert!(plain, "{path} is judged though it is not in its canonical spelling");
    }
}

/// A router more lenient than it should be: how often it decodes a path, and what else it does before it looks it up.
#[derive(Clone, Debug)]
struct Router {
    decodes: usize,
    habits: Vec<Habit>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Habit {
    /// Before the path is split at its slashes; without it each segment on its own.
    DecodesFirst,
    DropsParameters,
    ResolvesDots,
    IgnoresCase,
    TakesBackslashes,
    /// What is behind two slashes is a server's name.
    DropsAuthority,
    /// For whoever resolves dots they are segments.
    KeepsEmptySegments,
    DropsSuffix,
    EndsAtNul,
}

const HABITS: [Habit; 9] = [
    Habit::DecodesFirst,
    Habit::DropsParameters,
    Habit::ResolvesDots,
    Habit::IgnoresCase,
    Habit::TakesBackslashes,
    Habit::DropsAuthority,
    Habit::KeepsEmptySegments,
    Habit::DropsSuffix,
    Habit::EndsAtNul,
];

fn routers() -> impl Iterator<Item = Router> {
    (0..3).flat_map(|decodes| {
        (0..1 << HABITS.len()).map(move |set: u32| Router {
            decodes,
            habits: (0..).zip(HABITS).filter(|(bit, _)| set >> bit & 1 == 1).map(|(_, habit)| habit).collect(),
        })
    })
}

impl Router {
    fn has(&self, habit: Habit) -> bool {
        self.habits.contains(&habit)
    }

    fn segments(&self, path: &str) -> Vec<String> {
        let path = path.split(['?', '#']).next().unwrap_or_default();
        let mut path = if self.has(Habit::DecodesFirst) { self.decode(path) } else { path.to_owned() };
        if self.has(Habit::TakesBackslashes) {
            path = path.replace('\\', "/");
        }
        if self.has(Habit::EndsAtNul) {
            path.truncate(path.find(['\0', ' ']).unwrap_or(path.len()));
        }
        if self.has(Habit::DropsAuthority)
            && let Some(behind) = path.strip_prefix("//")
        {
            path = behind.find('/').and_then(|at| behind.get(at..)).unwrap_or_default().to_owned();
        }
        let mut segments: Vec<String> = Vec::new();
        for segment in path.split('/').skip(1) {
            if segment.is_empty() && !self.has(Habit::KeepsEmptySegments) {
                continue;
            }
            let mut segment = if self.has(Habit::DecodesFirst) { segment.to_owned() } else { self.decode(segment) };
            if self.has(Habit::DropsParameters) {
                segment.truncate(segment.find(';').unwrap_or(segment.len()));
            }
            match segment.as_str() {
                "." if self.has(Habit::ResolvesDots) => {}
                ".." if self.has(Habit::ResolvesDots) => {
                    segments.pop();
                }
                _ if self.has(Habit::IgnoresCase) => segments.push(segment.to_ascii_lowercase()),
                _ => segments.push(segment),
            }
        }
        segments.retain(|segment| !segment.is_empty());
        if self.has(Habit::DropsSuffix)
            && let Some(last) = segments.last_mut()
        {
            last.truncate(last.find('.').unwrap_or(last.len()));
        }
        segments
    }

    fn decode(&self, text: &str) -> String {
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
