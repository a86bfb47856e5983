//! From method and path to operation, by the paths' canonical spelling only.

use super::lenient::behind;
use std::cmp::Ordering;
use std::sync::Arc;

/// The segment with which every path of the contract begins.
pub(super) const VERSION: &str = "v1";

/// A tree of path segments. `T` is what a method at the end of a path leads to.
#[derive(Debug)]
pub(super) struct Routes<T> {
    /// Sorted: with so few at each node, comparing some of them beats hashing the segment.
    literals: Vec<(Box<str>, Self)>,
    parameter: Option<Box<(Arc<str>, Self)>>,
    methods: Vec<(Box<str>, T)>,
}

impl<T> Default for Routes<T> {
    fn default() -> Self {
        Self { literals: Vec::new(), parameter: None, methods: Vec::new() }
    }
}

/// What a path leads to.
#[derive(Debug)]
pub(super) struct RouteMatch<'f, 'r, 'p, T> {
    /// What each method leads to.
    pub(super) methods: &'r [(Box<str>, T)],
    last: Option<&'f Parameter<'f, 'r, 'p>>,
}

/// A parameter of a path, and the one before it: kept on the stack, for most walks lead nowhere.
#[derive(Clone, Copy, Debug)]
struct Parameter<'f, 'r, 'p> {
    name: &'r Arc<str>,
    value: &'p str,
    before: Option<&'f Self>,
}

impl<'r, T> RouteMatch<'_, 'r, '_, T> {
    /// What `method` leads to.
    pub(super) fn method(&self, method: &str) -> Option<&'r T> {
        self.methods.iter().find(|(known, _)| known.as_ref() == method).map(|(_, target)| target)
    }

    /// The path's parameters in order.
    pub(super) fn parameters(&self) -> Vec<(Arc<str>, Box<str>)> {
        let backwards = std::iter::successors(self.last, |parameter| parameter.before);
        let mut parameters: Vec<_> =
            backwards.map(|parameter| (Arc::clone(parameter.name), parameter.value.into())).collect();
        parameters.reverse();
        parameters
    }
}

impl<T> Routes<T> {
    /// The place for `method` at the end of the template `path`.
    pub(super) fn entry(&mut self, path: &str, method: &str, target: impl FnOnce() -> T) -> &mut T {
        let mut here = self;
        for segment in path.split('/').skip(1) {
            here = match segment.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
                Some(name) => &mut here.parameter.get_or_insert_with(|| Box::new((name.into(), Self::default()))).1,
                None => here.literal(segment),
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

    fn literal(&mut self, segment: &str) -> &mut Self {
        let at = self.literals.binary_search_by(|(known, _)| order(known, segment)).unwrap_or_else(|at| {
            self.literals.insert(at, (segment.into(), Self::default()));
            at
        });
        #[expect(clippy::indexing_slicing, reason = "the position was found or filled just above")]
        &mut self.literals[at].1
    }

    /// Everything that any method at the end of any path leads to.
    pub(super) fn targets(&self) -> Vec<&T> {
        let below = self.literals.iter().map(|(_, next)| next).chain(self.parameter.as_deref().map(|(_, next)| next));
        let own = self.methods.iter().map(|(_, target)| target);
        own.chain(below.flat_map(Self::targets)).collect()
    }

    /// The first of what `segments` lead to that `take` takes, literal segments before parameters; `accepts` says what a
    /// parameter may hold.
    pub(super) fn find<'r, 'p, R>(
        &'r self,
        segments: impl Iterator<Item = &'p str> + Clone,
        accepts: fn(&str) -> bool,
        mut take: impl FnMut(&RouteMatch<'_, 'r, 'p, T>) -> Option<R>,
    ) -> Option<R> {
        self.walk(segments, accepts, None, &mut take)
    }

    /// Whether `take` takes what a path leads to whose literal segments stand in `text` one after another, wherever. The
    /// version, with which they all begin, may be left out.
    pub(super) fn any_in(&self, text: &[char], take: &mut impl FnMut(&RouteMatch<'_, '_, '_, T>) -> bool) -> bool {
        if !self.methods.is_empty() && take(&RouteMatch { methods: &self.methods, last: None }) {
            return true;
        }
        let mut literals = self.literals.iter();
        let is_below = literals.any(|(word, next)| {
            let rest = if word.as_ref() == VERSION { Some(text) } else { behind(text, word) };
            rest.is_some_and(|rest| next.any_in(rest, take))
        });
        is_below || self.parameter.as_deref().is_some_and(|(_, next)| next.any_in(text, take))
    }

    fn walk<'r, 'p, R>(
        &'r self,
        mut segments: impl Iterator<Item = &'p str> + Clone,
        accepts: fn(&str) -> bool,
        last: Option<&Parameter<'_, 'r, 'p>>,
        take: &mut impl FnMut(&RouteMatch<'_, 'r, 'p, T>) -> Option<R>,
    ) -> Option<R> {
        let Some(segment) = segments.next() else {
            return if self.methods.is_empty() { None } else { take(&RouteMatch { methods: &self.methods, last }) };
        };
        let literal = self.literals.binary_search_by(|(known, _)| order(known, segment));
        if let Some((_, next)) = literal.ok().and_then(|at| self.literals.get(at))
            && let Some(taken) = next.walk(segments.clone(), accepts, last, take)
        {
            return Some(taken);
        }
        let (name, next) = self.parameter.as_deref().filter(|_| accepts(segment))?;
        next.walk(segments, accepts, Some(&Parameter { name, value: segment, before: last }), take)
    }
}

/// Lengths tell most segments apart at less cost than letters.
fn order(one: &str, other: &str) -> Ordering {
    one.len().cmp(&other.len()).then_with(|| one.cmp(other))
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
        routes().find(path.split('/').skip(1), is_canonical_parameter, |found| found.method(method).copied())
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
