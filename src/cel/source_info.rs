//! What each node was made of, as it was written: for people who look at an evaluation.
//!
//! A node does not know its place, so that evaluation is not slowed by what it never asks for. The source is parsed anew, and
//! the tree laid beside the nodes that were made of it.

use super::node::Node;
use super::syntax::{Syntax, Tree, parse};
use std::collections::HashMap;

/// The texts of nodes.
#[derive(Debug, Default)]
pub(super) struct SourceInfo<'a>(HashMap<*const Node, &'a str>);

impl<'a> SourceInfo<'a> {
    /// Learns the texts of `node`, which was made of `source`, and of the nodes in it.
    pub(super) fn learn(&mut self, source: &'a str, node: &'a Node) {
        if let Ok(tree) = parse(source) {
            self.align(source, &tree, node);
        }
    }

    /// What `node` was made of; none for a literal, which says itself, and for what loading put there or folded away.
    pub(super) fn of(&self, node: &Node) -> Option<&'a str> {
        self.0.get(&std::ptr::from_ref(node)).copied()
    }

    fn align(&mut self, source: &'a str, tree: &Tree, node: &'a Node) {
        if let (false, Some(text)) = (matches!(tree.syntax, Syntax::Literal(_)), source.get(tree.span.clone())) {
            self.0.insert(std::ptr::from_ref(node), text.trim());
        }
        for (tree, node) in pairs(tree, node) {
            self.align(source, tree, node);
        }
    }
}

/// The parts of a tree, each with the node that was made of it.
fn pairs<'t, 'n>(tree: &'t Tree, node: &'n Node) -> Vec<(&'t Tree, &'n Node)> {
    match (&tree.syntax, node) {
        (Syntax::Select { of, .. }, Node::Member(node, _)) | (Syntax::Has { of, .. }, Node::HasMember(node, _)) => {
            vec![(of, node)]
        }
        (Syntax::Index(sides), Node::EntryAt(_, key)) => {
            sides.last().map(|tree| (tree, key.as_ref())).into_iter().collect()
        }
        (Syntax::Infix(_, sides), Node::HasEntry(_, wanted)) => {
            sides.first().map(|tree| (tree, wanted.as_ref())).into_iter().collect()
        }
        (Syntax::Index(sides), Node::Index(nodes))
        | (
            Syntax::Infix(_, sides),
            Node::Equal { sides: nodes, .. } | Node::Compare(_, nodes) | Node::Calculate(_, nodes) | Node::In(nodes),
        ) => sides.iter().zip(nodes.iter()).collect(),
        (Syntax::Conditional(trees), Node::Conditional(nodes)) => trees.iter().zip(nodes.iter()).collect(),
        (Syntax::Call { receiver, arguments, .. }, Node::Call(_, nodes)) => {
            given(receiver.as_deref(), arguments, nodes.len()).zip(nodes).collect()
        }
        (Syntax::Call { receiver, arguments, .. }, Node::Matches(text, _)) => {
            given(receiver.as_deref(), arguments, 2).zip([text.as_ref()]).collect()
        }
        (Syntax::Not(tree), Node::Not(node)) | (Syntax::Negate(tree), Node::Negate(node)) => vec![(tree, node)],
        (Syntax::And(trees), Node::And(nodes))
        | (Syntax::Or(trees), Node::Or(nodes))
        | (Syntax::List(trees), Node::List(nodes)) => trees.iter().zip(nodes).collect(),
        (Syntax::Map(trees), Node::Map(nodes)) => {
            let entries = trees.iter().zip(nodes);
            entries.flat_map(|((name, value), (key, node))| [(name, key), (value, node)]).collect()
        }
        (Syntax::Comprehension { over, test, each, .. }, Node::Comprehension(node)) => {
            let inner = [(test, &node.test), (each, &node.each)];
            let inner = inner.into_iter().filter_map(|(tree, node)| Some((tree.as_deref()?, node.as_ref()?)));
            std::iter::once((over.as_ref(), &node.over)).chain(inner).collect()
        }
        _ => Vec::new(),
    }
}

/// What a function of `count` arguments is given, its receiver first; `json` in `json.size(x)` is none.
fn given<'t>(receiver: Option<&'t Tree>, arguments: &'t [Tree], count: usize) -> impl Iterator<Item = &'t Tree> {
    receiver.filter(|_| arguments.len() < count).into_iter().chain(arguments)
}
