//! Turns expressions into formulas over terms, each of which has representative values.
//!
//! An exact abstraction has terms for names only: what it shows is true of requests. An open one has terms also for parts that it
//! does not understand. Such a part has the same value wherever its canonical text is the same, and any value otherwise. So what
//! holds for all values of its terms holds for all requests, but what holds for some may hold for none.

use super::activation::Value;
use super::canonical::{NodeScope, canonical, canonical_value};
use super::declarations::Declarations;
use super::formula::{Formula, OrderTest, TermValue};
use super::function::{FUNCTIONS, Function};
use super::kind::Kinds;
use super::node::{Comprehension, Node, Op};
use super::syntax::Macro;
use super::types::Type;
use super::value_domain::{Atom, MAX_EXACT, values};
use std::ops::RangeInclusive;

/// Most elements of a constant list that a macro visits one by one.
const MAX_UNROLLED: usize = 64;

/// What expressions are made of, as far as their values are decided by it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Term {
    Atom(Atom),
    /// A part that is not understood, by its canonical text, and the types that it may have.
    Opaque(String, Kinds),
    /// The order of two such parts.
    Order(String),
    /// Something besides expressions that is true or false.
    Fact(String),
}

/// A term with the literals that it is compared with.
#[derive(Clone, Debug)]
pub(super) struct TermUse {
    pub(super) term: Term,
    literals: Vec<Value<'static>>,
    /// Whether it is compared by order, and not only for equality.
    is_ordered: bool,
    /// Of a part that is not understood, what it reads, and the constants in it.
    pub(super) reads: Vec<Atom>,
    pub(super) constants: Vec<Value<'static>>,
}

impl TermUse {
    /// All constants that may decide its value.
    pub(super) fn all_constants(&self) -> impl Iterator<Item = &Value<'static>> {
        self.constants.iter().chain(&self.literals)
    }
}

/// A term with its representative values.
pub(super) type Domain = (Term, Vec<TermValue>);

/// The terms of some expressions.
pub(super) struct Abstraction<'d> {
    declarations: &'d dyn Declarations,
    /// Whether parts that are not understood may be terms.
    is_open: bool,
    pub(super) terms: Vec<TermUse>,
}

/// The literals that a part is compared with.
#[derive(Clone, Copy, Default)]
struct Compared<'l> {
    literals: &'l [Value<'static>],
    is_ordered: bool,
}

impl<'d> Abstraction<'d> {
    pub(super) const fn exact(declarations: &'d dyn Declarations) -> Self {
        Self { declarations, is_open: false, terms: Vec::new() }
    }

    pub(super) const fn open(declarations: &'d dyn Declarations) -> Self {
        Self { declarations, is_open: true, terms: Vec::new() }
    }

    /// A formula for something besides expressions that is true or false.
    pub(super) fn fact(&mut self, name: &str) -> Formula {
        self.term(Term::Fact(name.to_owned()), Compared::default())
    }

    /// The formula for `node`; `None` if it does more than compare names with literals. An open abstraction has one for every node.
    pub(super) fn formula(&mut self, node: &Node, variables: &[Option<&Node>]) -> Option<Formula> {
        self.part(node, NodeScope { variables, locals: &[] }, Compared::default())
    }

    fn term(&mut self, term: Term, compared: Compared<'_>) -> Formula {
        let position = self.terms.iter().position(|known| known.term == term).unwrap_or_else(|| {
            let (literals, constants, reads) = (Vec::new(), Vec::new(), Vec::new());
            self.terms.push(TermUse { term, literals, is_ordered: false, reads, constants });
            self.terms.len() - 1
        });
        if let Some(known) = self.terms.get_mut(position) {
            known.literals.extend(compared.literals.iter().cloned());
            known.is_ordered |= compared.is_ordered;
        }
        Formula::Term(position)
    }

    fn part(&mut self, node: &Node, at: NodeScope<'_>, compared: Compared<'_>) -> Option<Formula> {
        if let Some(value) = constant(node, at) {
            return Some(Formula::Constant(value));
        }
        if let Some(atom) = Atom::of(self.declarations, node).filter(|atom| self.has_values(atom)) {
            let formula = self.term(Term::Atom(atom), compared);
            return Some(match (&node.op, formula) {
                (Op::HasEntry(..), Formula::Term(position)) => Formula::Present(position),
                (_, formula) => formula,
            });
        }
        let plain = Compared::default();
        let known = match &node.op {
            Op::Variable(position) => {
                let variable = at.variables.get(*position).copied().flatten()?;
                return self.part(variable, NodeScope { locals: &[], ..at }, compared);
            }
            Op::Not(operand) => self.part(operand, at, plain).map(|operand| Formula::Not(Box::new(operand))),
            Op::And(parts) => self.parts(parts, at).map(Formula::And),
            Op::Or(parts) => self.parts(parts, at).map(Formula::Or),
            Op::Conditional(parts) => {
                let [condition, then, otherwise] = parts.as_ref();
                let condition = self.part(condition, at, plain)?;
                let [then, otherwise] = [self.part(then, at, compared)?, self.part(otherwise, at, compared)?];
                Some(Formula::Conditional(Box::new([condition, then, otherwise])))
            }
            Op::Equal { sides, negated } => self.comparison(sides, OrderTest::Equal { negated: *negated }, at),
            Op::Compare(comparison, sides) => self.comparison(sides, OrderTest::Compare(*comparison), at),
            Op::In(sides) => self.membership(sides, at),
            Op::Comprehension(comprehension) if self.is_open => self.unroll(comprehension, at),
            _ => None,
        };
        known.or_else(|| self.opaque(node, at, compared))
    }

    fn parts(&mut self, parts: &[Node], at: NodeScope<'_>) -> Option<Vec<Formula>> {
        parts.iter().map(|part| self.part(part, at, Compared::default())).collect()
    }

    fn opaque(&mut self, node: &Node, at: NodeScope<'_>, compared: Compared<'_>) -> Option<Formula> {
        if !self.is_open {
            return None;
        }
        let formula = self.term(Term::Opaque(canonical(node, at), kinds(node)), compared);
        self.note(&formula, node, at);
        Some(formula)
    }

    /// Notes what `node`, which the term of `formula` stands for, reads and holds.
    fn note(&mut self, formula: &Formula, node: &Node, at: NodeScope<'_>) {
        let (mut reads, mut constants) = (Vec::new(), Vec::new());
        self.collect(node, at, &mut reads, &mut constants);
        if let Formula::Term(position) | Formula::Ordered(position, _) = formula
            && let Some(used) = self.terms.get_mut(*position)
        {
            used.reads.extend(reads);
            used.constants.extend(constants);
        }
    }

    fn collect(&self, node: &Node, at: NodeScope<'_>, reads: &mut Vec<Atom>, constants: &mut Vec<Value<'static>>) {
        if let Some(atom) = Atom::of(self.declarations, node) {
            reads.push(atom);
        }
        match &node.op {
            Op::Matches(_, pattern) => constants.push(Value::Text(pattern.source().into())),
            Op::Find(find) => constants.push(Value::Text(find.finder.source().into())),
            Op::Member(_, name) | Op::HasMember(_, name) => constants.push(name.clone()),
            Op::Variable(position) => {
                if let Some(variable) = at.variables.get(*position).copied().flatten() {
                    self.collect(variable, NodeScope { locals: &[], ..at }, reads, constants);
                }
            }
            _ => {
                if let Some(value) = constant(node, at) {
                    constants.extend(value.items().into_iter().flatten().cloned());
                    constants.push(value);
                }
            }
        }
        node.for_each_operand(&mut |operand| self.collect(operand, at, reads, constants));
    }

    /// Whether the atom has representative values: a timestamp has none.
    fn has_values(&self, atom: &Atom) -> bool {
        // an exact abstraction ends at such an atom
        !self.is_open || atom.r#type(self.declarations).is_none_or(|(r#type, _)| Kinds::JSON.contains(r#type.kinds))
    }

    fn comparison(&mut self, sides: &[Node; 2], test: OrderTest, at: NodeScope<'_>) -> Option<Formula> {
        let [left, right] = sides;
        let literal = constant(left, at).or_else(|| constant(right, at));
        let is_ordered = matches!(test, OrderTest::Compare(_));
        let atoms = [left, right].map(|side| Atom::of(self.declarations, side));
        // two different atoms can be in any order to each other, which literals alone do not cover
        let is_same = matches!(&atoms, [Some(one), Some(other)] if one == other && self.has_values(one));
        let literals = match &literal {
            Some(literal) if is_json(literal) || !self.is_open => std::slice::from_ref(literal),
            None if is_same => &[],
            _ => return self.order(sides, test, at),
        };
        let compared = Compared { literals, is_ordered };
        let sides = Box::new([self.part(left, at, compared)?, self.part(right, at, compared)?]);
        Some(match test {
            OrderTest::Equal { negated } => Formula::Equal { sides, negated },
            OrderTest::Compare(comparison) => Formula::Compare(comparison, sides),
        })
    }

    /// A comparison of two parts that are not understood: their order is a term, so that `<` and `<=` of the same parts agree.
    fn order(&mut self, sides: &[Node; 2], test: OrderTest, at: NodeScope<'_>) -> Option<Formula> {
        if !self.is_open {
            return None;
        }
        let [left, right] = [canonical(&sides[0], at), canonical(&sides[1], at)];
        let (name, test) = if left <= right {
            (format!("{left} to {right}"), test)
        } else {
            (format!("{right} to {left}"), test.mirror())
        };
        let term = self.term(Term::Order(name), Compared::default());
        for side in sides {
            self.note(&term, side, at);
        }
        match term {
            Formula::Term(position) => Some(Formula::Ordered(position, test)),
            _ => None,
        }
    }

    fn membership(&mut self, sides: &[Node; 2], at: NodeScope<'_>) -> Option<Formula> {
        let [wanted, container] = sides;
        let container = constant(container, at)?;
        let keys = container.entries().into_iter().flatten().map(|(key, _)| key);
        let literals: Vec<_> = container.items().into_iter().flatten().chain(keys).cloned().collect();
        if self.is_open && !literals.iter().all(is_json) {
            return None;
        }
        let wanted = self.part(wanted, at, Compared { literals: &literals, is_ordered: false })?;
        Some(Formula::In(Box::new([wanted, Formula::Constant(container)])))
    }

    /// `all` and `exists` over a constant, as the tests of its elements.
    fn unroll(&mut self, comprehension: &Comprehension, at: NodeScope<'_>) -> Option<Formula> {
        let over = constant(&comprehension.over, at)?;
        let (test, length) = (comprehension.test.as_ref()?, over.len().filter(|length| *length <= MAX_UNROLLED)?);
        let mut parts = Vec::new();
        for position in 0..length {
            let mut locals = at.locals.to_vec();
            let (key, value) = match over.entries() {
                Some(entries) => entries.get(position).cloned()?,
                None => (Value::Int(i64::try_from(position).ok()?), over.items()?.get(position).cloned()?),
            };
            if comprehension.is_keyed {
                locals.extend([Some(key), Some(value)]);
            } else {
                locals.push(Some(if over.is_map() { key } else { value }));
            }
            parts.push(self.part(test, NodeScope { locals: &locals, ..at }, Compared::default())?);
        }
        match comprehension.r#macro {
            Macro::All => Some(Formula::And(parts)),
            Macro::Exists => Some(Formula::Or(parts)),
            _ => None,
        }
    }

    /// Each term with its representative values; `None` if one has a type without them.
    pub(super) fn domains(&self) -> Option<Vec<Domain>> {
        self.terms.iter().map(|used| Some((used.term.clone(), self.values_of(used)?))).collect()
    }

    fn values_of(&self, used: &TermUse) -> Option<Vec<TermValue>> {
        let known = |values: Vec<Value<'static>>| values.into_iter().map(TermValue::Known);
        Some(match &used.term {
            Term::Atom(atom) => {
                let (r#type, range) = atom.r#type(self.declarations)?;
                // absent first: a request that shows something has no more in it than it needs
                let absent = matches!(atom, Atom::Entry(..)).then_some(TermValue::Absent);
                absent.into_iter().chain(known(self.scalars_of(&r#type, range, used)?)).collect()
            }
            Term::Opaque(_, kinds) if *kinds == Kinds::BOOL => {
                known(vec![Value::Bool(true), Value::Bool(false)]).chain([TermValue::Failed]).collect()
            }
            Term::Opaque(_, kinds) => {
                let range = (*kinds == Kinds::INT).then_some(-MAX_EXACT..=MAX_EXACT);
                let json = self.scalars_of(&Type::of(kinds.and(Kinds::JSON)), range, used)?;
                // of any other type, which equals no literal of JSON
                let other = (!Kinds::JSON.contains(*kinds)).then(|| Value::Bytes([].into()));
                known(json.into_iter().chain(other).collect()).chain([TermValue::Failed]).collect()
            }
            Term::Order(_) => Formula::order_values(),
            Term::Fact(_) => known(vec![Value::Bool(true), Value::Bool(false)]).collect(),
        })
    }

    /// The representative values of a type. A text that is only compared for equality is one of the literals, or another.
    fn scalars_of(
        &self,
        r#type: &Type<'_>,
        range: Option<RangeInclusive<f64>>,
        used: &TermUse,
    ) -> Option<Vec<Value<'static>>> {
        let all = values(r#type, range, &used.literals)?;
        if !self.is_open || used.is_ordered || r#type.values().is_some() {
            return Some(all);
        }
        let texts = used.literals.iter().filter(|literal| literal.as_str().is_some()).cloned();
        let texts = if r#type.kinds.meets(Kinds::STRING) {
            texts.chain([another(&used.literals)]).collect()
        } else {
            Vec::new()
        };
        let mut seen = Vec::new();
        let all = all.into_iter().filter(|value| value.as_str().is_none()).chain(texts);
        // a literal that occurs twice is one value
        Some(
            all.filter(|value| {
                !seen.contains(&canonical_value(value)) && {
                    seen.push(canonical_value(value));
                    true
                }
            })
            .collect(),
        )
    }
}

impl OrderTest {
    /// The same test of the two parts in the other order.
    const fn mirror(self) -> Self {
        use super::syntax::Comparison;
        match self {
            Self::Equal { .. } => self,
            Self::Compare(Comparison::Less) => Self::Compare(Comparison::Greater),
            Self::Compare(Comparison::LessOrEqual) => Self::Compare(Comparison::GreaterOrEqual),
            Self::Compare(Comparison::Greater) => Self::Compare(Comparison::Less),
            Self::Compare(Comparison::GreaterOrEqual) => Self::Compare(Comparison::LessOrEqual),
        }
    }
}

/// The value of a node that no request changes.
fn constant(node: &Node, at: NodeScope<'_>) -> Option<Value<'static>> {
    match &node.op {
        Op::Constant(value) => Some(value.clone()),
        Op::Local(depth) => at.locals.get(*depth).cloned().flatten(),
        Op::Variable(position) => {
            constant(at.variables.get(*position).copied().flatten()?, NodeScope { locals: &[], ..at })
        }
        _ => None,
    }
}

/// Whether the literal is of a type whose values are represented.
fn is_json(literal: &Value<'static>) -> bool {
    Kinds::JSON.contains(literal.as_unknown().kinds)
}

/// A text that none of `literals` is.
fn another(literals: &[Value<'static>]) -> Value<'static> {
    let is_free = |text: &String| literals.iter().all(|literal| literal.as_str() != Some(text));
    // more candidates than literals, so that one is free
    let candidates =
        std::iter::once("other".to_owned()).chain((0..literals.len()).map(|number| format!("other{number}")));
    let free = candidates.into_iter().find(is_free);
    Value::Text(free.unwrap_or_default().into())
}

/// The types that a part may have, as far as its operator shows.
fn kinds(node: &Node) -> Kinds {
    match &node.op {
        Op::Not(_)
        | Op::And(_)
        | Op::Or(_)
        | Op::Equal { .. }
        | Op::Compare(..)
        | Op::In(_)
        | Op::Matches(..)
        | Op::HasEntry(..)
        | Op::HasMember(..) => Kinds::BOOL,
        Op::Comprehension(comprehension)
            if matches!(comprehension.r#macro, Macro::All | Macro::Exists | Macro::ExistsOne) =>
        {
            Kinds::BOOL
        }
        Op::Call(function, _) => gives(*function),
        _ => Kinds::ANY,
    }
}

fn gives(function: Function) -> Kinds {
    let signatures = FUNCTIONS.iter().filter(|known| known.function == function);
    let gives = signatures.map(|known| known.gives).fold(Kinds::NONE, Kinds::or);
    // others may give more for arguments that are known during evaluation only
    if [Kinds::BOOL, Kinds::INT].contains(&gives) { gives } else { Kinds::ANY }
}
