//! Which parts of the body an expression reads.

use super::expression::{Expression, Variables};
use super::node::Node;
use super::record::Record;
use super::value::Value;
use std::collections::BTreeSet;

impl Variables {
    /// The parts of the body that `expression` reads, as JSON Pointers: the empty one where a request decides which.
    pub(in crate::policy) fn read_by(&self, expression: &Expression) -> BTreeSet<String> {
        let mut reader = Reader { variables: self.nodes(), seen: BTreeSet::new(), found: BTreeSet::new() };
        reader.visit(expression.node());
        reader.found
    }
}

struct Reader<'v> {
    variables: &'v [Node],
    /// The variables that were looked into.
    seen: BTreeSet<usize>,
    found: BTreeSet<String>,
}

impl Reader<'_> {
    fn visit(&mut self, node: &Node) {
        if let Some(pointer) = pointer(node) {
            self.found.insert(pointer);
            return;
        }
        match node {
            Node::EntryAt(Record::Body, _) | Node::HasEntry(Record::Body, _) => {
                self.found.insert(String::new());
            }
            Node::Variable(position) if self.seen.insert(*position) => {
                if let Some(variable) = self.variables.get(*position) {
                    self.visit(variable);
                }
            }
            _ => {}
        }
        for child in children(node) {
            self.visit(child);
        }
    }
}

/// The place in the body that `node` is, as far down as its names are known.
fn pointer(node: &Node) -> Option<String> {
    match node {
        Node::Entry(Record::Body, name) => Some(format!("/{}", escape(name))),
        Node::HasEntry(Record::Body, name) => Some(format!("/{}", escape(text(name)?))),
        Node::Member(of, Value::Text(name)) | Node::HasMember(of, Value::Text(name)) => {
            Some(format!("{}/{}", pointer(of)?, escape(name)))
        }
        _ => None,
    }
}

fn text(node: &Node) -> Option<&str> {
    match node {
        Node::Constant(Value::Text(text)) => Some(text),
        _ => None,
    }
}

fn escape(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

fn children(node: &Node) -> Vec<&Node> {
    match node {
        Node::Constant(_) | Node::Fact(_) | Node::Entry(..) | Node::Variable(_) | Node::Local(_) => Vec::new(),
        Node::EntryAt(_, inner)
        | Node::HasEntry(_, inner)
        | Node::Member(inner, _)
        | Node::HasMember(inner, _)
        | Node::Not(inner)
        | Node::Negate(inner)
        | Node::Matches(inner, _) => vec![inner],
        Node::Index(sides)
        | Node::Equal { sides, .. }
        | Node::Compare(_, sides)
        | Node::Calculate(_, sides)
        | Node::In(sides) => sides.iter().collect(),
        Node::And(parts) | Node::Or(parts) | Node::Call(_, parts) | Node::List(parts) => parts.iter().collect(),
        Node::Conditional(parts) => parts.iter().collect(),
        Node::Map(entries) => entries.iter().flat_map(|(key, value)| [key, value]).collect(),
        Node::Comprehension(inner) => {
            let parts = inner.test.iter().chain(&inner.each);
            std::iter::once(&inner.over).chain(parts).collect()
        }
    }
}
