//! Evaluates an expression to find out whether a part of it has no value, also where another part decides for the request at hand.
//!
//! `A || B` has a value although `A` has none if `B` is true. If both read the same, as in `size(x) == 0 || x[0] == 1`, that is a guard. If
//! they read nothing in common, another request has the same in `A` and makes `B` false.

use super::activation::{Container, Value};
use super::error::EvaluationError;
use super::evaluation::Evaluation;
use super::expression::{Expression, ValueExpression, Variables};
use super::ids::{AttributeId, NamespaceId};
use super::node::{Node, Op};
use super::unknown::EvaluationFailure;
use std::collections::BTreeSet;
use std::convert::Infallible;

/// What a part reads of a request.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum PartRead {
    /// An entry of a namespace; any of them if only the request decides which.
    Entry(u8, Option<Box<str>>),
    Attribute(u8),
}

/// What the parts of an expression read, and in which of its parts a failure counts by itself.
#[derive(Debug)]
pub(crate) struct FailurePlan<'a> {
    step: PlanStep<'a>,
    reads: BTreeSet<PartRead>,
}

/// A part without a value.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PartFailure<'p> {
    pub(crate) error: EvaluationError,
    reads: &'p BTreeSet<PartRead>,
}

#[derive(Debug)]
enum PlanStep<'a> {
    /// Evaluated as a whole.
    Whole(&'a Node),
    Not(Box<FailurePlan<'a>>),
    /// `&&` and `||`.
    Join {
        decisive: bool,
        parts: Vec<(&'a Node, FailurePlan<'a>)>,
    },
    Conditional(&'a Node, Box<[FailurePlan<'a>; 3]>),
}

impl Expression {
    /// The plan for it.
    pub(crate) fn failure_plan<'a>(&'a self, variables: &'a Variables) -> FailurePlan<'a> {
        FailurePlan::new(&self.node, variables)
    }
}

impl ValueExpression {
    /// The plan for it.
    pub(crate) fn failure_plan<'a>(&'a self, variables: &'a Variables) -> FailurePlan<'a> {
        FailurePlan::new(&self.node, variables)
    }
}

impl<'a> FailurePlan<'a> {
    fn new(node: &'a Node, variables: &'a Variables) -> Self {
        let mut reads = BTreeSet::new();
        add_reads(node, variables, &mut reads);
        let step = match &node.op {
            Op::Not(operand) => PlanStep::Not(Box::new(Self::new(operand, variables))),
            Op::And(parts) => PlanStep::join(false, parts, variables),
            Op::Or(parts) => PlanStep::join(true, parts, variables),
            Op::Conditional(parts) => {
                let [condition, then, otherwise] = parts.as_ref();
                let plans = [condition, then, otherwise].map(|part| Self::new(part, variables));
                PlanStep::Conditional(condition, Box::new(plans))
            }
            // its names are those of the policy, not those of the macros around it
            Op::Variable(position) => match variables.nodes.get(*position) {
                Some(variable) => return Self::new(variable, variables),
                None => PlanStep::Whole(node),
            },
            _ => PlanStep::Whole(node),
        };
        Self { step, reads }
    }

    /// The parts without a value for which no part that reads something in common makes up.
    pub(crate) fn failures<C: Container<'a, Unknown = Infallible>>(
        &self,
        evaluation: &mut Evaluation<'a, C>,
    ) -> Vec<PartFailure<'_>> {
        match &self.step {
            PlanStep::Whole(node) => {
                let error = evaluation.value(node).err().map(EvaluationFailure::error);
                error.map(|error| PartFailure { error, reads: &self.reads }).into_iter().collect()
            }
            PlanStep::Not(operand) => operand.failures(evaluation),
            PlanStep::Conditional(condition, plans) => {
                let [of_condition, then, otherwise] = plans.as_ref();
                let mut failures = of_condition.failures(evaluation);
                if failures.is_empty() {
                    failures = match truth(condition, evaluation) {
                        Some(true) => then.failures(evaluation),
                        Some(false) => otherwise.failures(evaluation),
                        None => {
                            vec![PartFailure { error: EvaluationError::NoSuchOverload, reads: &of_condition.reads }]
                        }
                    };
                }
                failures
            }
            PlanStep::Join { decisive, parts } => {
                let mut found = Vec::new();
                for (position, (_, plan)) in parts.iter().enumerate() {
                    let mut failures = plan.failures(evaluation);
                    failures.retain(|failure| {
                        let mut others = parts.iter().enumerate().filter(|(other, _)| *other != position);
                        !others.any(|(_, (node, plan))| {
                            plan.may_guard(failure) && truth(node, evaluation) == Some(*decisive)
                        })
                    });
                    found.extend(failures);
                }
                found
            }
        }
    }

    /// Whether it reads something that the failed part reads, so that it may be a guard.
    pub(crate) fn may_guard(&self, failure: &PartFailure<'_>) -> bool {
        self.reads.iter().any(|read| failure.reads.iter().any(|known| read.overlaps(known)))
    }
}

impl<'a> PlanStep<'a> {
    fn join(decisive: bool, parts: &'a [Node], variables: &'a Variables) -> Self {
        let parts = parts.iter().map(|part| (part, FailurePlan::new(part, variables)));
        Self::Join { decisive, parts: parts.collect() }
    }
}

fn truth<'a, C: Container<'a, Unknown = Infallible>>(
    node: &'a Node,
    evaluation: &mut Evaluation<'a, C>,
) -> Option<bool> {
    match evaluation.value(node) {
        Ok(Value::Bool(value)) => Some(value),
        _ => None,
    }
}

impl PartRead {
    fn overlaps(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Entry(one, name), Self::Entry(two, known)) => {
                one == two && (name.is_none() || known.is_none() || name == known)
            }
            _ => self == other,
        }
    }
}

fn add_reads(node: &Node, variables: &Variables, reads: &mut BTreeSet<PartRead>) {
    let entry = |NamespaceId(namespace): NamespaceId, key: &Node| match &key.op {
        Op::Constant(name) => PartRead::Entry(namespace, name.as_str().map(Into::into)),
        _ => PartRead::Entry(namespace, None),
    };
    match &node.op {
        Op::Entry(NamespaceId(namespace), name) => _ = reads.insert(PartRead::Entry(*namespace, Some(name.clone()))),
        Op::EntryAt(namespace, key) | Op::HasEntry(namespace, key) => _ = reads.insert(entry(*namespace, key)),
        Op::Attribute(AttributeId(attribute)) => _ = reads.insert(PartRead::Attribute(*attribute)),
        Op::Variable(position) => {
            if let Some(variable) = variables.nodes.get(*position) {
                add_reads(variable, variables, reads);
            }
        }
        _ => {}
    }
    node.for_each_operand(&mut |operand| add_reads(operand, variables, reads));
}
