//! Routing: from method and path to operation, by the canonical spelling of paths.

use std::cmp::Ordering;
use std::sync::Arc;

/// The segment with which every path of the contract begins.
pub(super) const VERSION: &str = "v1";

/// A tree of path segments. `T` is the target of a method at the end of a path.
#[derive(Debug)]
pub(super) struct Routes<T> {
    // sorted by `order`: with so few at each node, a binary search beats hashing the segment
    literals: Vec<(Box<str>, Self)>,
    parameter: Option<Box<(Arc<str>, Self)>>,
    methods: Vec<(Box<str>, T)>,
}

impl<T> Default for Routes<T> {
    fn default() -> Self {
        Self { literals: Vec::new(), parameter: None, methods: Vec::new() }
    }
}

/// The end of a path.
#[derive(Debug)]
pub(super) struct RouteMatch<'f, 'r, 'p, T> {
    /// The target of each method.
    pub(super) methods: &'r [(Box<str>, T)],
    last: Option<&'f Parameter<'f, 'r, 'p>>,
}

/// A parameter of a path, and the one before it.
// a linked list on the stack: most walks match nothing, and must not allocate
#[derive(Clone, Copy, Debug)]
struct Parameter<'f, 'r, 'p> {
    name: &'r Arc<str>,
    value: &'p str,
    before: Option<&'f Self>,
}

impl<'r, T> RouteMatch<'_, 'r, '_, T> {
    /// The end of a path without parameters, or with parameters that do not matter.
    pub(super) const fn of(methods: &'r [(Box<str>, T)]) -> Self {
        Self { methods, last: None }
    }

    /// The target of `method`.
    pub(super) fn method(&self, method: &str) -> Option<&'r T> {
        self.methods.iter().find(|(known, _)| known.as_ref() == method).map(|(_, target)| target)
    }

    /// The parameters of the path, in order.
    pub(super) fn parameters(&self) -> Vec<(Arc<str>, Box<str>)> {
        let backwards = std::iter::successors(self.last, |parameter| parameter.before);
        let mut parameters: Vec<_> =
            backwards.map(|parameter| (Arc::clone(parameter.name), parameter.value.into())).collect();
        parameters.reverse();
        parameters
    }
}

impl<T> Routes<T> {
    /// The target of `method` at the end of the template `path`, inserted if it is missing.
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

    /// The most segments that a path has.
    pub(super) fn depth(&self) -> usize {
        let below = self.literals.iter().map(|(_, next)| next).chain(self.parameter.as_deref().map(|(_, next)| next));
        below.map(|next| next.depth() + 1).max().unwrap_or_default()
    }

    /// Calls `change` with every target.
    pub(super) fn for_each_target(&mut self, change: &mut impl FnMut(&mut T)) {
        self.methods.iter_mut().for_each(|(_, target)| change(target));
        let literals = self.literals.iter_mut().map(|(_, next)| next);
        literals
            .chain(self.parameter.as_deref_mut().map(|(_, next)| next))
            .for_each(|next| next.for_each_target(change));
    }

    /// Every target.
    pub(super) fn targets(&self) -> Vec<&T> {
        let below = self.literals.iter().map(|(_, next)| next).chain(self.parameter.as_deref().map(|(_, next)| next));
        let own = self.methods.iter().map(|(_, target)| target);
        own.chain(below.flat_map(Self::targets)).collect()
    }

    /// The first result of `take` for a path that `segments` match. `accepts` decides which segments match a parameter.
    pub(super) fn find<'r, 'p, R>(
        &'r self,
        segments: impl Iterator<Item = &'p str> + Clone,
        accepts: fn(&str) -> bool,
        mut take: impl FnMut(&RouteMatch<'_, 'r, 'p, T>) -> Option<R>,
    ) -> Option<R> {
        self.walk(segments, accepts, None, &mut take)
    }

    /// Calls `visit` with the literal segments of each path, and the targets of its methods.
    pub(super) fn visit<'r>(&'r self, visit: &mut impl FnMut(&[&'r str], &'r [(Box<str>, T)])) {
        self.visit_below(&mut Vec::new(), visit);
    }

    fn visit_below<'r>(&'r self, literals: &mut Vec<&'r str>, visit: &mut impl FnMut(&[&'r str], &'r [(Box<str>, T)])) {
        if !self.methods.is_empty() {
            visit(literals, &self.methods);
        }
        for (word, next) in &self.literals {
            literals.push(word);
            next.visit_below(literals, visit);
            literals.pop();
        }
        if let Some((_, next)) = self.parameter.as_deref() {
            next.visit_below(literals, visit);
        }
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
        // literal segments before parameters: `/v1/users/count` is not the user `count`
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

// by length first: it separates most segments, and comparing it is cheaper than comparing letters
fn order(one: &str, other: &str) -> Ordering {
    one.len().cmp(&other.len()).then_with(|| one.cmp(other))
}

/// Whether `segment` may be a parameter of an inspected path: the letters of Clerk's ids only.
pub(super) fn is_canonical_parameter(segment: &str) -> bool {
    const LONGEST: usize = 128;
    // no letter in it may mean something else to another server: no dot, `;`, `%` or slash. A colon has one meaning between
    // other letters (`role_set:default`); behind a name it could begin a port or an action
    let is_colon_inside = |byte: u8| byte == b':' && !segment.starts_with(':') && !segment.ends_with(':');
    (1..=LONGEST).contains(&segment.len())
        && segment
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-' || is_colon_inside(byte))
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
    fn a_colon_is_plain_inside_an_id_only() {
        for (segment, expected) in
            [("role_set:default", true), ("a:b:c", true), (":a", false), ("a:", false), (":", false), ("a:%", false)]
        {
            assert_eq!(is_canonical_parameter(segment), expected, "{segment}");
        }
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
