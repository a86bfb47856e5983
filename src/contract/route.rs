//! From method and path to operation, by the paths' canonical spelling only.

use std::collections::HashMap;

/// A tree of path segments. `T` is what a method at the end of a path leads to.
#[derive(Debug)]
pub(super) struct Routes<T> {
    literals: HashMap<Box<str>, Self>,
    parameter: Option<Box<(Box<str>, Self)>>,
    methods: Vec<(Box<str>, T)>,
}

impl<T> Default for Routes<T> {
    fn default() -> Self {
        Self { literals: HashMap::new(), parameter: None, methods: Vec::new() }
    }
}

/// What a path leads to.
#[derive(Debug)]
pub(super) struct Found<'r, 'p, T> {
    /// What each method leads to.
    pub(super) methods: &'r [(Box<str>, T)],
    /// The path's parameters in order.
    pub(super) parameters: Vec<(&'r str, &'p str)>,
}

impl<T> Found<'_, '_, T> {
    /// What `method` leads to.
    pub(super) fn method(&self, method: &str) -> Option<&T> {
        self.methods.iter().find(|(known, _)| known.as_ref() == method).map(|(_, target)| target)
    }
}

impl<T> Routes<T> {
    /// The place for `method` at the end of the template `path`.
    pub(super) fn entry(&mut self, path: &str, method: &str, target: impl FnOnce() -> T) -> &mut T {
        let mut here = self;
        for segment in path.split('/').skip(1) {
            here = match segment.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
                Some(name) => &mut here.parameter.get_or_insert_with(|| Box::new((name.into(), Self::default()))).1,
                None => here.literals.entry(segment.into()).or_default(),
            };
        }
        let position = here.methods.iter().position(|(known, _)| known.as_ref() == method);
        let position = position.unwrap_or_else(|| {
            here.methods.push((method.into(), target()));
            here.methods.len() - 1
        });
        #[expect(clippy::indexing_slicing, reason = "the position was found or pushed just above")]
        &mut here.methods[position].1
    }

    /// Everything that any method at the end of any path leads to.
    pub(super) fn targets(&self) -> Vec<&T> {
        let below = self.literals.values().chain(self.parameter.as_deref().map(|(_, next)| next));
        let own = self.methods.iter().map(|(_, target)| target);
        own.chain(below.flat_map(Self::targets)).collect()
    }

    /// Everything that `segments` lead to, literal segments before parameters; `accepts` says what a parameter may hold.
    pub(super) fn find<'r, 'p>(&'r self, segments: &'p [&'p str], accepts: fn(&str) -> bool) -> Vec<Found<'r, 'p, T>> {
        let mut found = Vec::new();
        self.walk(segments, accepts, &mut Vec::new(), &mut found);
        found
    }

    fn walk<'r, 'p>(
        &'r self,
        segments: &'p [&'p str],
        accepts: fn(&str) -> bool,
        parameters: &mut Vec<(&'r str, &'p str)>,
        found: &mut Vec<Found<'r, 'p, T>>,
    ) {
        let Some((segment, rest)) = segments.split_first() else {
            if !self.methods.is_empty() {
                found.push(Found { methods: &self.methods, parameters: parameters.clone() });
            }
            return;
        };
        if let Some(next) = self.literals.get(*segment) {
            next.walk(rest, accepts, parameters, found);
        }
        if let Some((name, next)) = self.parameter.as_deref().filter(|_| accepts(segment)) {
            parameters.push((name, segment));
            next.walk(rest, accepts, parameters, found);
            parameters.pop();
        }
    }
}

/// Whether a parameter of an inspected path may hold `segment`: what Clerk's ids are made of, and no more.
pub(super) fn is_canonical_parameter(segment: &str) -> bool {
    const LONGEST: usize = 128;
    (1..=LONGEST).contains(&segment.len())
        && segment.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
}

#[cfg(test)]
mod tests {
    use super::{Routes, is_canonical_parameter};

    fn routes() -> Routes<u8> {
        let mut routes = Routes::default();
        *routes.entry("/v1/users/{user_id}", "PATCH", || 0) = 1;
        *routes.entry("/v1/users/count", "GET", || 0) = 2;
        *routes.entry("/v1/users/{user_id}/metadata", "PATCH", || 0) = 3;
        routes
    }

    fn find(path: &str, method: &str) -> Option<u8> {
        let (routes, segments) = (routes(), path.split('/').skip(1).collect::<Vec<_>>());
        let found = routes.find(&segments, is_canonical_parameter);
        found.iter().find_map(|found| found.method(method).copied())
    }

    #[test]
    fn a_path_leads_to_its_operation() {
        assert_eq!(find("/v1/users/user_1", "PATCH"), Some(1));
        assert_eq!(find("/v1/users/count", "GET"), Some(2));
        assert_eq!(find("/v1/users/count", "PATCH"), Some(1), "a router by method takes it for an id");
        assert_eq!(find("/v1/users/user_1/metadata", "PATCH"), Some(3));
    }

    #[test]
    fn other_spellings_lead_nowhere() {
        for path in ["/v1/users/", "/v1/users/user_1/", "/v1/users/%75", "/V1/users/u", "/v1//users/u", "/v1/users/u;a"]
        {
            assert_eq!(find(path, "PATCH"), None, "{path}");
        }
        assert_eq!(find("/v1/users/user_1", "PUT"), None);
        assert_eq!(find(&format!("/v1/users/{}", "u".repeat(129)), "PATCH"), None);
    }
}
