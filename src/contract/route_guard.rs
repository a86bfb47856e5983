//! The paths of the operations that must be inspected, compiled so that any path is compared with all of them at once.
//!
//! [`lenient`] has the readings of a path. Whether a reading could be a guarded route takes one pass over its letters,
//! however many routes there are: an Aho-Corasick automaton finds the literal segments, and a tree of their sequences, which is
//! entered at most once at each edge, finds the routes whose segments occur in order.

use super::ByVersion;
use super::lenient::{self, Reading};
use super::operation::Operation;
use super::route::{RouteMatch, Routes, VERSION};
use super::segment_tree::{SegmentTree, SegmentTreeBuilder, Segments};
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

/// Which operations must be inspected, and which paths could be theirs.
#[derive(Debug)]
pub struct RouteGuard {
    /// Their ids.
    operations: HashSet<Arc<str>>,
    /// The literal segments of their paths.
    segments: Segments,
    /// The sequences of segments that are guarded, for each method of the contract.
    methods: Vec<(Box<str>, SegmentTree)>,
    /// The same, for a method that the contract does not have.
    other: SegmentTree,
}

/// The result of a search, with the work that it took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct RouteSearch {
    /// Whether some server could read the path as a guarded one.
    pub(super) is_guarded: bool,
    /// Letters and edges visited. Tests bound the work by it, which a clock could not do on a busy machine.
    pub(super) steps: usize,
}

impl RouteGuard {
    /// Guards the operations of `routes` for which `is_inspected` is true in some version.
    pub(super) fn new(routes: &Routes<ByVersion>, is_inspected: impl Fn(&Operation) -> bool) -> Self {
        let operations = routes.targets().into_iter().flatten().flatten();
        let ids: HashSet<Arc<str>> =
            operations.filter(|operation| is_inspected(operation)).map(|operation| operation.id.clone()).collect();
        let mut methods: BTreeSet<Box<str>> = BTreeSet::new();
        routes.visit(&mut |_, found| methods.extend(found.iter().map(|(method, _)| method.clone())));
        let mut words = Words::default();
        let trees = methods.into_iter().map(|method| (words.tree(routes, &ids, &method), method)).collect::<Vec<_>>();
        // a method that no route has
        let other = words.tree(routes, &ids, "");
        let count = words.positions.len();
        Self {
            operations: ids,
            methods: trees.into_iter().map(|(tree, method)| (method, tree.build(count))).collect(),
            other: other.build(count),
            segments: Segments::new(words.in_order()),
        }
    }

    /// Whether an operation with the path of `found` must be inspected.
    pub(super) fn guards_any(&self, found: &RouteMatch<'_, '_, '_, ByVersion>) -> bool {
        guards_any(&self.operations, found)
    }

    /// Whether a request with `method` and the path of `found` must not be forwarded without inspection.
    pub(super) fn guards(&self, found: &RouteMatch<'_, '_, '_, ByVersion>, method: &str) -> bool {
        guards(&self.operations, found, method)
    }

    /// Whether some server could read `path`, which is not plain, as a guarded one for `method`.
    pub(super) fn search(&self, method: &str, path: &str) -> RouteSearch {
        let known = self.methods.iter().find(|(known, _)| **known == *method);
        let tree = known.map_or(&self.other, |(_, tree)| tree);
        let mut search = RouteSearch::default();
        let is_searchable = lenient::each_reading(path, |reading| {
            search.is_guarded |= match reading {
                Reading::Ascii(letters) => tree.occurs_in(&self.segments, letters, &mut search.steps),
                Reading::Wild(letters) => tree.occurs_in_wild(&self.segments, letters, &mut search.steps),
            };
            !search.is_guarded
        });
        search.is_guarded |= !is_searchable;
        search
    }
}

fn inspects(ids: &HashSet<Arc<str>>, by_version: &ByVersion) -> bool {
    by_version.iter().flatten().any(|operation| ids.contains(&operation.id))
}

fn guards_any(ids: &HashSet<Arc<str>>, found: &RouteMatch<'_, '_, '_, ByVersion>) -> bool {
    found.methods.iter().any(|(_, by_version)| inspects(ids, by_version))
}

fn guards(ids: &HashSet<Arc<str>>, found: &RouteMatch<'_, '_, '_, ByVersion>, method: &str) -> bool {
    match found.method(method) {
        Some(by_version) => inspects(ids, by_version),
        // a router could try each method in turn
        None => guards_any(ids, found),
    }
}

/// The literal segments of guarded routes, numbered. Not of the others: a hostile path could be made of those, too.
#[derive(Default)]
struct Words {
    positions: HashMap<Box<str>, usize>,
}

impl Words {
    /// The sequences of segments that are guarded for `method`.
    fn tree(&mut self, routes: &Routes<ByVersion>, ids: &HashSet<Arc<str>>, method: &str) -> SegmentTreeBuilder {
        let mut tree = SegmentTreeBuilder::default();
        routes.visit(&mut |literals, found| {
            if guards(ids, &RouteMatch::of(found), method) {
                // some servers do without the version
                let literals = literals.iter().filter(|word| **word != VERSION);
                tree.insert(literals.map(|word| self.position(word)));
            }
        });
        tree
    }

    fn position(&mut self, word: &str) -> usize {
        let next = self.positions.len();
        // readings are in lower case
        *self.positions.entry(word.to_ascii_lowercase().into()).or_insert(next)
    }

    fn in_order(self) -> Vec<Box<str>> {
        let mut words: Vec<_> = self.positions.into_iter().collect();
        words.sort_by_key(|(_, position)| *position);
        words.into_iter().map(|(word, _)| word).collect()
    }
}

#[cfg(test)]
mod tests;
