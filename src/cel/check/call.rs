//! Calls: which function is meant, and whether it takes what it is given.

use super::checked::{Checked, Depends};
use super::checker::Checker;
use crate::cel::activation::Value;
use crate::cel::finder::Finder;
use crate::cel::function::{FUNCTIONS, Function};
use crate::cel::issue::Issue;
use crate::cel::kind::{Kind, Kinds};
use crate::cel::library::format::values_of_format;
use crate::cel::library::strings::StringFunction;
use crate::cel::node::{Find, Op};
use crate::cel::pattern::Pattern;
use crate::cel::signature::{ResultShape, Signature, Style};
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
        if let Some(receiver) = receiver {
            if name == "bind" && matches!(&receiver.syntax, Syntax::Name(it) if **it == *"cel") {
                return self.bind_call(tree, arguments);
            }
            if let Some(checked) = self.optional_call(name, receiver, arguments) {
                return checked;
            }
        }
        // `json` in `json.size(x)` is no value but the first part of the function's name
        let library = receiver.and_then(|receiver| self.library(receiver));
        let (name, receiver) = match library {
            Some(library) => (format!("{library}.{name}"), None),
            None => (name.to_owned(), receiver),
        };
        if Macro::from_name(&name).is_some() && receiver.is_none() {
            let issue = Issue::new(at, format!("`{name}` is called on a list or map"));
            return self.reject(issue.with_help(format!("write `list.{name}(element, ...)`")));
        }
        // `x.f(y)` is `f(x, y)`
        let operands: Vec<&Tree> = receiver.into_iter().chain(arguments).collect();
        let found = self.issues.len();
        let candidates = self.candidates(&name, at, receiver.is_some());
        if let (Err(issue), Some(space)) = (&candidates, receiver.and_then(|receiver| self.unknown_word(receiver))) {
            // a function of another dialect: that its parts mean nothing here follows from it
            let message = format!("`{space}.{name}` is not a function that policies know");
            return self.reject(Issue::new(&tree.span, message).at(&(tree.span.start..issue.span.end)));
        }
        let parts: Vec<Checked<'c>> = operands.iter().map(|argument| self.check(argument)).collect();
        let is_chained = receiver.is_some_and(|receiver| matches!(receiver.syntax, Syntax::Call { .. }));
        let candidates = match candidates {
            Ok(candidates) => candidates,
            // what is called on the result of an unknown function is likely unknown, too
            Err(_) if is_chained && self.issues.len() > found => return Checked::unknown(),
            Err(issue) => return self.reject(issue),
        };
        if let Some(issue) = count_issue(tree, &candidates, operands.len(), receiver.is_some()) {
            return self.reject(issue);
        }
        match self.choose(candidates, &operands, &parts) {
            Some(signature) => self.finish_call(&signature, &operands, parts),
            None => Checked::unknown(),
        }
    }

    /// The library that `tree` names, as `math` in `math.abs(x)`.
    fn library<'t>(&self, tree: &'t Tree) -> Option<&'t str> {
        let Syntax::Name(name) = &tree.syntax else { return None };
        let is_library =
            || FUNCTIONS.iter().any(|known| known.name.split_once('.').is_some_and(|(it, _)| *it == **name));
        (self.local(name).is_none() && is_library()).then_some(name)
    }

    /// The signature among those of one name that takes what is given; what none takes is reported.
    fn choose(
        &mut self,
        mut candidates: Vec<Signature<Function>>,
        operands: &[&Tree],
        parts: &[Checked<'c>],
    ) -> Option<Signature<Function>> {
        let found = self.issues.len();
        candidates.retain(|candidate| takes_count(candidate, parts.len()));
        for (position, (argument, part)) in operands.iter().zip(parts).enumerate() {
            let takes = candidates.iter().filter_map(|candidate| candidate.takes(position));
            let wanted = takes.fold(Kinds::NONE, Kinds::or);
            let name = candidates.first().map_or("", |candidate| candidate.name);
            self.expect(argument, part, wanted, &format!("what `{name}` takes here"));
            let kinds = part.r#type.kinds;
            // each argument decides which of them are left
            if kinds.meets(wanted) {
                candidates.retain(|candidate| candidate.takes(position).is_some_and(|takes| takes.meets(kinds)));
            }
        }
        // of two that are left evaluation decides
        let gives = candidates.iter().fold(Kinds::NONE, |gives, candidate| gives.or(candidate.gives));
        let mut left = candidates.into_iter();
        let first = left.next().filter(|_| self.issues.len() == found)?;
        let shape = if left.next().is_none() { first.shape } else { ResultShape::Plain };
        Some(first.with_shape(shape).with_result(gives))
    }

    /// The name that `tree` is, if it is not declared.
    fn unknown_word<'t>(&self, tree: &'t Tree) -> Option<&'t str> {
        let Syntax::Name(name) = &tree.syntax else { return None };
        let is_known = self.env.is_root(name)
            || Kind::from_name(name).is_some()
            || self.env.declarations.qualified_name(name).is_some();
        (!is_known && self.local(name).is_none() && nearest(name, self.env.root_names()).is_none()).then_some(name)
    }

    /// The functions called `name`.
    fn candidates(&self, name: &str, at: &Range<usize>, is_member: bool) -> Result<Vec<Signature<Function>>, Issue> {
        let style = if is_member { Style::Member } else { Style::Plain };
        let named = || FUNCTIONS.iter().filter(|known| known.name == name);
        let found: Vec<_> = named().filter(|known| known.has_style(style)).copied().collect();
        match (found.is_empty(), named().next()) {
            (false, _) => return Ok(found),
            (true, Some(_)) if style == Style::Plain => {
                let issue = Issue::new(at, format!("`{name}` is called on a value"));
                return Err(issue.with_help(format!("write `value.{name}(...)`")));
            }
            (true, Some(_)) => {
                let issue = Issue::new(at, format!("`{name}` is not called on a value"));
                return Err(issue.with_help(format!("write `{name}(value)`")));
            }
            (true, None) => {}
        }
        // a function of the other call style, or of another library, would be a wrong suggestion
        let library = name.split_once('.').map(|(library, _)| library);
        let is_near = |known: &&Signature<Function>| {
            known.has_style(style) && known.name.split_once('.').map(|(library, _)| library) == library
        };
        let known: Vec<&str> = FUNCTIONS.iter().filter(is_near).map(|known| known.name).collect();
        Err(self.unknown_name(at, name, "is not a function that policies know", &known))
    }

    fn finish_call(
        &mut self,
        signature: &Signature<Function>,
        operands: &[&Tree],
        parts: Vec<Checked<'c>>,
    ) -> Checked<'c> {
        let depends = parts.iter().fold(Depends::default(), |depends, part| depends.or(part.depends));
        // patterns and time zones are checked now, so that no request can fail on them
        let constant = parts.get(1).and_then(Checked::as_constant).and_then(Value::as_str).map(str::to_owned);
        let second = operands.get(1).map(|tree| tree.span.clone()).unwrap_or_default();
        if let (Function::Field(_), Some(zone)) = (signature.function, &constant)
            && !time::is_zone(zone)
        {
            return self.reject(Issue::new(&second, format!("`{}` is not a time zone", zone.escape_debug())));
        }
        if let Some(issue) = format_issue(signature.function, operands, &parts) {
            return self.reject(issue);
        }
        let r#type = result_type(signature, &parts);
        let function = signature.function;
        let mut nodes = parts.into_iter().map(|part| part.node);
        if !matches!(function, Function::Matches | Function::Find | Function::FindAll) {
            return Checked::new(Op::Call(function, nodes.collect()), r#type, depends);
        }
        let Some(pattern) = constant else {
            let message = format!("the pattern of `{}` must be known when the policy is loaded", signature.name);
            return self.reject(Issue::new(&second, message).with_help("write it as a text, or in `params`"));
        };
        let text = nodes.next().unwrap_or_else(|| Op::Constant(Value::Null).into());
        let compiled = if function == Function::Matches {
            Pattern::compile(&pattern).map(|pattern| Op::Matches(Box::new(text), Box::new(pattern)))
        } else {
            let (all, most) = (function == Function::FindAll, nodes.nth(1));
            Finder::compile(&pattern).map(|finder| Op::Find(Box::new(Find { text, finder, all, most })))
        };
        match compiled {
            Ok(op) => Checked::new(op, r#type, depends),
            Err(issue) => self.reject(issue.at(&second)),
        }
    }
}

/// The type of what the function gives.
fn result_type<'c>(signature: &Signature<Function>, parts: &[Checked<'c>]) -> Type<'c> {
    let first = || parts.first().map_or(Type::ANY, |part| part.r#type.clone());
    // nothing is known of the elements of an empty list
    let item = || Some(first().item()).filter(|item| item.kinds != Kinds::NONE).unwrap_or(Type::ANY);
    match signature.shape {
        ResultShape::Plain => Type::of(signature.gives),
        ResultShape::Texts => Type::list_of(Type::of(Kinds::STRING)),
        ResultShape::Elements => Type::list_of(first().item()),
        ResultShape::Element => item(),
        ResultShape::ElementOrNull => item().or_null(),
        ResultShape::Same => first(),
    }
}

/// What is wrong with a format that is known when a policy is loaded.
fn format_issue(function: Function, operands: &[&Tree], parts: &[Checked<'_>]) -> Option<Issue> {
    let (Function::Strings(StringFunction::Format), [format, values]) = (function, parts) else { return None };
    let [text, list] = operands else { return None };
    let Some(takes) = values_of_format(format.as_constant()?.as_str()?) else {
        let issue = Issue::new(&text.span, "not a format");
        return Some(issue.with_help("there are `%s`, `%d`, `%f`, `%e`, `%b`, `%o`, `%x`, `%X` and `%%`"));
    };
    let given = match &values.node.op {
        Op::List(items) => items.len(),
        _ => values.as_constant()?.len()?,
    };
    let message = format!("the format takes {takes} values, not {given}");
    (takes != given).then(|| Issue::new(&list.span, message))
}

fn takes_count(signature: &Signature<Function>, given: usize) -> bool {
    let (least, most) = signature.counts();
    (least..=most).contains(&given)
}

fn count_issue(tree: &Tree, candidates: &[Signature<Function>], given: usize, is_member: bool) -> Option<Issue> {
    if candidates.iter().any(|candidate| takes_count(candidate, given)) {
        return None;
    }
    let counts = candidates.iter().map(Signature::counts);
    let (least, most) = counts.reduce(|one, other| (one.0.min(other.0), one.1.max(other.1)))?;
    let receiver = usize::from(is_member);
    let wanted = if least == most {
        format!("{}", least - receiver)
    } else if most == usize::MAX {
        format!("at least {}", least - receiver)
    } else if most == least + 1 {
        format!("{} or {}", least - receiver, most - receiver)
    } else {
        format!("{} to {}", least - receiver, most - receiver)
    };
    let unit = if most - receiver == 1 { "argument" } else { "arguments" };
    let name = candidates.first()?.name;
    let message = format!("`{name}` takes {wanted} {unit}, not {}", given - receiver);
    Some(Issue::new(&tree.span, message))
}
