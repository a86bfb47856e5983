//! From tree to node: resolves names, folds constants, and finds what can be known to be wrong before any request comes.

mod call;
mod comprehension;
mod member;
mod operator;
mod spelling;

use super::env::{Env, ROOTS};
use super::evaluation::Evaluation;
use super::function::Function;
use super::kind::Kinds;
use super::node::Node;
use super::syntax::{DEEPEST, Issue, Syntax, Tree, foreign};
use super::types::{Type, named};
use super::value::Value;
use crate::suggest::nearest;
use std::ops::Range;

/// A compiled part, and what is known of it.
#[derive(Debug)]
pub(super) struct Checked<'c> {
    pub(super) node: Node,
    pub(super) r#type: Type<'c>,
    /// What its value depends on; a constant on nothing.
    depends: Depends,
}

/// What a value depends on: the request, and comprehensions around it by their depth.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Depends {
    request: bool,
    locals: u8,
}

impl Depends {
    const REQUEST: Self = Self { request: true, locals: 0 };

    const fn or(self, other: Self) -> Self {
        Self { request: self.request || other.request, locals: self.locals | other.locals }
    }
}

impl<'c> Checked<'c> {
    fn constant(value: Value<'static>) -> Self {
        Self { r#type: Type::of_constant(&value), node: Node::Constant(value), depends: Depends::default() }
    }

    /// In the place of what is wrong and was reported: nothing more is found wrong with it.
    pub(super) fn unknown() -> Self {
        Self { node: Node::Constant(Value::Null), r#type: Type::ANY, depends: Depends::REQUEST }
    }

    const fn of_request(node: Node, r#type: Type<'c>) -> Self {
        Self { node, r#type, depends: Depends::REQUEST }
    }

    pub(super) const fn as_constant(&self) -> Option<&Value<'static>> {
        match &self.node {
            Node::Constant(value) if !self.depends.request => Some(value),
            _ => None,
        }
    }
}

/// Compiles the expressions of one policy.
pub(super) struct Checker<'n, 'c> {
    env: &'n mut Env<'c>,
    source: &'n str,
    /// The variables of the comprehensions around the part at hand, outermost first.
    locals: Vec<(Box<str>, Type<'c>)>,
    /// How deep the part at hand is, and the deepest so far, the depth of variables included.
    depth: usize,
    pub(super) deepest: usize,
    /// Whether the part that comes next must be true or false, so that whatever it chooses between must be.
    pub(super) is_truth: bool,
    pub(super) issues: Vec<Issue>,
}

impl<'n, 'c> Checker<'n, 'c> {
    pub(super) const fn new(env: &'n mut Env<'c>, source: &'n str) -> Self {
        Self { env, source, locals: Vec::new(), depth: 0, deepest: 0, is_truth: false, issues: Vec::new() }
    }

    fn text(&self, span: &Range<usize>) -> &'n str {
        self.source.get(span.clone()).unwrap_or_default()
    }

    fn wrong(&mut self, issue: Issue) -> Checked<'c> {
        self.issues.push(issue);
        Checked::unknown()
    }

    /// Compiles `tree` and all inside it.
    pub(super) fn part(&mut self, tree: &Tree) -> Checked<'c> {
        self.depth += 1;
        self.deepest = self.deepest.max(self.depth);
        let found = self.issues.len();
        let is_truth = std::mem::take(&mut self.is_truth);
        let part = match &tree.syntax {
            Syntax::Conditional(parts) => self.conditional(parts, is_truth),
            _ => self.syntax(tree),
        };
        self.depth -= 1;
        if self.issues.len() == found { self.folded(part, tree) } else { part }
    }

    fn parts(&mut self, trees: &[Tree]) -> Vec<Checked<'c>> {
        trees.iter().map(|tree| self.part(tree)).collect()
    }

    fn syntax(&mut self, tree: &Tree) -> Checked<'c> {
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
                Checked {
                    node: Node::Not(Box::new(operand.node)),
                    r#type: Type::of(Kinds::BOOL),
                    depends: operand.depends,
                }
            }
            Syntax::Negate(operand) => self.negate(operand),
            Syntax::Infix(operator, sides) => self.infix(tree, *operator, sides),
            Syntax::And(parts) => self.joined(parts, "&&"),
            Syntax::Or(parts) => self.joined(parts, "||"),
            Syntax::Conditional(parts) => self.conditional(parts, false),
            Syntax::List(elements) => {
                let (nodes, types, depends) = gather(self.parts(elements));
                let elements = types.into_iter().fold(Type::of(Kinds::NONE), Type::or);
                Checked { node: Node::List(nodes), r#type: Type::list_of(elements), depends }
            }
            Syntax::Map(entries) => self.map(entries),
            Syntax::Comprehension { r#macro, over, variable, at, test, each } => {
                self.comprehension(*r#macro, over, (variable, at), test.as_deref(), each.as_deref())
            }
        }
    }

    fn map(&mut self, entries: &[(Tree, Tree)]) -> Checked<'c> {
        let mut nodes = Vec::new();
        let mut depends = Depends::default();
        for (key, value) in entries {
            let (key_part, value) = (self.part(key), self.part(value));
            if !key_part.r#type.kinds.meets(Kinds::KEY) {
                let kinds = key_part.r#type.kinds;
                self.issues.push(Issue::new(&key.span, format!("the key of a map is {}, not {kinds}", Kinds::KEY)));
            }
            depends = depends.or(key_part.depends).or(value.depends);
            nodes.push((key_part.node, value.node));
        }
        Checked { node: Node::Map(nodes.into()), r#type: Type::of(Kinds::MAP), depends }
    }

    /// A name by itself: the variable of a comprehension, `params`, or a type.
    fn name(&mut self, name: &str, span: &Range<usize>) -> Checked<'c> {
        if let Some((depth, (_, r#type))) = self.local(name) {
            let depends = Depends { request: false, locals: 1 << depth };
            return Checked { node: Node::Local(depth), r#type: r#type.clone(), depends };
        }
        if name == "params" {
            return Checked::constant(self.env.params.clone());
        }
        if let Some(kind) = named(name) {
            return Checked::constant(Value::Type(kind));
        }
        if ROOTS.contains(&name) {
            let issue = Issue::new(span, format!("`{name}` is no value by itself"));
            return self.wrong(issue.with_help(format!("ask for one of its members, as in `{name}.NAME`")));
        }
        let issue = Issue::new(span, format!("`{name}` is not a name that policies know"));
        let locals = self.locals.iter().map(|(local, _)| local.as_ref());
        let help = match (foreign::word(name), nearest(name, ROOTS.into_iter().chain(locals))) {
            (Some(help), _) => help.to_owned(),
            (None, Some(meant)) => format!("did you mean `{meant}`?"),
            (None, None) if self.env.is_field(name) => format!("did you mean `body.{name}`?"),
            (None, None) => format!("there are {}; a text stands in quotes", listed(ROOTS.into_iter())),
        };
        self.wrong(issue.with_help(help))
    }

    /// The innermost variable of a comprehension that is called `name`, with its depth.
    fn local(&self, name: &str) -> Option<(usize, &(Box<str>, Type<'c>))> {
        self.locals.iter().enumerate().rev().find(|(_, (local, _))| **local == *name)
    }

    /// `part`, evaluated now if nothing in it depends on a request.
    fn folded(&mut self, part: Checked<'c>, tree: &Tree) -> Checked<'c> {
        if part.depends != Depends::default() || matches!(part.node, Node::Constant(_)) {
            return part;
        }
        let value = Evaluation::of_constant(self.locals.len()).value(&part.node).map(|value| value.to_constant());
        match value {
            Ok(value) => Checked::constant(value),
            Err(failure) => {
                let (text, error) = (self.text(&tree.span), failure.error());
                let issue = Issue::new(&tree.span, format!("`{text}` never has a value: {error}"));
                self.wrong(misread(&part.node, &tree.span).unwrap_or(issue))
            }
        }
    }

    fn check_depth(&mut self, depth: usize, span: &Range<usize>) {
        if depth > DEEPEST {
            let message = format!("the expression nests deeper than {DEEPEST} levels, those of its variables included");
            self.issues.push(Issue::new(span, message));
        }
        self.deepest = self.deepest.max(depth);
    }
}

/// What is wrong with a time or a length of time that is written out and is none.
fn misread(node: &Node, span: &Range<usize>) -> Option<Issue> {
    let Node::Call(function, arguments) = node else { return None };
    let [Node::Constant(argument)] = arguments.as_ref() else { return None };
    let (text, shown) = (argument.as_str()?, argument.as_str()?.escape_debug());
    match function {
        Function::Duration => {
            let help = if text.contains('d') { "write hours, as in `24h`" } else { "as in `24h`, `90m` or `1h30m`" };
            Some(Issue::new(span, format!("`{shown}` is no duration")).with_help(help))
        }
        Function::Timestamp => {
            let is_date = text.len() == 10 && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
            let help =
                if is_date { format!("write `{text}T00:00:00Z`") } else { "as in `2026-01-01T00:00:00Z`".to_owned() };
            Some(Issue::new(span, format!("`{shown}` is not a time")).with_help(help))
        }
        _ => None,
    }
}

fn gather<'c>(parts: Vec<Checked<'c>>) -> (Box<[Node]>, Vec<Type<'c>>, Depends) {
    let depends = parts.iter().fold(Depends::default(), |depends, part| depends.or(part.depends));
    let (nodes, types): (Vec<Node>, Vec<Type<'c>>) = parts.into_iter().map(|part| (part.node, part.r#type)).unzip();
    (nodes.into(), types, depends)
}

/// Env in a sentence.
fn listed<'t>(names: impl Iterator<Item = &'t str>) -> String {
    names.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// A issue about the name at `at`, with what was probably meant, or else what there is.
fn unknown_name(at: &Range<usize>, name: &str, what: &str, known: &[&str]) -> Issue {
    let issue = Issue::new(at, format!("`{name}` {what}"));
    if let Some(help) = foreign::word(name) {
        return issue.with_help(help);
    }
    match nearest(name, known.iter().copied()) {
        Some(meant) => issue.with_help(format!("did you mean `{meant}`?")),
        None if known.is_empty() || known.len() > 12 => issue,
        None => issue.with_help(format!("there are {}", listed(known.iter().copied()))),
    }
}
