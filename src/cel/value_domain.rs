//! The names that an expression compares with literals, each with a value for every way in which it can stand to those: equal
//! to one, between two, beyond all, null, or not there.

use super::bindings::{Attribute, Namespace};
use super::env::Env;
use super::function::Function;
use super::kind::Kinds;
use super::node::Node;
use super::time::TimeField;
use super::types::Type;
use super::value::Value;
use std::ops::RangeInclusive;

/// Beyond this not every whole number is a `double`.
const LARGEST: f64 = 9_007_199_254_740_992.0;

/// Something about a request that has a value of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Atom {
    Entry(Namespace, String),
    Attribute(Attribute),
    /// How many bytes the value of an entry takes.
    Bytes(Namespace, String),
    /// A part of the time of the request, in a time zone.
    Time(TimeField, Option<String>),
}

impl Atom {
    /// The atom that `node` is the value of, or whose presence it asks for.
    pub(super) fn of(node: &Node) -> Option<Self> {
        // names of headers are the same in any case
        let named = |namespace: Namespace, name: &str| match namespace {
            Namespace::Headers => name.to_ascii_lowercase(),
            _ => name.to_owned(),
        };
        match node {
            Node::Entry(namespace, name) => Some(Self::Entry(*namespace, named(*namespace, name))),
            Node::HasEntry(namespace, key) => match key.as_ref() {
                Node::Constant(name) => Some(Self::Entry(*namespace, named(*namespace, name.as_str()?))),
                _ => None,
            },
            Node::Attribute(attribute) => Some(Self::Attribute(*attribute)),
            Node::Call(Function::JsonSize, arguments) => match arguments.as_ref() {
                [Node::Entry(namespace, name)] => Some(Self::Bytes(*namespace, named(*namespace, name))),
                _ => None,
            },
            Node::Call(Function::Part(part), arguments) => match arguments.as_ref() {
                [Node::Attribute(Attribute::Time)] => Some(Self::Time(*part, None)),
                [Node::Attribute(Attribute::Time), Node::Constant(zone)] => {
                    Some(Self::Time(*part, Some(zone.as_str()?.to_owned())))
                }
                _ => None,
            },
            _ => None,
        }
    }

    /// What it can be, and within which whole numbers, if it is one.
    fn r#type<'c>(&self, env: &Env<'c>) -> Option<(Type<'c>, Option<RangeInclusive<f64>>)> {
        Some(match self {
            Self::Entry(Namespace::Body, name) => (env.field(name).ok()?.0, None),
            Self::Entry(..) => (Type::of(Kinds::STRING.or(Kinds::NULL)), None),
            Self::Attribute(Attribute::ClientUnixUid) => (env.attribute(Attribute::ClientUnixUid), Some(0.0..=LARGEST)),
            Self::Attribute(attribute) => (env.attribute(*attribute), None),
            Self::Bytes(..) => (Type::of(Kinds::INT), Some(0.0..=LARGEST)),
            Self::Time(part, _) => (Type::of(Kinds::INT), Some(range(*part))),
        })
    }
}

/// What a part of a time can be.
const fn range(part: TimeField) -> RangeInclusive<f64> {
    match part {
        TimeField::FullYear => 1.0..=9999.0,
        TimeField::Month => 0.0..=11.0,
        TimeField::Date => 1.0..=31.0,
        TimeField::DayOfMonth => 0.0..=30.0,
        TimeField::DayOfWeek => 0.0..=6.0,
        TimeField::DayOfYear => 0.0..=365.0,
        TimeField::Hours => 0.0..=23.0,
        TimeField::Minutes | TimeField::Seconds => 0.0..=59.0,
        TimeField::Milliseconds => 0.0..=999.0,
    }
}

/// What a name may stand for; none for what is not there.
type Domain = Vec<Option<Value<'static>>>;

/// What expressions ask for.
#[derive(Default)]
pub(super) struct Domains {
    atoms: Vec<Atom>,
    literals: Vec<Value<'static>>,
}

impl Domains {
    /// Reads what `node` asks for; none where it does more than compare names with literals.
    pub(super) fn read(&mut self, env: &Env<'_>, node: &Node) -> Option<()> {
        if let Some(atom) = Atom::of(node) {
            if !self.atoms.contains(&atom) {
                self.atoms.push(atom);
            }
            return Some(());
        }
        let mut read_all = |nodes: &[Node]| nodes.iter().try_for_each(|node| self.read(env, node));
        match node {
            Node::Constant(value) => {
                self.literals.push(value.clone());
                Some(())
            }
            Node::Variable(position) => {
                let variable = env.variables.get(*position).filter(|variable| !variable.is_broken)?;
                self.read(env, &variable.node)
            }
            Node::Not(operand) => self.read(env, operand),
            Node::And(parts) | Node::Or(parts) => read_all(parts),
            Node::Conditional(parts) => read_all(parts.as_ref()),
            Node::Equal { sides, .. } | Node::Compare(_, sides) => {
                let [left, right] = sides.as_ref();
                let is_constant = matches!(left, Node::Constant(_)) || matches!(right, Node::Constant(_));
                let is_same = Atom::of(left).is_some_and(|atom| Atom::of(right) == Some(atom));
                if is_constant || is_same { read_all(sides.as_ref()) } else { None }
            }
            Node::In(sides) => {
                let [wanted, Node::Constant(container)] = sides.as_ref() else { return None };
                let keys = container.entries().into_iter().flatten().map(|(key, _)| key);
                self.literals.extend(container.items().into_iter().flatten().chain(keys).cloned());
                self.read(env, wanted)
            }
            _ => None,
        }
    }

    /// Every name with what it may stand for; none where one may be something that has no such values.
    pub(super) fn finish(self, env: &Env<'_>) -> Option<Vec<(Atom, Domain)>> {
        let Self { atoms, literals } = self;
        let domains = atoms.into_iter().map(|atom| {
            let (r#type, range) = atom.r#type(env)?;
            let mut values: Domain = values(&r#type, range, &literals)?.into_iter().map(Some).collect();
            if matches!(atom, Atom::Entry(..)) {
                values.push(None);
            }
            Some((atom, values))
        });
        domains.collect()
    }
}

fn values(
    r#type: &Type<'_>,
    range: Option<RangeInclusive<f64>>,
    literals: &[Value<'static>],
) -> Option<Vec<Value<'static>>> {
    let kinds = r#type.kinds;
    if !Kinds::JSON.contains(kinds) {
        return None;
    }
    let mut values = Vec::new();
    if kinds.meets(Kinds::NULL) {
        values.push(Value::Null);
    }
    if kinds.meets(Kinds::BOOL) {
        values.extend([Value::Bool(true), Value::Bool(false)]);
    }
    if kinds.meets(Kinds::NUMBER) {
        values.extend(numbers(range, literals)?.into_iter().map(Value::Double));
    }
    if kinds.meets(Kinds::STRING) {
        match r#type.values() {
            Some(only) => values.extend(only.iter().map(|text| Value::Text(text.as_ref().into()))),
            None => values.extend(texts(literals)),
        }
    }
    let other = || Value::Text("\u{1}another".into());
    if kinds.meets(Kinds::LIST) {
        values.extend([Value::OwnList([].into()), Value::OwnList([other()].into())]);
        values.extend(literals.iter().filter(|literal| literal.items().is_some()).cloned());
    }
    if kinds.meets(Kinds::MAP) {
        values.extend([Value::OwnMap([].into()), Value::OwnMap([(other(), Value::Null)].into())]);
        values.extend(literals.iter().filter(|literal| literal.entries().is_some()).cloned());
    }
    Some(values)
}

/// The literals, what lies between each two, and what lies beyond all; whole numbers only, where there is a range of them.
fn numbers(range: Option<RangeInclusive<f64>>, literals: &[Value<'static>]) -> Option<Vec<f64>> {
    let mut points: Vec<f64> = literals.iter().filter_map(number).collect();
    if points.iter().any(|point| point.abs() >= LARGEST) {
        return None;
    }
    points.push(0.0);
    points.sort_by(f64::total_cmp);
    points.dedup();
    let mut found: Vec<f64> = if let Some(range) = range {
        let near =
            points.iter().flat_map(|point| [point.floor() - 1.0, point.floor(), point.ceil(), point.ceil() + 1.0]);
        near.chain([*range.start(), *range.end()]).filter(|point| range.contains(point)).collect()
    } else {
        let between = points.iter().zip(points.iter().skip(1)).map(|(one, other)| f64::midpoint(*one, *other));
        let beyond = [points.first().map(|first| first - 1.0), points.last().map(|last| last + 1.0)];
        points.iter().copied().chain(between).chain(beyond.into_iter().flatten()).collect()
    };
    found.sort_by(f64::total_cmp);
    found.dedup();
    Some(found)
}

#[expect(clippy::cast_precision_loss, reason = "what is too large for a `double` is left out by who asks")]
const fn number(literal: &Value<'static>) -> Option<f64> {
    match literal {
        Value::Int(number) => Some(*number as f64),
        Value::Uint(number) => Some(*number as f64),
        Value::Double(number) => Some(*number),
        _ => None,
    }
}

/// The literals, what comes right after each, and the least of all texts.
fn texts(literals: &[Value<'static>]) -> Vec<Value<'static>> {
    let known = literals.iter().filter_map(Value::as_str);
    let mut texts: Vec<String> = known.flat_map(|text| [text.to_owned(), format!("{text}\0")]).collect();
    texts.extend([String::new(), "\u{1}another".to_owned()]);
    texts.sort();
    texts.dedup();
    texts.into_iter().map(|text| Value::Text(text.into())).collect()
}
