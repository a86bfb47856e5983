//! The members of objects that expressions read, by which is found what happens if a request lacks one.

use super::expression::{Expression, ValueExpression, Variables};
use super::node::{Node, Op};
use super::source_info::SourceInfo;
use std::collections::{BTreeMap, BTreeSet};

/// A member of an object: the source of the object, and the name.
type MemberPath = (Box<str>, Box<str>);

/// The members that expressions read, and the tests for them.
#[derive(Debug, Default)]
pub(crate) struct MemberReads {
    /// The sources of the parts that read each.
    reads: BTreeMap<MemberPath, BTreeSet<Box<str>>>,
    /// The sources of the parts that test whether it is there.
    tests: BTreeMap<MemberPath, BTreeSet<Box<str>>>,
}

/// A member that expressions read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MemberRead<'r> {
    /// The sources of the parts that read it, such as `body.public_metadata.role`.
    pub(super) reads: &'r BTreeSet<Box<str>>,
    /// The sources of the parts that test whether it is there, such as `has(body.public_metadata.role)`.
    pub(super) tests: Option<&'r BTreeSet<Box<str>>>,
}

impl<'r> MemberRead<'r> {
    /// The names from the root of the request to it; `None` if they are not all written with dots.
    pub(crate) fn path(self) -> Option<impl Iterator<Item = &'r str>> {
        let is_plain =
            |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.'));
        Some(self.reads.iter().map(AsRef::as_ref).find(|text| is_plain(text))?.split('.'))
    }
}

impl MemberReads {
    /// Those of `variables`.
    pub(crate) fn of(variables: &Variables) -> Self {
        let mut members = Self::default();
        variables.nodes.iter().zip(&variables.sources).for_each(|(node, source)| members.add_node(node, source));
        members
    }

    /// Adds those of `expression`.
    pub(crate) fn add(&mut self, expression: &Expression) {
        self.add_node(&expression.node, &expression.source);
    }

    /// Adds those of `expression`.
    pub(crate) fn add_value(&mut self, expression: &ValueExpression) {
        self.add_node(&expression.node, &expression.source);
    }

    fn add_node(&mut self, node: &Node, source: &SourceInfo) {
        let member = match &node.op {
            Op::Member(of, name) | Op::HasMember(of, name) => Some((of.as_ref(), name.as_str())),
            Op::Index(sides) | Op::Optional(sides) => {
                let [of, key] = sides.as_ref();
                // of another key only its source is known
                match &key.op {
                    Op::Constant(key) => key.as_str().map(|name| (of, Some(name))),
                    _ => Some((of, source.text(key.id))),
                }
            }
            _ => None,
        };
        if let Some((of, Some(name))) = member
            && let (Some(text), Some(of)) = (source.text(node.id), source.text(of.id))
        {
            let of_all = if matches!(node.op, Op::HasMember(..)) { &mut self.tests } else { &mut self.reads };
            of_all.entry((of.into(), name.into())).or_default().insert(text.into());
        }
        node.for_each_operand(&mut |operand| self.add_node(operand, source));
    }

    /// The names of the members that are read, of which object ever.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.reads.keys().map(|(_, name)| name.as_ref())
    }

    /// The members that are read.
    pub(crate) fn iter(&self) -> impl Iterator<Item = MemberRead<'_>> {
        self.reads.iter().map(|(path, reads)| MemberRead { reads, tests: self.tests.get(path) })
    }
}
