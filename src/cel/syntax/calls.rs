//! Calls. Macros differ from functions here already, because they take names and not values.

use super::operator::Macro;
use super::parse::{Parsed, Parser, deepest};
use super::tree::{Syntax, Tree};
use crate::cel::issue::Issue;
use std::ops::Range;

impl Parser<'_> {
    /// `name(arguments)`, or `receiver.name(arguments)`.
    pub(super) fn call(
        &self,
        start: usize,
        name: &str,
        at: Range<usize>,
        receiver: Option<Tree>,
        arguments: Vec<Tree>,
    ) -> Parsed {
        let depth = deepest(&arguments).max(receiver.as_ref().map_or(0, |receiver| receiver.depth));
        // `has` takes a path, not a value, so it is resolved here and not as a call
        if name == "has" && receiver.is_none() {
            return match <[Tree; 1]>::try_from(arguments).map(|[argument]| argument.syntax) {
                Ok(Syntax::Select { of, name, at }) => self.tree(start, depth, Syntax::Has { of, name, at }),
                // what is there does not read as null
                Ok(optional @ Syntax::Optional(_)) => {
                    let receiver = Some(Box::new(Tree { span: start..self.end, depth, syntax: optional }));
                    let function = "hasValue".into();
                    self.tree(start, depth, Syntax::Call { function, at, receiver, arguments: Vec::new() })
                }
                Ok(Syntax::Index(sides)) => {
                    let [of, _] = sides.as_ref();
                    let (entry, text) = (start + name.len() + 1..self.end.saturating_sub(1), self.source);
                    let entry = text.get(entry).unwrap_or_default().trim();
                    let issue = Issue::new(&of.span, "`has` asks for a member, not for what is behind `[`");
                    Err(issue.at(&(start..self.end)).with_help(format!("write `{entry} != null`")))
                }
                _ => Err(Issue::new(&(start..self.end), "`has` asks for a member, as in `has(body.first_name)`")),
            };
        }
        let function = name.into();
        // a macro is one only with a receiver: `all(x)` is a call
        let (Some(r#macro), Some(_)) = (Macro::from_name(name), &receiver) else {
            let receiver = receiver.map(Box::new);
            return self.tree(start, depth, Syntax::Call { function, at, receiver, arguments });
        };
        let syntax = receiver.and_then(|over| Syntax::comprehension(r#macro, over, arguments));
        match syntax {
            Some(syntax) => self.tree(start, depth, syntax),
            None if matches!(r#macro, Macro::TransformList | Macro::TransformMap) => {
                let issue = Issue::new(&(at.start..self.end), format!("`{name}` takes two names and an expression"));
                Err(issue.with_help(format!("as in `body.public_metadata.{name}(key, value, [key, value])`")))
            }
            None => Err(Issue::new(&(at.start..self.end), format!("`{name}` takes a name and an expression"))
                .with_help(format!("as in `body.email_address.{name}(address, address != \"\")`"))),
        }
    }
}
