//! The canonical text of an expression: two that have the same text have the same value for every request.
//!
//! Variables are replaced by their expressions, parameters by their values. Parts whose order does not matter are sorted.

use super::activation::Value;
use super::node::{Comprehension, Node, Op};
use std::collections::BTreeSet;
use std::fmt::Write;

/// Where a node is: what the variables in it mean, and which names are in scope.
#[derive(Clone, Copy)]
pub(super) struct NodeScope<'n> {
    /// The expressions of the variables; `None` for one with an error.
    pub(super) variables: &'n [Option<&'n Node>],
    /// The values of the names in scope, from the outermost on; `None` for one that a request decides.
    pub(super) locals: &'n [Option<Value<'static>>],
}

/// The text of `node` in which variables and parameters are replaced by what they are.
pub(super) fn canonical(node: &Node, scope: NodeScope<'_>) -> String {
    let mut locals = scope.locals.to_vec();
    Canonical { variables: scope.variables }.text(node, &mut locals)
}

/// The canonical text of a constant, in full.
pub(super) fn canonical_value(value: &Value<'static>) -> String {
    match value {
        Value::Int(number) => format!("{number}"),
        Value::Uint(number) => format!("{number}u"),
        Value::Double(number) => format!("{number:?}"),
        Value::Timestamp(time) => format!("timestamp({time})"),
        Value::Duration(nanoseconds) => format!("duration({nanoseconds})"),
        Value::Bytes(bytes) => format!("bytes({bytes:?})"),
        _ => match (value.as_str(), value.items(), value.entries()) {
            (Some(text), ..) => format!("{text:?}"),
            (_, Some(items), _) => format!("[{}]", items.iter().map(canonical_value).collect::<Vec<_>>().join(", ")),
            (.., Some(entries)) => {
                let entry = |(key, value): &(Value<'static>, Value<'static>)| {
                    format!("{}: {}", canonical_value(key), canonical_value(value))
                };
                // sorted: maps compare by key
                format!(
                    "{{{}}}",
                    entries.iter().map(entry).collect::<BTreeSet<_>>().into_iter().collect::<Vec<_>>().join(", ")
                )
            }
            // null, a bool or a type: short texts that are not cut
            _ => value.to_cel(),
        },
    }
}

struct Canonical<'n> {
    variables: &'n [Option<&'n Node>],
}

type Locals = Vec<Option<Value<'static>>>;

impl Canonical<'_> {
    fn text(&self, node: &Node, locals: &mut Locals) -> String {
        match &node.op {
            Op::Constant(value) => canonical_value(value),
            Op::Attribute(id) => format!("attribute {}", id.0),
            Op::Entry(namespace, name) => format!("entry {} {name:?}", namespace.0),
            Op::EntryAt(namespace, key) => format!("entry {} at {}", namespace.0, self.text(key, locals)),
            Op::HasEntry(namespace, key) => format!("has entry {} {}", namespace.0, self.text(key, locals)),
            // a variable does not see the names around its use
            Op::Variable(position) => {
                let variable = self.variables.get(*position).copied().flatten();
                variable.map_or_else(|| format!("variable {position}"), |it| self.text(it, &mut Vec::new()))
            }
            Op::Local(depth) => match locals.get(*depth) {
                Some(Some(value)) => canonical_value(value),
                // counted from the innermost, so that it does not depend on what is around
                _ => format!("local {}", locals.len().saturating_sub(*depth)),
            },
            Op::Bind(parts) => {
                let [bound, inside] = parts.as_ref();
                let bound = self.text(bound, locals);
                locals.push(None);
                let inside = self.text(inside, locals);
                locals.pop();
                format!("bind({bound}, {inside})")
            }
            Op::Member(of, name) => format!("member({}, {})", self.text(of, locals), canonical_value(name)),
            Op::HasMember(of, name) => format!("has member({}, {})", self.text(of, locals), canonical_value(name)),
            Op::Index(sides) => self.call("index", sides.as_ref(), locals),
            Op::Optional(sides) => self.call("optional", sides.as_ref(), locals),
            Op::Not(operand) => format!("not({})", self.text(operand, locals)),
            Op::Negate(operand) => format!("negate({})", self.text(operand, locals)),
            Op::And(parts) => self.join_sorted("and", parts, locals),
            Op::Or(parts) => self.join_sorted("or", parts, locals),
            Op::Conditional(parts) => self.call("if", parts.as_ref(), locals),
            Op::Equal { sides, negated: false } => self.join_sorted("equal", sides.as_ref(), locals),
            Op::Equal { sides, negated: true } => format!("not({})", self.join_sorted("equal", sides.as_ref(), locals)),
            Op::Compare(comparison, sides) => self.call(&format!("{comparison:?}"), sides.as_ref(), locals),
            Op::Calculate(operator, sides) => self.call(&format!("{operator:?}"), sides.as_ref(), locals),
            Op::In(sides) => self.membership(sides, locals),
            Op::Call(function, arguments) => self.call(&format!("{function:?}"), arguments, locals),
            Op::Matches(of, pattern) => format!("matches({}, {:?})", self.text(of, locals), pattern.source()),
            Op::Find(find) => {
                let most = find.most.as_ref().map(|most| self.text(most, locals));
                format!("find({}, {:?}, {}, {most:?})", self.text(&find.text, locals), find.finder.source(), find.all)
            }
            Op::List(elements) => self.call("list", elements, locals),
            Op::Map(entries) => {
                let mut text = String::from("map(");
                for (key, value) in entries {
                    // writing to a `String` cannot fail
                    let _ = write!(text, "{}: {}, ", self.text(key, locals), self.text(value, locals));
                }
                text + ")"
            }
            Op::Comprehension(comprehension) => self.comprehension(comprehension, locals),
        }
    }

    fn call(&self, name: &str, arguments: &[Node], locals: &mut Locals) -> String {
        let arguments: Vec<_> = arguments.iter().map(|argument| self.text(argument, locals)).collect();
        format!("{name}({})", arguments.join(", "))
    }

    /// Parts in any order, each of which counts once.
    fn join_sorted(&self, name: &str, parts: &[Node], locals: &mut Locals) -> String {
        let texts: BTreeSet<_> = parts.iter().map(|part| self.text(part, locals)).collect();
        // two equal sides are not one
        let is_same = name == "equal" && texts.len() == 1;
        format!("{name}({}{})", texts.into_iter().collect::<Vec<_>>().join(", "), if is_same { ", same" } else { "" })
    }

    fn membership(&self, sides: &[Node; 2], locals: &mut Locals) -> String {
        let [wanted, container] = sides;
        let wanted = self.text(wanted, locals);
        let listed = match &container.op {
            Op::Constant(value) => value.items(),
            _ => None,
        };
        match listed {
            Some(items) => {
                let items: BTreeSet<_> = items.iter().map(canonical_value).collect();
                format!("in({wanted}, [{}])", items.into_iter().collect::<Vec<_>>().join(", "))
            }
            None => format!("in({wanted}, {})", self.text(container, locals)),
        }
    }

    fn comprehension(&self, comprehension: &Comprehension, locals: &mut Locals) -> String {
        let over = self.text(&comprehension.over, locals);
        let names = 1 + usize::from(comprehension.is_keyed);
        locals.extend(std::iter::repeat_n(None, names));
        let parts = [&comprehension.test, &comprehension.each];
        let parts = parts.map(|part| part.as_ref().map(|part| self.text(part, locals)).unwrap_or_default());
        locals.truncate(locals.len() - names);
        format!("{}({over}, {names}, {})", comprehension.r#macro.as_str(), parts.join(", "))
    }
}
