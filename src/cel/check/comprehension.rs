//! `all`, `exists`, `exists_one`, `map` and `filter`.

use super::checked::{Checked, Depends};
use super::checker::Checker;
use crate::cel::issue::Issue;
use crate::cel::kind::Kinds;
use crate::cel::node::{Comprehension, Op};
use crate::cel::syntax::{Macro, Tree};
use crate::cel::types::Type;
use std::ops::Range;

/// Deepest nesting: each multiplies the cost by the length of a list.
const DEEPEST: usize = 2;

impl<'c> Checker<'_, 'c> {
    /// `over.macro(variable, test, each)`
    pub(super) fn comprehension(
        &mut self,
        r#macro: Macro,
        over: &Tree,
        (variable, at): (&str, &Range<usize>),
        test: Option<&Tree>,
        each: Option<&Tree>,
    ) -> Checked<'c> {
        let over_part = self.check(over);
        self.expect(over, &over_part, Kinds::LIST.or(Kinds::MAP), "what is gone through");
        // hiding a root would be legal CEL, and is a trap for the reader
        if self.env.is_root(variable) {
            let message = format!("`{variable}` is the name of something else");
            self.issues.push(Issue::new(at, message).with_help("give the variable another name"));
        }
        let depth = self.locals.len();
        if depth == DEEPEST {
            let message = format!("more than {DEEPEST} of `all`, `exists`, `map` and `filter` inside each other");
            return self.reject(Issue::new(&over.span, message));
        }
        // of what is no list, which was told, and of an empty one nothing is known that an element is not
        let item = over_part.r#type.item();
        let item = if item.kinds == Kinds::NONE { Type::ANY } else { item };
        // in scope of the test and the transformation only
        self.locals.push((variable.into(), item));
        let test = test.map(|test| self.boolean(test, "the test of each element"));
        let each = each.map(|each| self.check(each));
        self.locals.pop();
        let r#type = match r#macro {
            Macro::All | Macro::Exists | Macro::ExistsOne => Type::of(Kinds::BOOL),
            Macro::Filter => Type::list_of(over_part.r#type.item()),
            Macro::Map => Type::list_of(each.as_ref().map_or(Type::ANY, |each| each.r#type.clone())),
        };
        let inner = test.iter().chain(&each).fold(Depends::default(), |depends, part| depends.or(part.depends));
        // bound here: what is around does not depend on it
        let inner = Depends { locals: inner.locals & !(1 << depth), ..inner };
        let depends = over_part.depends.or(inner);
        let (test, each) = (test.map(|test| test.node), each.map(|each| each.node));
        let node = Op::Comprehension(Box::new(Comprehension { r#macro, over: over_part.node, test, each }));
        Checked::new(node, r#type, depends)
    }
}
