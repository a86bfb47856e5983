//! `all`, `exists`, `exists_one`, `map`, `filter`, and those that visit entries.

use super::checked::{Checked, Depends};
use super::checker::Checker;
use super::local::Local;
use crate::cel::kind::Kinds;
use crate::cel::node::{Comprehension, Op};
use crate::cel::syntax::{Macro, Tree};
use crate::cel::types::Type;
use std::ops::Range;

impl<'c> Checker<'_, 'c> {
    /// `over.macro(variable, test, each)`
    pub(super) fn comprehension(
        &mut self,
        r#macro: Macro,
        over: &Tree,
        variables: &[(Box<str>, Range<usize>)],
        test: Option<&Tree>,
        each: Option<&Tree>,
    ) -> Checked<'c> {
        let over_part = self.check(over);
        self.expect(over, &over_part, Kinds::LIST.or(Kinds::MAP), "what is gone through");
        if let Err(refused) = self.check_loops(&over.span) {
            return refused;
        }
        let depth = self.locals.len();
        let is_keyed = variables.len() > 1;
        for ((name, at), r#type) in variables.iter().zip(types_of_variables(&over_part.r#type, is_keyed)) {
            // of two names for one element the first counts as the loop
            let is_loop = self.locals.len() == depth;
            if self.enter_scope(Local { name: name.clone(), r#type, constant: None, is_loop }, at).is_none() {
                self.locals.truncate(depth);
                return Checked::unknown();
            }
        }
        let test = test.map(|test| self.boolean(test, "the test of each element"));
        let each = each.map(|each| self.check(each));
        self.locals.truncate(depth);
        let r#type = match r#macro {
            Macro::All | Macro::Exists | Macro::ExistsOne => Type::of(Kinds::BOOL),
            Macro::Filter => Type::list_of(over_part.r#type.item()),
            Macro::Map | Macro::TransformList => {
                Type::list_of(each.as_ref().map_or(Type::ANY, |each| each.r#type.clone()))
            }
            Macro::TransformMap => Type::of(Kinds::MAP),
        };
        let inner = test.iter().chain(&each).fold(Depends::default(), |depends, part| depends.or(part.depends));
        // bound here: what is around does not depend on it
        let depends = over_part.depends.or(inner.without_locals_from(depth));
        let (test, each) = (test.map(|test| test.node), each.map(|each| each.node));
        let comprehension = Comprehension { r#macro, over: over_part.node, is_keyed, test, each };
        Checked::new(Op::Comprehension(Box::new(comprehension)), r#type, depends)
    }
}

/// The types of the names that a macro brings into scope.
fn types_of_variables<'c>(over: &Type<'c>, is_keyed: bool) -> Vec<Type<'c>> {
    // of what is no list, which was reported, and of an empty one nothing is known that an element is not
    let item = Some(over.item()).filter(|item| item.kinds != Kinds::NONE).unwrap_or(Type::ANY);
    if !is_keyed {
        return vec![item];
    }
    let is_map = over.kinds.meets(Kinds::MAP);
    let key = if is_map { Type::of(over.key().or(Kinds::INT)) } else { Type::of(Kinds::INT) };
    // the values of a map are of any type
    vec![key, if is_map { Type::ANY } else { item }]
}
