//! Checks the parts of an expression, one by one, and folds constants.

use super::checked::{Checked, Depends};
use super::checker::{Checker, list_names};
use crate::cel::activation::Value;
use crate::cel::evaluation::Evaluation;
use crate::cel::function::Function;
use crate::cel::issue::Issue;
use crate::cel::kind::{Kind, Kinds};
use crate::cel::node::{Node, Op};
use crate::cel::syntax::{Syntax, Tree};
use crate::cel::types::Type;
use crate::suggest::nearest;
use std::ops::Range;

impl<'c> Checker<'_, 'c> {
    /// Checks and compiles `tree`.
    pub(in crate::cel) fn check(&mut self, tree: &Tree) -> Checked<'c> {
        self.depth += 1;
        self.deepest = self.deepest.max(self.depth);
        let issues_before = self.issues.len();
        // for this part only: below it, the operands of `==` may be anything
        let is_truth = std::mem::take(&mut self.is_truth);
        let checked = match &tree.syntax {
            Syntax::Conditional(parts) => self.conditional(parts, is_truth),
            _ => self.check_syntax(tree),
        };
        self.depth -= 1;
        // a part with an error holds a placeholder, whose value means nothing
        let mut checked = if self.issues.len() == issues_before { self.fold_constant(checked, tree) } else { checked };
        // a literal explains itself, so it gets no text
        let span = if matches!(tree.syntax, Syntax::Literal(_)) { 0..0 } else { tree.span.clone() };
        checked.node.id = self.source_info.add(&span);
        checked
    }

    fn check_all(&mut self, trees: &[Tree]) -> Vec<Checked<'c>> {
        trees.iter().map(|tree| self.check(tree)).collect()
    }

    fn check_syntax(&mut self, tree: &Tree) -> Checked<'c> {
        match &tree.syntax {
            Syntax::Literal(value) => Checked::constant(value.clone()),
            Syntax::Name(name) => self.name(name, &tree.span),
            Syntax::Select { of, name, at } => self.select(of, name, at),
            Syntax::Has { of, name, at } => self.has(of, name, at),
            Syntax::Index(sides) => self.index(sides),
            Syntax::Call { function, at, receiver, arguments } => {
                self.call(tree, function, at, receiver.as_deref(), arguments)
            }
            Syntax::Not(operand) => {
                let operand = self.boolean(operand, "`!`");
                Checked::new(Op::Not(Box::new(operand.node)), Type::of(Kinds::BOOL), operand.depends)
            }
            Syntax::Negate(operand) => self.negate(operand),
            Syntax::Infix(operator, sides) => self.infix(tree, *operator, sides),
            Syntax::And(parts) => self.join(parts, "&&"),
            Syntax::Or(parts) => self.join(parts, "||"),
            Syntax::Conditional(parts) => self.conditional(parts, false),
            Syntax::List(elements) => {
                let (nodes, types, depends) = Checked::gather(self.check_all(elements));
                let elements = types.into_iter().fold(Type::of(Kinds::NONE), Type::or);
                Checked::new(Op::List(nodes), Type::list_of(elements), depends)
            }
            Syntax::Map(entries) => self.map(entries),
            Syntax::Optional(inner) => self.optional(inner),
            Syntax::Comprehension { r#macro, over, variables, test, each } => {
                self.comprehension(*r#macro, over, variables, test.as_deref(), each.as_deref())
            }
        }
    }

    fn map(&mut self, entries: &[(Tree, Tree)]) -> Checked<'c> {
        let mut nodes = Vec::new();
        let mut depends = Depends::default();
        for (key, value) in entries {
            let (key_part, value) = (self.check(key), self.check(value));
            if !key_part.r#type.kinds.meets(Kinds::KEY) {
                let kinds = key_part.r#type.kinds;
                self.issues.push(Issue::new(&key.span, format!("the key of a map is {}, not {kinds}", Kinds::KEY)));
            }
            depends = depends.or(key_part.depends).or(value.depends);
            nodes.push((key_part.node, value.node));
        }
        Checked::new(Op::Map(nodes.into()), Type::of(Kinds::MAP), depends)
    }

    /// A name by itself: the variable of a comprehension, `params`, or a type.
    fn name(&mut self, name: &str, span: &Range<usize>) -> Checked<'c> {
        // first: the variable of a comprehension hides every other name
        if let Some((depth, local)) = self.local(name) {
            if let Some(constant) = &local.constant {
                return Checked::constant(constant.clone());
            }
            let depends = Depends { request: false, locals: 1 << depth };
            return Checked::new(Op::Local(depth), local.r#type.clone(), depends);
        }
        // `params` as a whole is a constant, unlike the roots of the host
        if name == "params" {
            return Checked::constant(self.env.params.clone());
        }
        if let Some(kind) = Kind::from_name(name) {
            return Checked::constant(Value::Type(kind));
        }
        if self.env.is_root(name) {
            let issue = Issue::new(span, format!("`{name}` is no value by itself"));
            return self.reject(issue.with_help(format!("ask for one of its members, as in `{name}.NAME`")));
        }
        let issue = Issue::new(span, format!("`{name}` is not a name that policies know"));
        let mut known: Vec<&str> = self.env.root_names().collect();
        known.extend(self.locals.iter().map(|local| &*local.name));
        let help = match (self.word_help(name), nearest(name, known.into_iter())) {
            (Some(help), _) => help.to_owned(),
            (None, Some(meant)) => format!("did you mean `{meant}`?"),
            (None, None) => match self.env.declarations.qualified_name(name) {
                Some(qualified) => format!("did you mean `{qualified}`?"),
                None => format!("there are {}; a text stands in quotes", list_names(self.env.root_names())),
            },
        };
        self.reject(issue.with_help(help))
    }

    /// Evaluates `checked` now if it depends on nothing.
    fn fold_constant(&mut self, checked: Checked<'c>, tree: &Tree) -> Checked<'c> {
        if checked.depends != Depends::default() || matches!(checked.node.op, Op::Constant(_)) {
            return checked;
        }
        let value = Evaluation::of_constant(self.locals.len()).value(&checked.node).map(|value| value.to_constant());
        match value {
            // `dyn` turns the check of a constant off, too
            Ok(value) if matches!(checked.node.op, Op::Call(Function::Dyn, _)) => {
                Checked { r#type: checked.r#type, ..Checked::constant(value) }
            }
            Ok(value) => Checked::constant(value),
            // an error in a constant fails for every request: report it now
            Err(failure) => {
                let (text, error) = (self.text(&tree.span), failure.error());
                let issue = Issue::valueless(&tree.span, format!("`{text}` never has a value: {error}"));
                self.reject(time_literal_issue(&checked.node, &tree.span).unwrap_or(issue))
            }
        }
    }
}

/// The issue of a timestamp or duration whose literal does not parse.
fn time_literal_issue(node: &Node, span: &Range<usize>) -> Option<Issue> {
    let Op::Call(function, arguments) = &node.op else { return None };
    let [Node { op: Op::Constant(argument), .. }] = arguments.as_ref() else { return None };
    let (text, escaped) = (argument.as_str()?, argument.as_str()?.escape_debug());
    match function {
        Function::Duration => {
            let help = if text.contains('d') { "write hours, as in `24h`" } else { "as in `24h`, `90m` or `1h30m`" };
            Some(Issue::new(span, format!("`{escaped}` is no duration")).with_help(help))
        }
        Function::Timestamp => {
            let is_date = text.len() == 10 && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
            let help =
                if is_date { format!("write `{text}T00:00:00Z`") } else { "as in `2026-01-01T00:00:00Z`".to_owned() };
            Some(Issue::new(span, format!("`{escaped}` is not a time")).with_help(help))
        }
        _ => None,
    }
}
