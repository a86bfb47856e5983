//! Evaluates expressions: a walk over nodes that borrows from the request. Its depth is bounded when a policy is loaded, its time by
//! a budget.

use super::activation::{Activation, Container, Evaluated, NoContainer, Value};
use super::budget::Budget;
use super::equality::{contains, equal, order};
use super::error::EvaluationError;
use super::function::Function;
use super::ids::NamespaceId;
use super::kind::Kinds;
use super::node::{Find, Node, Op};
use super::syntax::{Comparison, Operator};
use super::tracer::{Tracer, Untraced};
use super::unknown::EvaluationFailure;
use super::{number, time};
use std::sync::Arc;

const NO_OVERLOAD: EvaluationError = EvaluationError::NoSuchOverload;
const NO_KEY: EvaluationError = EvaluationError::NoSuchKey;

/// The evaluation of one policy's expressions for one request.
pub(crate) struct Evaluation<'a, C: Container<'a>, T = Untraced> {
    /// `None` while constants are folded: there is no request yet.
    activation: Option<C::Activation>,
    /// The expressions of `variables`.
    variables: &'a [Node],
    /// The values of those that were used.
    values: Vec<Option<Evaluated<'a, C>>>,
    /// The names in scope at the current node. One may have no value, which counts only where it is used.
    pub(super) locals: Vec<Evaluated<'a, C>>,
    pub(super) budget: Budget,
    /// Observes each node.
    pub(super) tracer: T,
}

impl Evaluation<'_, NoContainer> {
    /// An evaluation of constants where `depth` names are in scope, which they do not use.
    pub(super) fn of_constant(depth: usize) -> Self {
        Self { locals: vec![Ok(Value::Null); depth], ..Self::new(None, &[]) }
    }
}

impl<'a, C: Container<'a>> Evaluation<'a, C> {
    pub(super) const fn new(activation: Option<C::Activation>, variables: &'a [Node]) -> Self {
        Self::with_tracer(activation, variables, Untraced)
    }
}

impl<'a, C: Container<'a>, T> Evaluation<'a, C, T> {
    pub(super) const fn with_tracer(activation: Option<C::Activation>, variables: &'a [Node], tracer: T) -> Self {
        Self { activation, variables, values: Vec::new(), locals: Vec::new(), budget: Budget::new(), tracer }
    }
}

impl<'a, C: Container<'a>, T: Tracer<'a, C>> Evaluation<'a, C, T> {
    /// The value of `node`; fails if it is unknown.
    pub(super) fn known_value(&mut self, node: &'a Node) -> Evaluated<'a, C> {
        self.value(node)?.require_known()
    }

    /// The value of `node`, unknown or not.
    pub(crate) fn value(&mut self, node: &'a Node) -> Evaluated<'a, C> {
        if T::ENABLED {
            self.tracer.enter(node);
            let value = self.compute(node);
            self.tracer.leave(value)
        } else {
            self.compute(node)
        }
    }

    fn compute(&mut self, node: &'a Node) -> Evaluated<'a, C> {
        // before anything else, so that every node costs and no recursion is free
        self.budget.steps(1)?;
        match &node.op {
            Op::Constant(value) => Ok(value.to_borrowed()),
            // an absent entry is null and not an error: most fields of a body are optional
            Op::Entry(namespace, name) => Ok(self.entry(*namespace, name)?.unwrap_or(Value::Null)),
            Op::Equal { sides, negated } => Ok(Value::Bool(self.are_equal(sides)? != *negated)),
            Op::And(parts) => self.join(parts, false),
            Op::Or(parts) => self.join(parts, true),
            Op::Not(operand) => Ok(Value::Bool(!self.truth(operand)?)),
            Op::Attribute(attribute) => Ok(self.activation.ok_or(NO_KEY)?.attribute(*attribute)),
            Op::EntryAt(namespace, key) => {
                let key = self.known_value(key)?;
                Ok(self.entry(*namespace, key.as_str().ok_or(NO_OVERLOAD)?)?.unwrap_or(Value::Null))
            }
            Op::HasEntry(namespace, key) => {
                let key = self.known_value(key)?;
                // a key that is not a string names nothing: as with `in` on a map, that is false and not an error
                let name = key.as_str();
                Ok(Value::Bool(name.map_or(Ok(None), |name| self.entry(*namespace, name))?.is_some()))
            }
            Op::Variable(position) => self.variable(*position),
            Op::Local(depth) => self.locals.get(*depth).cloned().unwrap_or(Err(NO_KEY.into())),
            Op::Member(of, name) => {
                let of = self.value(of)?;
                self.entry_of(&of, &name.to_borrowed())
            }
            Op::HasMember(of, name) => {
                let of = self.value(of)?;
                Ok(Value::Bool(of.get_entry(&name.to_borrowed(), &mut self.budget)?.is_some()))
            }
            Op::Index(sides) => self.index(sides, false),
            Op::Optional(sides) => self.index(sides, true),
            Op::Bind(parts) => self.bind(parts),
            Op::Negate(operand) => Ok(number::negate(&self.known_value(operand)?)?),
            Op::Conditional(parts) => {
                let [condition, then, otherwise] = parts.as_ref();
                let truth = self.truth(condition);
                if T::ENABLED && matches!(truth, Err(EvaluationFailure::Unknown(_))) {
                    // neither counts for the value, but what a tracer looks for may be in both
                    let _ = (self.value(then), self.value(otherwise));
                }
                if truth? { self.value(then) } else { self.value(otherwise) }
            }
            Op::Compare(comparison, sides) => self.compare(*comparison, sides),
            Op::Calculate(operator, sides) => self.calculate(*operator, sides),
            Op::In(sides) => {
                let [wanted, container] = sides.as_ref();
                let (wanted, container) = (self.value(wanted)?, self.known_value(container)?);
                Ok(Value::Bool(contains(&container, &wanted, &mut self.budget)?))
            }
            Op::Call(function, arguments) => self.call(*function, arguments),
            Op::Matches(text, pattern) => {
                let text = self.known_value(text)?;
                Ok(Value::Bool(pattern.is_found(text.as_str().ok_or(NO_OVERLOAD)?, &mut self.budget)?))
            }
            Op::Find(find) => self.find(find),
            Op::List(elements) => {
                let elements: Result<Arc<[_]>, _> = elements.iter().map(|element| self.value(element)).collect();
                Ok(Value::OwnList(elements?))
            }
            Op::Map(entries) => self.map(entries),
            Op::Comprehension(comprehension) => self.comprehension(comprehension),
        }
    }

    /// Whether `node` is true.
    pub(super) fn truth(&mut self, node: &'a Node) -> Result<bool, EvaluationFailure<C::Unknown>> {
        match self.known_value(node)? {
            Value::Bool(value) => Ok(value),
            _ => Err(NO_OVERLOAD.into()),
        }
    }

    fn pair(&mut self, sides: &'a [Node; 2]) -> Result<[Value<'a, C>; 2], EvaluationFailure<C::Unknown>> {
        let [left, right] = sides;
        Ok([self.known_value(left)?, self.known_value(right)?])
    }

    fn are_equal(&mut self, sides: &'a [Node; 2]) -> Result<bool, EvaluationFailure<C::Unknown>> {
        let [left, right] = sides;
        let (left, right) = (self.value(left)?, self.value(right)?);
        equal(&left, &right, &mut self.budget)
    }

    fn compare(&mut self, comparison: Comparison, sides: &'a [Node; 2]) -> Evaluated<'a, C> {
        let [left, right] = self.pair(sides)?;
        let order = order(&left, &right, &mut self.budget)?;
        Ok(Value::Bool(match comparison {
            Comparison::Less => order.is_lt(),
            Comparison::LessOrEqual => order.is_le(),
            Comparison::Greater => order.is_gt(),
            Comparison::GreaterOrEqual => order.is_ge(),
        }))
    }

    fn entry(
        &mut self,
        namespace: NamespaceId,
        name: &str,
    ) -> Result<Option<Value<'a, C>>, EvaluationFailure<C::Unknown>> {
        self.activation.ok_or(NO_KEY)?.entry(namespace, name, &mut self.budget)
    }

    /// `&&` and `||`: `decisive` on any side decides, whatever the others are or fail with.
    fn join(&mut self, parts: &'a [Node], decisive: bool) -> Evaluated<'a, C> {
        // no early return on a failure: CEL lets a later operand decide
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
    fn variable(&mut self, position: usize) -> Evaluated<'a, C> {
        // allocated on first use: most policies have no variables
        if self.values.is_empty() {
            self.values.resize_with(self.variables.len(), || None);
        }
        if let Some(Some(known)) = self.values.get(position) {
            return known.clone();
        }
        let node = self.variables.get(position).ok_or(NO_KEY)?;
        // a variable of the policy does not see the comprehensions around its use
        let locals = std::mem::take(&mut self.locals);
        let value = self.value(node);
        self.locals = locals;
        if let Some(place) = self.values.get_mut(position) {
            *place = Some(value.clone());
        }
        value
    }

    /// `of[key]`, or `null` of `of[?key]` where there is none.
    fn index(&mut self, sides: &'a [Node; 2], is_optional: bool) -> Evaluated<'a, C> {
        let [of, key] = self.pair(sides)?;
        let found = match of {
            Value::Null if is_optional => None,
            Value::List(_) | Value::OwnList(_) | Value::Array(_) => {
                number::position(&key)?.and_then(|position| of.item(position))
            }
            // what an object of the request lacks is null in any case
            Value::Object(_) => Some(self.entry_of(&of, &key)?),
            _ => of.get_entry(&key, &mut self.budget)?,
        };
        Ok(found.or(is_optional.then_some(Value::Null)).ok_or(NO_KEY)?)
    }

    /// The value of an entry of a map. What an object of the request lacks is null, as a field of its body is; a map of the policy has
    /// to have it.
    fn entry_of(&mut self, of: &Value<'a, C>, key: &Value<'a, C>) -> Evaluated<'a, C> {
        match of.get_entry(key, &mut self.budget)? {
            Some(value) => Ok(value),
            None if matches!(of, Value::Object(_)) => Ok(Value::Null),
            None => Err(NO_KEY.into()),
        }
    }

    fn calculate(&mut self, operator: Operator, sides: &'a [Node; 2]) -> Evaluated<'a, C> {
        let [left, right] = self.pair(sides)?;
        // numbers first: they are the usual operands
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

    fn append(&mut self, list: &Value<'a, C>, items: &mut Vec<Value<'a, C>>) -> Result<(), EvaluationError> {
        // a map has a length too, and does not concatenate
        let (Value::List(_) | Value::OwnList(_) | Value::Array(_)) = list else { return Err(NO_OVERLOAD) };
        let length = list.len().unwrap_or_default();
        // the cost of a copy, paid before it is made
        self.budget.steps(length)?;
        items.extend((0..length).filter_map(|position| list.item(position)));
        Ok(())
    }

    fn call(&mut self, function: Function, arguments: &'a [Node]) -> Evaluated<'a, C> {
        match arguments {
            // size and type may be known of a value whose content is not
            [only] if function.takes_unknown() => {
                let only = self.value(only)?;
                function.call(&[only], &mut self.budget)
            }
            [only] => {
                let only = self.known_value(only)?;
                function.call(&[only], &mut self.budget)
            }
            [first, second] => {
                let arguments = [self.known_value(first)?, self.known_value(second)?];
                function.call(&arguments, &mut self.budget)
            }
            _ => {
                let arguments: Result<Vec<_>, _> =
                    arguments.iter().map(|argument| self.known_value(argument)).collect();
                function.call(&arguments?, &mut self.budget)
            }
        }
    }

    fn find(&mut self, find: &'a Find) -> Evaluated<'a, C> {
        let text = self.known_value(&find.text)?;
        let text = text.as_str().ok_or(NO_OVERLOAD)?;
        let most = match &find.most {
            // a negative number is no limit
            Some(most) => match self.known_value(most)? {
                Value::Int(most) => usize::try_from(most).unwrap_or(usize::MAX),
                _ => return Err(NO_OVERLOAD.into()),
            },
            None if find.all => usize::MAX,
            None => 1,
        };
        let found = find.finder.find(text, most, &mut self.budget)?;
        let mut parts = found.into_iter().filter_map(|place| text.get(place)).map(|part| Value::Text(part.into()));
        if find.all { Ok(Value::OwnList(parts.collect())) } else { Ok(parts.next().unwrap_or(Value::String(""))) }
    }

    fn map(&mut self, entries: &'a [(Node, Node)]) -> Evaluated<'a, C> {
        let mut map: Vec<(Value<'a, C>, Value<'a, C>)> = Vec::with_capacity(entries.len());
        for (key, value) in entries {
            let key = self.known_value(key)?;
            if !Kinds::KEY.meets(Kinds::of(key.kind().map_err(EvaluationFailure::Unknown)?)) {
                return Err(NO_OVERLOAD.into());
            }
            // CEL forbids duplicate keys, also of different number types: `1` and `1u` are equal
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
}
