//! Calls: which function is meant, and whether it takes what it is given.

use super::checked::{Checked, Depends};
use super::checker::Checker;
use crate::cel::activation::Value;
use crate::cel::function::{FUNCTIONS, Function, Signature, Style};
use crate::cel::issue::Issue;
use crate::cel::kind::{Kind, Kinds};
use crate::cel::node::Op;
use crate::cel::pattern::Pattern;
use crate::cel::syntax::{Macro, Syntax, Tree};
use crate::cel::time;
use crate::cel::types::Type;
use crate::suggest::nearest;
use std::ops::Range;

impl<'c> Checker<'_, 'c> {
    /// `function(arguments)` or `receiver.function(arguments)`
    pub(super) fn call(
        &mut self,
        tree: &Tree,
        name: &str,
        at: &Range<usize>,
        receiver: Option<&Tree>,
        arguments: &[Tree],
    ) -> Checked<'c> {
        // `json` in `json.size(x)` is no value but the first part of the function's name
        let is_json = |receiver: &Tree| matches!(&receiver.syntax, Syntax::Name(name) if &**name == "json");
        let (name, receiver) = match receiver.filter(|receiver| is_json(receiver) && self.local("json").is_none()) {
            Some(_) => (format!("json.{name}"), None),
            None => (name.to_owned(), receiver),
        };
        if Macro::from_name(&name).is_some() && receiver.is_none() {
            let issue = Issue::new(at, format!("`{name}` is called on a list or map"));
            return self.reject(issue.with_help(format!("write `list.{name}(element, ...)`")));
        }
        // `x.f(y)` is `f(x, y)`
        let operands: Vec<&Tree> = receiver.into_iter().chain(arguments).collect();
        let found = self.issues.len();
        let signature = self.signature(&name, at, receiver.is_some());
        if let (Err(issue), Some(space)) = (&signature, receiver.and_then(|receiver| self.unknown_word(receiver))) {
            // a function of another dialect, as `cel.bind` is: that its parts mean nothing here follows from it
            let message = format!("`{space}.{name}` is not a function that policies know");
            return self.reject(Issue::new(&tree.span, message).at(&(tree.span.start..issue.span.end)));
        }
        let parts: Vec<Checked<'c>> = operands.iter().map(|argument| self.check(argument)).collect();
        let is_chained = receiver.is_some_and(|receiver| matches!(receiver.syntax, Syntax::Call { .. }));
        let signature = match signature {
            Ok(signature) => signature,
            // what is called on the result of an unknown function is likely unknown, too
            Err(_) if is_chained && self.issues.len() > found => return Checked::unknown(),
            Err(issue) => return self.reject(issue),
        };
        if let Some(issue) = count_issue(tree, signature, operands.len(), receiver.is_some()) {
            return self.reject(issue);
        }
        let found = self.issues.len();
        for (argument, (part, wanted)) in operands.iter().zip(parts.iter().zip(takes(signature))) {
            self.expect(argument, part, wanted, &format!("what `{name}` takes here"));
        }
        if self.issues.len() > found {
            return Checked::unknown();
        }
        self.finish_call(signature, &operands, parts)
    }

    /// The name that `tree` is, if it is not declared.
    fn unknown_word<'t>(&self, tree: &'t Tree) -> Option<&'t str> {
        let Syntax::Name(name) = &tree.syntax else { return None };
        let is_known = self.env.is_root(name)
            || Kind::from_name(name).is_some()
            || self.env.declarations.qualified_name(name).is_some();
        (!is_known && self.local(name).is_none() && nearest(name, self.env.root_names()).is_none()).then_some(name)
    }

    /// The function called `name`.
    fn signature(&self, name: &str, at: &Range<usize>, is_member: bool) -> Result<&'static Signature, Issue> {
        let style = if is_member { Style::Member } else { Style::Plain };
        if let Some(found) = FUNCTIONS.iter().find(|known| known.name == name) {
            return match found.style {
                Style::Either => Ok(found),
                known if known == style => Ok(found),
                Style::Member => Err(Issue::new(at, format!("`{name}` is called on a value"))
                    .with_help(format!("write `value.{name}(...)`"))),
                Style::Plain => Err(Issue::new(at, format!("`{name}` is not called on a value"))
                    .with_help(format!("write `{name}(value)`"))),
            };
        }
        // a function of the other call style would be a wrong suggestion
        let known: Vec<&str> = FUNCTIONS
            .iter()
            .filter(|known| known.style == style || known.style == Style::Either)
            .map(|known| known.name)
            .collect();
        Err(self.unknown_name(at, name, "is not a function that policies know", &known))
    }

    fn finish_call(&mut self, signature: &Signature, operands: &[&Tree], parts: Vec<Checked<'c>>) -> Checked<'c> {
        let depends = parts.iter().fold(Depends::default(), |depends, part| depends.or(part.depends));
        // patterns and time zones are checked now, so that no request can fail on them
        let constant = parts.get(1).and_then(Checked::as_constant).and_then(Value::as_str).map(str::to_owned);
        let second = operands.get(1).map(|tree| tree.span.clone()).unwrap_or_default();
        if let (Function::Field(_), Some(zone)) = (signature.function, &constant)
            && !time::is_zone(zone)
        {
            return self.reject(Issue::new(&second, format!("`{}` is not a time zone", zone.escape_debug())));
        }
        let r#type = Type::of(signature.gives);
        let mut nodes = parts.into_iter().map(|part| part.node);
        if signature.function != Function::Matches {
            return Checked::new(Op::Call(signature.function, nodes.collect()), r#type, depends);
        }
        let pattern = match constant.as_deref().map(Pattern::compile) {
            Some(Ok(pattern)) => pattern,
            Some(Err(issue)) => return self.reject(issue.at(&second)),
            None => {
                let message = "the pattern of `matches` must be known when the policy is loaded";
                return self.reject(Issue::new(&second, message).with_help("write it as a text, or in `params`"));
            }
        };
        let text = nodes.next().unwrap_or_else(|| Op::Constant(Value::Null).into());
        Checked::new(Op::Matches(Box::new(text), Box::new(pattern)), r#type, depends)
    }
}

fn takes(signature: &Signature) -> impl Iterator<Item = Kinds> {
    signature.takes.iter().copied().chain(signature.optional)
}

fn count_issue(tree: &Tree, signature: &Signature, given: usize, is_member: bool) -> Option<Issue> {
    let least = signature.takes.len();
    let most = takes(signature).count();
    if (least..=most).contains(&given) {
        return None;
    }
    let receiver = usize::from(is_member);
    let wanted = if least == most {
        format!("{}", least - receiver)
    } else {
        format!("{} or {}", least - receiver, most - receiver)
    };
    let unit = if most - receiver == 1 { "argument" } else { "arguments" };
    let message = format!("`{}` takes {wanted} {unit}, not {}", signature.name, given - receiver);
    Some(Issue::new(&tree.span, message))
}
