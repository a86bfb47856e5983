//! Operators: what they take, what they give, and comparisons that can come out one way only.

use super::checked::{Checked, Depends};
use super::checker::Checker;
use crate::cel::activation::Value;
use crate::cel::error::EvaluationError;
use crate::cel::issue::Issue;
use crate::cel::kind::Kinds;
use crate::cel::node::Op;
use crate::cel::syntax::{Infix, Operator, Syntax, Tree};
use crate::cel::types::Type;

/// What `+` takes and gives.
const SUMS: [[Kinds; 3]; 9] = [
    [Kinds::INT, Kinds::INT, Kinds::INT],
    [Kinds::UINT, Kinds::UINT, Kinds::UINT],
    [Kinds::DOUBLE, Kinds::DOUBLE, Kinds::DOUBLE],
    [Kinds::STRING, Kinds::STRING, Kinds::STRING],
    [Kinds::BYTES, Kinds::BYTES, Kinds::BYTES],
    [Kinds::LIST, Kinds::LIST, Kinds::LIST],
    [Kinds::TIMESTAMP, Kinds::DURATION, Kinds::TIMESTAMP],
    [Kinds::DURATION, Kinds::TIMESTAMP, Kinds::TIMESTAMP],
    [Kinds::DURATION, Kinds::DURATION, Kinds::DURATION],
];

/// What `-` takes and gives.
const DIFFERENCES: [[Kinds; 3]; 6] = [
    [Kinds::INT, Kinds::INT, Kinds::INT],
    [Kinds::UINT, Kinds::UINT, Kinds::UINT],
    [Kinds::DOUBLE, Kinds::DOUBLE, Kinds::DOUBLE],
    [Kinds::TIMESTAMP, Kinds::TIMESTAMP, Kinds::DURATION],
    [Kinds::TIMESTAMP, Kinds::DURATION, Kinds::TIMESTAMP],
    [Kinds::DURATION, Kinds::DURATION, Kinds::DURATION],
];

/// What `*`, `/` and, but for `double`, `%` take and give.
const PRODUCTS: [[Kinds; 3]; 3] = [
    [Kinds::INT, Kinds::INT, Kinds::INT],
    [Kinds::UINT, Kinds::UINT, Kinds::UINT],
    [Kinds::DOUBLE, Kinds::DOUBLE, Kinds::DOUBLE],
];

/// Values of the same of these have an order.
const ORDERED: [Kinds; 6] =
    [Kinds::NUMBER, Kinds::STRING, Kinds::BOOL, Kinds::BYTES, Kinds::TIMESTAMP, Kinds::DURATION];

impl<'c> Checker<'_, 'c> {
    /// Reports `part` if it can be none of `wanted`; `place` names its position in the message.
    pub(super) fn expect(&mut self, tree: &Tree, part: &Checked<'c>, wanted: Kinds, place: &str) {
        let kinds = part.r#type.kinds;
        if !kinds.meets(wanted) {
            let message = format!("`{}` is {kinds}, but {place} is {wanted}", self.text(&tree.span));
            self.issues.push(Issue::new(&tree.span, message));
        }
    }

    /// An operand that must be true or false.
    pub(super) fn boolean(&mut self, tree: &Tree, operator: &str) -> Checked<'c> {
        self.is_truth = true;
        let part = self.check(tree);
        let kinds = part.r#type.kinds;
        if !kinds.meets(Kinds::BOOL) {
            let message = format!("`{}` is {kinds}, but {operator} takes a bool", self.text(&tree.span));
            let mut issue = Issue::new(&tree.span, message);
            // comparing a literal does not help
            if part.as_constant().is_none() {
                issue = issue.with_help("compare it, as in `... != null`");
            }
            self.issues.push(issue);
        }
        part
    }

    /// `&&` and `||`. One constant operand may decide, whatever the others are and even if they fail.
    pub(super) fn join(&mut self, trees: &[Tree], operator: &str) -> Checked<'c> {
        let sign = format!("`{operator}`");
        let found = self.issues.len();
        let parts: Vec<Checked<'c>> = trees.iter().map(|tree| self.boolean(tree, &sign)).collect();
        // a constant that decides makes the others dead, also if they would fail
        let decisive = operator == "||";
        if parts.iter().any(|part| matches!(part.as_constant(), Some(Value::Bool(value)) if *value == decisive)) {
            let inside = self.issues.split_off(found);
            self.issues.extend(inside.into_iter().filter(|issue| !issue.is_valueless));
            return Checked::constant(Value::Bool(decisive));
        }
        let (nodes, _, depends) = Checked::gather(parts);
        let node = if decisive { Op::Or(nodes) } else { Op::And(nodes) };
        Checked::new(node, Type::of(Kinds::BOOL), depends)
    }

    /// `condition ? then : otherwise`; where `is_truth`, it must be true or false.
    pub(super) fn conditional(&mut self, trees: &[Tree; 3], is_truth: bool) -> Checked<'c> {
        let [condition_tree, then, otherwise] = trees;
        let condition = self.boolean(condition_tree, "`?`");
        // both branches are checked, also if the condition is a constant: an error in the dead one is an error still
        let [then, otherwise] = [then, otherwise].map(|tree| {
            self.is_truth = is_truth;
            let part = self.check(tree);
            if is_truth {
                self.check_choice(tree, &part, condition_tree);
            }
            part
        });
        match condition.as_constant() {
            Some(Value::Bool(true)) => return then,
            Some(Value::Bool(false)) => return otherwise,
            _ => {}
        }
        let (r#type, depends) =
            (then.r#type.or(otherwise.r#type), condition.depends.or(then.depends).or(otherwise.depends));
        Checked::new(Op::Conditional(Box::new([condition.node, then.node, otherwise.node])), r#type, depends)
    }

    /// Reports a branch that is not a `bool` where one is needed.
    fn check_choice(&mut self, tree: &Tree, part: &Checked<'c>, condition: &Tree) {
        let (text, kinds) = (self.text(&tree.span), part.r#type.kinds);
        let issue = if !kinds.meets(Kinds::BOOL) {
            Issue::new(&tree.span, format!("`{text}` is {kinds}, but what is chosen here must be a bool"))
                .with_help("compare it with something")
        // a condition that mentions the entry probably tests it for null
        } else if matches!(part.node.op, Op::Entry(..)) && !self.text(&condition.span).contains(text) {
            Issue::new(&tree.span, format!("`{text}` reads as null where it is absent, and null is not true or false"))
                .with_help(format!("write `{text} == true`"))
        } else {
            return;
        };
        self.issues.push(issue);
    }

    /// `-operand`
    pub(super) fn negate(&mut self, tree: &Tree) -> Checked<'c> {
        let part = self.check(tree);
        let taken = Kinds::INT.or(Kinds::DOUBLE);
        self.expect(tree, &part, taken, "what `-` takes");
        let kinds = part.r#type.kinds;
        // after an error any type, so that it causes no other
        let r#type = Type::of(if kinds.meets(taken) { kinds.and(taken) } else { Kinds::ANY });
        Checked::new(Op::Negate(Box::new(part.node)), r#type, part.depends)
    }

    /// `left operator right`
    pub(super) fn infix(&mut self, tree: &Tree, operator: Infix, sides: &[Tree; 2]) -> Checked<'c> {
        let [left, right] = sides;
        // a namespace is not a value, so `in` on one is an operation of its own
        if operator == Infix::In
            && let Some(namespace) = self.namespace(right)
        {
            return self.in_namespace(left, namespace);
        }
        let parts = [self.check(left), self.check(right)];
        if let (Infix::Equal { negated }, [left, right]) = (operator, &parts)
            && left.r#type.must_equal(&right.r#type)
        {
            return Checked::constant(Value::Bool(!negated));
        }
        let depends = parts.iter().fold(Depends::default(), |depends, part| depends.or(part.depends));
        self.check_divisor(tree, operator, &parts);
        self.check_literal_format(sides, &parts, operator);
        let r#type = match operator {
            Infix::Equal { negated } => self.equality(sides, &parts, negated),
            Infix::Compare(_) => {
                let [left, right] = parts.each_ref().map(|part| part.r#type.kinds);
                if !ORDERED.into_iter().any(|kinds| kinds.meets(left) && kinds.meets(right)) {
                    self.mismatch(tree, operator, sides, &parts);
                }
                Kinds::BOOL
            }
            Infix::In => self.membership(sides, &parts),
            Infix::Calculate(calculation) => {
                let kinds = result_kinds(calculation, &parts);
                if kinds == Kinds::NONE {
                    self.mismatch(tree, operator, sides, &parts);
                    Kinds::ANY
                } else {
                    kinds
                }
            }
        };
        let nodes = Box::new(parts.map(|part| part.node));
        let node = match operator {
            Infix::Equal { negated } => Op::Equal { sides: nodes, negated },
            Infix::Compare(comparison) => Op::Compare(comparison, nodes),
            Infix::In => Op::In(nodes),
            Infix::Calculate(operator) => Op::Calculate(operator, nodes),
        };
        Checked::new(node, Type::of(r#type), depends)
    }

    /// Reports a division by a literal zero. If both operands are constants, folding reports it.
    fn check_divisor(&mut self, tree: &Tree, operator: Infix, parts: &[Checked<'c>; 2]) {
        let [left, right] = parts;
        let is_division = matches!(operator, Infix::Calculate(Operator::Divide | Operator::Remainder));
        let is_zero = matches!(right.as_constant(), Some(Value::Int(0) | Value::Uint(0)));
        if is_division && is_zero && left.as_constant().is_none() {
            let message = format!("`{}` never has a value: {}", self.text(&tree.span), EvaluationError::Arithmetic);
            self.issues.push(Issue::valueless(&tree.span, message));
        }
    }

    fn mismatch(&mut self, tree: &Tree, operator: Infix, sides: &[Tree; 2], parts: &[Checked<'c>; 2]) {
        let [left, right] = parts.each_ref().map(|part| part.r#type.kinds);
        let [one, other] = sides.each_ref().map(|side| self.text(&side.span));
        let sign = operator.as_str();
        let message = format!("`{sign}` is not for {left} (`{one}`) with {right} (`{other}`)");
        let issue = Issue::new(&tree.span, message);
        let help = match (operator, one.strip_prefix("request.headers.")) {
            (Infix::Calculate(Operator::Subtract), Some(name)) => {
                Some(format!("the name of a header stands in brackets: `request.headers[\"{name}-{other}\"]`"))
            }
            (Infix::Compare(_), _) if left == Kinds::BOOL => Some("compare twice, with `&&` between".to_owned()),
            _ => None,
        };
        self.issues.push(issue.with_optional_help(help));
    }

    /// Reports a comparison of what can never be equal.
    fn equality(&mut self, sides: &[Tree; 2], parts: &[Checked<'c>; 2], negated: bool) -> Kinds {
        let [left, right] = parts;
        let is_constant = left.as_constant().is_some() && right.as_constant().is_some();
        if is_constant || left.r#type.may_equal(&right.r#type) {
            return Kinds::BOOL;
        }
        // the side that is written out is the one to mend
        let [one, other] = sides;
        let (wrong, wrong_part, field, field_part) =
            if left.as_constant().is_some() { (one, left, other, right) } else { (other, right, one, left) };
        let always = if negated { "true" } else { "false" };
        let both_strings = field_part.r#type.kinds.meets(Kinds::STRING) && wrong_part.r#type.kinds.meets(Kinds::STRING);
        let describe =
            |part: &Checked<'c>| if both_strings { describe_type(&part.r#type) } else { part.r#type.kinds.to_string() };
        let message = format!(
            "`{}` is {}, never {}: the comparison is always {always}",
            self.text(&field.span),
            describe(field_part),
            describe(wrong_part),
        );
        let issue = Issue::new(&wrong.span, message);
        self.issues.push(match literal_help(wrong, wrong_part, &field_part.r#type) {
            Some(help) => issue.with_help(help),
            None => issue,
        });
        Kinds::BOOL
    }

    /// `wanted in container`, where the container is a value.
    fn membership(&mut self, sides: &[Tree; 2], parts: &[Checked<'c>; 2]) -> Kinds {
        let ([wanted, container], [wanted_part, container_part]) = (sides, parts);
        self.expect(container, container_part, Kinds::LIST.or(Kinds::MAP), "what is behind `in`");
        let item = container_part.r#type.item();
        let is_constant = wanted_part.as_constant().is_some() && container_part.as_constant().is_some();
        if container_part.r#type.kinds.meets(Kinds::LIST.or(Kinds::MAP))
            && !is_constant
            && !item.may_equal(&wanted_part.r#type)
        {
            let message = if item.kinds == Kinds::NONE {
                format!("`{}` is empty: nothing is in it", self.text(&container.span))
            } else {
                format!(
                    "`{}` is {}, but `{}` holds {}: it is never in it",
                    self.text(&wanted.span),
                    describe_type(&wanted_part.r#type),
                    self.text(&container.span),
                    describe_type(&item),
                )
            };
            self.issues.push(Issue::new(&wanted.span, message));
        }
        Kinds::BOOL
    }
}

fn result_kinds(operator: Operator, parts: &[Checked<'_>; 2]) -> Kinds {
    let table: &[[Kinds; 3]] = match operator {
        Operator::Add => &SUMS,
        Operator::Subtract => &DIFFERENCES,
        Operator::Multiply | Operator::Divide => &PRODUCTS,
        Operator::Remainder => PRODUCTS.split_last().map_or(&[], |(_, whole)| whole),
    };
    let [left, right] = parts.each_ref().map(|part| part.r#type.kinds);
    // an operand of several possible kinds fits if one of them does: only certain errors are reported
    let fitting = table.iter().filter(|[one, other, _]| one.meets(left) && other.meets(right));
    fitting.fold(Kinds::NONE, |kinds, [_, _, gives]| kinds.or(*gives))
}

/// What a value can be, for people.
fn describe_type(r#type: &Type<'_>) -> String {
    match r#type.values() {
        Some(values) if !values.is_empty() && values.len() <= 6 => {
            let mut values: Vec<String> = values.iter().map(|value| format!("`{}`", value.escape_debug())).collect();
            values.dedup();
            values.join(" or ")
        }
        _ => r#type.kinds.to_string(),
    }
}

/// How to mend a literal that is of another type than the field it is compared with.
fn literal_help(tree: &Tree, part: &Checked<'_>, field: &Type<'_>) -> Option<String> {
    let Syntax::Literal(_) = tree.syntax else { return None };
    match part.as_constant()? {
        Value::Text(text) => {
            let is_bool = matches!(text.as_ref(), "true" | "false") && field.kinds.meets(Kinds::BOOL);
            let is_number = text.parse::<f64>().is_ok() && field.kinds.meets(Kinds::NUMBER);
            let is_null = text.as_ref() == "null" && field.kinds.meets(Kinds::NULL);
            (is_bool || is_number || is_null).then(|| format!("write `{text}` without quotes"))
        }
        Value::Int(number) if field.kinds.meets(Kinds::STRING) => Some(format!("write \"{number}\", with quotes")),
        Value::Int(number @ (0 | 1)) if field.kinds.meets(Kinds::BOOL) => Some(format!("write `{}`", *number == 1)),
        Value::Bool(value) if field.kinds.meets(Kinds::STRING) => Some(format!("write \"{value}\", with quotes")),
        _ => None,
    }
}
