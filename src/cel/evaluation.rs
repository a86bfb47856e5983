//! Evaluates expressions: a walk over their nodes that borrows from the request, is bounded in depth by what loading
//! accepts and in time by a budget.

use super::EvaluationError;
use super::activation::{Activation, Container, Failure, NoContainer};
use super::bindings::Namespace;
use super::budget::Budget;
use super::equality::{contains, equal, order};
use super::fold::Fold;
use super::function::Function;
use super::kind::Kinds;
use super::node::{Comprehension, Node};
use super::syntax::{Comparison, Operator};
use super::trace::{Tracer, Untraced};
use super::value::Value;
use super::{number, time};
use std::sync::Arc;

pub(crate) type Evaluated<'a, S> = Result<Value<'a, S>, Failure<<S as Container<'a>>::Unknown>>;

const NO_OVERLOAD: EvaluationError = EvaluationError::NoSuchOverload;
const NO_KEY: EvaluationError = EvaluationError::NoSuchKey;

/// The evaluation of one policy's expressions for one request.
pub(crate) struct Evaluation<'a, S: Container<'a>, R = Untraced> {
    /// None while a policy is loaded: constants know no request.
    request: Option<S::Activation>,
    /// What `variables` stand for.
    variables: &'a [Node],
    /// Those of them that were asked for.
    known: Vec<Option<Evaluated<'a, S>>>,
    /// The variables of the comprehensions around what is being evaluated.
    locals: Vec<Value<'a, S>>,
    budget: Budget,
    /// Who hears of each part that is evaluated.
    pub(super) tracer: R,
}

impl Evaluation<'_, NoContainer> {
    /// Evaluates what depends on no request, inside of `depth` comprehensions whose variables it does not ask for.
    pub(super) fn of_constant(depth: usize) -> Self {
        Self { locals: vec![Value::Null; depth], ..Self::new(None, &[]) }
    }
}

impl<'a, S: Container<'a>> Evaluation<'a, S> {
    pub(super) const fn new(request: Option<S::Activation>, variables: &'a [Node]) -> Self {
        Self::recorded(request, variables, Untraced)
    }
}

impl<'a, S: Container<'a>, R> Evaluation<'a, S, R> {
    pub(super) const fn recorded(request: Option<S::Activation>, variables: &'a [Node], tracer: R) -> Self {
        Self { request, variables, known: Vec::new(), locals: Vec::new(), budget: Budget::new(), tracer }
    }
}

impl<'a, S: Container<'a>, R: Tracer<'a, S>> Evaluation<'a, S, R> {
    /// The value of `node`, which whoever asks must be able to see.
    fn seen(&mut self, node: &'a Node) -> Evaluated<'a, S> {
        self.value(node)?.seen()
    }

    /// The value of `node`, unknown or not.
    pub(super) fn value(&mut self, node: &'a Node) -> Evaluated<'a, S> {
        if R::LISTENS {
            self.tracer.enter(node);
            let value = self.computed(node);
            self.tracer.leave(&value);
            value
        } else {
            self.computed(node)
        }
    }

    fn computed(&mut self, node: &'a Node) -> Evaluated<'a, S> {
        self.budget.steps(1)?;
        match node {
            Node::Constant(value) => Ok(value.borrowed()),
            Node::Entry(namespace, name) => Ok(self.entry(*namespace, name)?.unwrap_or(Value::Null)),
            Node::Equal { sides, negated } => Ok(Value::Bool(self.are_equal(sides)? != *negated)),
            Node::And(parts) => self.joined(parts, false),
            Node::Or(parts) => self.joined(parts, true),
            Node::Not(operand) => Ok(Value::Bool(!self.truth(operand)?)),
            Node::Attribute(attribute) => Ok(self.request.ok_or(NO_KEY)?.attribute(*attribute)),
            Node::EntryAt(namespace, key) => {
                let key = self.seen(key)?;
                Ok(self.entry(*namespace, key.as_str().ok_or(NO_OVERLOAD)?)?.unwrap_or(Value::Null))
            }
            Node::HasEntry(namespace, key) => {
                let key = self.seen(key)?;
                let name = key.as_str();
                Ok(Value::Bool(name.map_or(Ok(None), |name| self.entry(*namespace, name))?.is_some()))
            }
            Node::Variable(position) => self.variable(*position),
            Node::Local(depth) => Ok(self.locals.get(*depth).cloned().ok_or(NO_KEY)?),
            Node::Member(of, name) => {
                let of = self.value(of)?;
                Ok(of.under(&name.borrowed(), &mut self.budget)?.ok_or(NO_KEY)?)
            }
            Node::HasMember(of, name) => {
                let of = self.value(of)?;
                Ok(Value::Bool(of.under(&name.borrowed(), &mut self.budget)?.is_some()))
            }
            Node::Index(sides) => self.index(sides),
            Node::Negate(operand) => Ok(number::negate(&self.seen(operand)?)?),
            Node::Conditional(parts) => {
                let [condition, then, otherwise] = parts.as_ref();
                if self.truth(condition)? { self.value(then) } else { self.value(otherwise) }
            }
            Node::Compare(comparison, sides) => self.compare(*comparison, sides),
            Node::Calculate(operator, sides) => self.calculate(*operator, sides),
            Node::In(sides) => {
                let [wanted, container] = sides.as_ref();
                let (wanted, container) = (self.value(wanted)?, self.seen(container)?);
                Ok(Value::Bool(contains(&container, &wanted, &mut self.budget)?))
            }
            Node::Call(function, arguments) => self.call(*function, arguments),
            Node::Matches(text, pattern) => {
                let text = self.seen(text)?;
                Ok(Value::Bool(pattern.is_found(text.as_str().ok_or(NO_OVERLOAD)?, &mut self.budget)?))
            }
            Node::List(elements) => {
                let elements: Result<Arc<[_]>, _> = elements.iter().map(|element| self.value(element)).collect();
                Ok(Value::OwnList(elements?))
            }
            Node::Map(entries) => self.map(entries),
            Node::Comprehension(comprehension) => self.comprehension(comprehension),
        }
    }

    /// Whether `node` is true.
    pub(super) fn truth(&mut self, node: &'a Node) -> Result<bool, Failure<S::Unknown>> {
        match self.seen(node)? {
            Value::Bool(value) => Ok(value),
            _ => Err(NO_OVERLOAD.into()),
        }
    }

    fn pair(&mut self, sides: &'a [Node; 2]) -> Result<[Value<'a, S>; 2], Failure<S::Unknown>> {
        let [left, right] = sides;
        Ok([self.seen(left)?, self.seen(right)?])
    }

    fn are_equal(&mut self, sides: &'a [Node; 2]) -> Result<bool, Failure<S::Unknown>> {
        let [left, right] = sides;
        let (left, right) = (self.value(left)?, self.value(right)?);
        equal(&left, &right, &mut self.budget)
    }

    fn compare(&mut self, comparison: Comparison, sides: &'a [Node; 2]) -> Evaluated<'a, S> {
        let [left, right] = self.pair(sides)?;
        let order = order(&left, &right, &mut self.budget)?;
        Ok(Value::Bool(match comparison {
            Comparison::Less => order.is_lt(),
            Comparison::LessOrEqual => order.is_le(),
            Comparison::Greater => order.is_gt(),
            Comparison::GreaterOrEqual => order.is_ge(),
        }))
    }

    fn entry(&mut self, namespace: Namespace, name: &str) -> Result<Option<Value<'a, S>>, Failure<S::Unknown>> {
        self.request.ok_or(NO_KEY)?.entry(namespace, name, &mut self.budget)
    }

    /// `&&` and `||`: `decisive` on any side decides, whatever the others are or fail with.
    fn joined(&mut self, parts: &'a [Node], decisive: bool) -> Evaluated<'a, S> {
        let mut failure = None;
        for part in parts {
            match self.truth(part) {
                Ok(value) if value == decisive => return Ok(Value::Bool(decisive)),
                Ok(_) => {}
                Err(now) => failure = Some(now.after(failure)),
            }
        }
        failure.map_or(Ok(Value::Bool(!decisive)), Err)
    }

    /// The value of a variable, evaluated once.
    fn variable(&mut self, position: usize) -> Evaluated<'a, S> {
        if self.known.is_empty() {
            self.known.resize_with(self.variables.len(), || None);
        }
        if let Some(Some(known)) = self.known.get(position) {
            return known.clone();
        }
        let node = self.variables.get(position).ok_or(NO_KEY)?;
        let locals = std::mem::take(&mut self.locals);
        let value = self.value(node);
        self.locals = locals;
        if let Some(place) = self.known.get_mut(position) {
            *place = Some(value.clone());
        }
        value
    }

    fn index(&mut self, sides: &'a [Node; 2]) -> Evaluated<'a, S> {
        let [of, key] = self.pair(sides)?;
        match of {
            Value::List(_) | Value::OwnList(_) | Value::Array(_) => {
                Ok(number::position(&key)?.and_then(|position| of.item(position)).ok_or(NO_KEY)?)
            }
            _ => Ok(of.under(&key, &mut self.budget)?.ok_or(NO_KEY)?),
        }
    }

    fn calculate(&mut self, operator: Operator, sides: &'a [Node; 2]) -> Evaluated<'a, S> {
        let [left, right] = self.pair(sides)?;
        if matches!(left, Value::Int(_) | Value::Uint(_) | Value::Double(_)) {
            return Ok(number::calculate(operator, &left, &right)?);
        }
        if matches!(left, Value::Timestamp(_) | Value::Duration(_)) {
            return Ok(time::calculate(operator, &left, &right)?);
        }
        if operator != Operator::Add {
            return Err(NO_OVERLOAD.into());
        }
        if let (Some(left), Some(right)) = (left.as_str(), right.as_str()) {
            self.budget.bytes(left.len() + right.len())?;
            return Ok(Value::Text([left, right].concat().into()));
        }
        if let (Value::Bytes(left), Value::Bytes(right)) = (&left, &right) {
            self.budget.bytes(left.len() + right.len())?;
            return Ok(Value::Bytes([left.as_ref(), right.as_ref()].concat().into()));
        }
        let mut items = Vec::new();
        self.append(&left, &mut items)?;
        self.append(&right, &mut items)?;
        Ok(Value::OwnList(items.into()))
    }

    fn append(&mut self, list: &Value<'a, S>, items: &mut Vec<Value<'a, S>>) -> Result<(), EvaluationError> {
        let (Value::List(_) | Value::OwnList(_) | Value::Array(_)) = list else { return Err(NO_OVERLOAD) };
        let length = list.len().unwrap_or_default();
        self.budget.steps(length)?;
        items.extend((0..length).filter_map(|position| list.item(position)));
        Ok(())
    }

    fn call(&mut self, function: Function, arguments: &'a [Node]) -> Evaluated<'a, S> {
        match arguments {
            [only] if function.takes_unknown() => {
                let only = self.value(only)?;
                function.call(&[only], &mut self.budget)
            }
            [only] => {
                let only = self.seen(only)?;
                function.call(&[only], &mut self.budget)
            }
            [first, second] => {
                let arguments = [self.seen(first)?, self.seen(second)?];
                function.call(&arguments, &mut self.budget)
            }
            _ => Err(NO_OVERLOAD.into()),
        }
    }

    fn map(&mut self, entries: &'a [(Node, Node)]) -> Evaluated<'a, S> {
        let mut map: Vec<(Value<'a, S>, Value<'a, S>)> = Vec::with_capacity(entries.len());
        for (key, value) in entries {
            let key = self.seen(key)?;
            if !Kinds::KEY.meets(Kinds::of(key.kind().map_err(Failure::Unknown)?)) {
                return Err(NO_OVERLOAD.into());
            }
            for (known, _) in &map {
                self.budget.steps(1)?;
                if equal(known, &key, &mut self.budget)? {
                    return Err(EvaluationError::DuplicateKey.into());
                }
            }
            map.push((key, self.value(value)?));
        }
        Ok(Value::OwnMap(map.into()))
    }

    fn comprehension(&mut self, comprehension: &'a Comprehension) -> Evaluated<'a, S> {
        let over = self.seen(&comprehension.over)?;
        let length = over.len().ok_or(NO_OVERLOAD)?;
        let mut fold = Fold::new(comprehension.r#macro);
        for position in 0..length {
            self.budget.steps(1)?;
            let Some(item) = over.item(position) else { break };
            self.locals.push(item);
            let taken = comprehension.test.as_ref().map_or(Ok(true), |test| self.truth(test));
            let made = match (&taken, &comprehension.each) {
                (Ok(true), Some(each)) => self.value(each).map(Some),
                _ => Ok(None),
            };
            let item = self.locals.pop().unwrap_or(Value::Null);
            if let Some(decided) = fold.take(taken, made?.unwrap_or(item))? {
                return Ok(decided);
            }
        }
        fold.finish()
    }
}
