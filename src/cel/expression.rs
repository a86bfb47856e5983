//! Expressions of a policy: loaded once, evaluated for each request.

use super::EvaluationError;
use super::activation::{Container, Failure};
use super::check::{Checked, Checker};
use super::env::{Env, Variable};
use super::evaluation::Evaluation;
use super::key::Key;
use super::kind::Kinds;
use super::node::Node;
use super::syntax::{Issue, Syntax, parse};
use super::trace::{Trace, TracePart, Tracer};
use super::value::Value;
use crate::document::NodeRef;
use crate::policy::reads::Reads;
use std::collections::BTreeSet;

/// An expression that is true or false of a request.
#[derive(Debug)]
pub(crate) struct Expression {
    node: Node,
    /// As it was written.
    source: Box<str>,
}

/// An expression by whose value requests are told apart.
#[derive(Debug)]
pub(crate) struct KeyExpression(Node);

/// What `variables` stand for, in the order in which they are declared.
#[derive(Debug)]
pub(crate) struct Variables {
    nodes: Box<[Node]>,
    /// As they were written.
    sources: Box<[Box<str>]>,
}

/// What a condition or validation is for: each has another use of being always true or never.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Whether the document applies; what follows where it never does.
    Condition(&'static str),
    /// Whether it holds.
    Validation,
}

impl<'c> Env<'c> {
    /// Declares a variable; what is wrong with its expression, if anything. It is declared even then, so that nothing else is found wrong
    /// for want of it.
    pub(crate) fn declare(&mut self, name: &str, source: &str) -> Vec<Issue> {
        let (part, depth, issues) = self.load(source, false);
        let reads = self.take_reads();
        self.variables.push(Variable {
            name: name.into(),
            source: source.into(),
            node: part.node,
            r#type: part.r#type,
            depth,
            reads,
            is_broken: !issues.is_empty(),
        });
        issues
    }

    /// Compiles an expression that must be true or false.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with it.
    pub(crate) fn compile(&mut self, source: &str, purpose: Purpose) -> Result<Expression, Vec<Issue>> {
        let (part, _, mut issues) = self.load(source, true);
        if issues.is_empty() {
            issues.extend(self.never_decides(source, &part, purpose));
        }
        if issues.is_empty() { Ok(Expression { node: part.node, source: source.into() }) } else { Err(issues) }
    }

    /// Compiles an expression by whose value requests are told apart.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with it.
    pub(crate) fn key(&mut self, source: &str) -> Result<KeyExpression, Vec<Issue>> {
        let (part, _, mut issues) = self.load(source, false);
        let reads = self.take_reads();
        if issues.is_empty() {
            issues.extend(self.no_key(source, &part, &reads));
        }
        self.reads = reads;
        if issues.is_empty() { Ok(KeyExpression(part.node)) } else { Err(issues) }
    }

    /// What is wrong with an expression as a key.
    fn no_key(&self, source: &str, part: &Checked<'_>, reads: &Reads) -> Option<Issue> {
        let all = 0..source.len();
        let kinds = part.r#type.kinds;
        if let Some(secret) = self.secret(reads) {
            let message = format!("the key may hold something of `{secret}`, which the contract marks as a secret");
            let help = "tell callers apart by who they are, as in `client.spiffeId`; conditions may test a secret";
            return Some(Issue::new(&all, message).with_help(help));
        }
        if part.as_constant().is_some() {
            let issue = Issue::new(&all, "the key is the same for every request");
            return Some(issue.with_help("leave `key` out to count all requests together"));
        }
        if !Key::KINDS.contains(kinds) {
            let message = format!("the key may be {kinds}, and must be {}", Key::KINDS);
            return Some(Issue::new(&all, message).with_help("convert it, as in `string(...)`"));
        }
        None
    }

    /// What `source` compiles to, how deep it is, and what is wrong with it; where `is_truth`, it must be true or false.
    fn load(&mut self, source: &str, is_truth: bool) -> (Checked<'c>, usize, Vec<Issue>) {
        match parse(source) {
            Ok(tree) => {
                let mut checker = Checker::new(self, source);
                checker.is_truth = is_truth;
                let part = checker.part(&tree);
                (part, checker.deepest, checker.issues)
            }
            Err(issue) => (Checked::unknown(), 0, vec![issue]),
        }
    }

    /// What the policy's variables stand for, and the headers that its expressions read: none where only a request decides which.
    pub(crate) fn finish(self) -> (Variables, Option<BTreeSet<String>>) {
        let (nodes, sources): (Vec<_>, Vec<_>) =
            self.variables.into_iter().map(|variable| (variable.node, variable.source)).unzip();
        (Variables { nodes: nodes.into(), sources: sources.into() }, self.headers)
    }
}

impl Env<'_> {
    /// What is wrong with an expression that is no bool, or the same for every request.
    fn never_decides(&self, source: &str, part: &Checked<'_>, purpose: Purpose) -> Option<Issue> {
        let all = 0..source.len();
        if !part.r#type.kinds.meets(Kinds::BOOL) {
            let message = format!("the expression gives {}, and must give a bool", part.r#type.kinds);
            return Some(Issue::new(&all, message).with_help("compare it with something"));
        }
        if matches!(part.node, Node::Entry(..)) {
            let message = format!("`{source}` reads as null where it is absent, and null is not true or false");
            return Some(Issue::new(&all, message).with_help(format!("write `{source} == true`")));
        }
        // one word says on purpose what a calculation says by issue
        let is_written = matches!(parse(source), Ok(tree) if matches!(tree.syntax, Syntax::Literal(_)));
        let truth = match part.as_constant() {
            Some(Value::Bool(truth)) => Some(*truth),
            Some(_) => None,
            None => self.decided_nodes(&[], &[&part.node]),
        };
        match (truth?, purpose) {
            (true, Purpose::Validation) => {
                Some(Issue::new(&all, "the expression is always true, so it checks nothing"))
            }
            (false, Purpose::Validation) if !is_written => Some(
                Issue::new(&all, "the expression is never true, so no request passes")
                    .with_help("to refuse every request that the policy matches, write `false`"),
            ),
            (false, Purpose::Condition(consequence)) => {
                Some(Issue::new(&all, format!("the condition is never true, so {consequence}")))
            }
            _ => None,
        }
    }
}

impl Variables {
    /// What they stand for.
    pub(super) const fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// Each as it was written, with what was made of it.
    pub(super) fn each(&self) -> impl Iterator<Item = (&str, &Node)> {
        self.sources.iter().map(AsRef::as_ref).zip(&self.nodes)
    }

    /// The first of them.
    #[cfg(test)]
    pub(super) fn first(&self) -> Option<&Node> {
        self.nodes.first()
    }

    /// What an evaluation of the policy's expressions starts from.
    pub(crate) const fn evaluation<'a, S: Container<'a>>(&'a self, request: S::Activation) -> Evaluation<'a, S> {
        Evaluation::new(Some(request), &self.nodes)
    }

    /// The same, of which every part is recorded.
    pub(crate) fn recorded_evaluation<'a>(
        &'a self,
        request: super::Request<'a>,
    ) -> Evaluation<'a, NodeRef<'a>, Trace<'a>> {
        let mut recording = Trace::new(request.operation, self.nodes.len());
        for (node, source) in self.nodes.iter().zip(&self.sources) {
            recording.learn(source, node);
        }
        Evaluation::recorded(Some(request), &self.nodes, recording)
    }
}

impl KeyExpression {
    pub(super) const fn node(&self) -> &Node {
        &self.0
    }

    /// The key of the request.
    ///
    /// # Errors
    ///
    /// The expression has no value.
    pub(crate) fn of<'a>(&'a self, evaluation: &mut Evaluation<'a, NodeRef<'a>>) -> Result<Key, EvaluationError> {
        let value = evaluation.value(&self.0).map_err(Failure::error)?;
        Key::of(&value).ok_or(EvaluationError::NoSuchOverload)
    }
}

impl Expression {
    pub(super) const fn node(&self) -> &Node {
        &self.node
    }

    /// What the expression is whatever the request; none where the request decides.
    pub(crate) const fn constant(&self) -> Option<bool> {
        match self.node {
            Node::Constant(Value::Bool(value)) => Some(value),
            _ => None,
        }
    }

    /// Whether the expression is true.
    ///
    /// # Errors
    ///
    /// It has no value, or one that is not a boolean; or that cannot be seen.
    pub(crate) fn is_true<'a, S: Container<'a>, R: Tracer<'a, S>>(
        &'a self,
        evaluation: &mut Evaluation<'a, S, R>,
    ) -> Result<bool, Failure<S::Unknown>> {
        match evaluation.value(&self.node)?.seen()? {
            Value::Bool(value) => Ok(value),
            _ => Err(EvaluationError::WrongType.into()),
        }
    }

    /// The same, with the namespace of how it came to that.
    pub(crate) fn is_true_recorded<'a>(
        &'a self,
        evaluation: &mut Evaluation<'a, NodeRef<'a>, Trace<'a>>,
    ) -> (Result<bool, EvaluationError>, TracePart) {
        evaluation.tracer.learn(&self.source, &self.node);
        let truth = self.is_true(evaluation).map_err(Failure::error);
        (truth, evaluation.tracer.take(&self.source))
    }

    /// As it was written.
    pub(crate) fn source(&self) -> &str {
        &self.source
    }
}
