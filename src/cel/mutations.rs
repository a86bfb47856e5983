//! Small changes of an expression, each of which a test of its policy should notice.

use super::activation::Value;
use super::syntax::{Comparison, Infix, Macro, Operator, Syntax, Tree, parse};
use std::ops::Range;

/// A small change of an expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mutation {
    /// The bytes of the source that are replaced.
    pub(crate) span: Range<usize>,
    /// What replaces them.
    pub(crate) replacement: String,
    /// The kind of the change, in words.
    pub(crate) what: &'static str,
}

impl Mutation {
    /// The source after the change.
    pub(crate) fn apply(&self, source: &str) -> String {
        let mut changed = source.to_owned();
        // spans come from the parser, which ends them between characters
        if changed.is_char_boundary(self.span.start) && changed.is_char_boundary(self.span.end) {
            changed.replace_range(self.span.clone(), &self.replacement);
        }
        changed
    }
}

/// The changes of `source`, in its order; none of one with a syntax error. Not each of them compiles.
pub(crate) fn mutations(source: &str) -> Vec<Mutation> {
    let mut mutations = Mutations { source, found: Vec::new() };
    if let Ok(tree) = parse(source) {
        mutations.visit(&tree);
    }
    mutations.found
}

struct Mutations<'s> {
    source: &'s str,
    found: Vec<Mutation>,
}

impl Mutations<'_> {
    fn add(&mut self, span: Range<usize>, replacement: impl Into<String>, what: &'static str) {
        self.found.push(Mutation { span, replacement: replacement.into(), what });
    }

    fn text(&self, span: &Range<usize>) -> String {
        self.source.get(span.clone()).unwrap_or_default().to_owned()
    }

    fn visit(&mut self, tree: &Tree) {
        match &tree.syntax {
            Syntax::Literal(value) => self.literal(&tree.span, value),
            Syntax::Name(_) => {}
            Syntax::Select { of, .. } => self.visit(of),
            Syntax::Has { .. } => self.negate(tree),
            Syntax::Index(parts) => self.visit_all(parts.iter()),
            Syntax::Call { function, receiver, arguments, .. } => {
                self.call(tree, function, receiver.as_deref(), arguments);
            }
            Syntax::Not(operand) => {
                self.add(tree.span.clone(), self.text(&operand.span), "negation removed");
                self.visit(operand);
            }
            Syntax::Negate(operand) | Syntax::Optional(operand) => self.visit(operand),
            Syntax::Infix(infix, sides) => self.infix(tree, *infix, sides),
            Syntax::And(parts) => self.chain(parts, ["&&", "||"], "conjunct removed"),
            Syntax::Or(parts) => self.chain(parts, ["||", "&&"], "alternative removed"),
            Syntax::Conditional(parts) => {
                let [_, then, otherwise] = parts.as_ref();
                for branch in [then, otherwise] {
                    self.add(tree.span.clone(), self.text(&branch.span), "only one branch");
                }
                self.visit_all(parts.iter());
            }
            Syntax::List(elements) => self.list(elements),
            Syntax::Map(entries) => self.visit_all(entries.iter().map(|(_, value)| value)),
            Syntax::Comprehension { r#macro, over, variables, test, each } => {
                let other = match r#macro {
                    Macro::All | Macro::ExistsOne => Some("exists"),
                    Macro::Exists => Some("all"),
                    Macro::Map | Macro::Filter | Macro::TransformList | Macro::TransformMap => None,
                };
                let name =
                    variables.first().and_then(|(_, at)| self.sign_between(over.span.end, at.start, r#macro.as_str()));
                if let (Some(name), Some(other)) = (name, other) {
                    self.add(name, other, "another macro");
                }
                self.visit_all([Some(over), test.as_ref(), each.as_ref()].into_iter().flatten().map(AsRef::as_ref));
            }
        }
    }

    fn visit_all<'t>(&mut self, trees: impl Iterator<Item = &'t Tree>) {
        trees.for_each(|tree| self.visit(tree));
    }

    fn negate(&mut self, tree: &Tree) {
        self.add(tree.span.clone(), format!("!({})", self.text(&tree.span)), "negated");
    }

    fn call(&mut self, tree: &Tree, function: &str, receiver: Option<&Tree>, arguments: &[Tree]) {
        if matches!(function, "matches" | "startsWith" | "endsWith" | "contains") {
            self.negate(tree);
        }
        self.visit_all(receiver.into_iter());
        match arguments {
            [Tree { syntax: Syntax::Literal(_), span, .. }] if function == "matches" => self.pattern(span),
            _ => self.visit_all(arguments.iter()),
        }
    }

    /// A pattern without one of its anchors. More of it is not changed: most changes would be no pattern.
    fn pattern(&mut self, span: &Range<usize>) {
        let text = self.text(span);
        let quotes = |letter: char| matches!(letter, '"' | '\'' | 'r' | 'R');
        let start = span.start + (text.len() - text.trim_start_matches(quotes).len());
        let end = span.start + text.trim_end_matches(['"', '\'']).len();
        let inside = self.text(&(start..end));
        if inside.starts_with('^') {
            self.add(start..start + 1, "", "anchor removed");
        }
        if inside.ends_with('$') && !inside.ends_with("\\$") {
            self.add(end - 1..end, "", "anchor removed");
        }
    }

    fn infix(&mut self, tree: &Tree, infix: Infix, sides: &[Tree; 2]) {
        let [left, right] = sides;
        let others: &[&str] = match infix {
            Infix::Equal { negated: false } => &["!="],
            Infix::Equal { negated: true } => &["=="],
            Infix::Compare(Comparison::Less) => &["<=", ">="],
            Infix::Compare(Comparison::LessOrEqual) => &["<", ">"],
            Infix::Compare(Comparison::Greater) => &[">=", "<="],
            Infix::Compare(Comparison::GreaterOrEqual) => &[">", "<"],
            Infix::Calculate(Operator::Add) => &["-"],
            Infix::Calculate(Operator::Subtract) => &["+"],
            Infix::Calculate(Operator::Multiply | Operator::Remainder) => &["/"],
            Infix::Calculate(Operator::Divide) => &["*"],
            Infix::In => {
                self.negate(tree);
                &[]
            }
        };
        if let Some(sign) = self.sign_between(left.span.end, right.span.start, infix.as_str()) {
            for other in others {
                self.add(sign.clone(), *other, "another operator");
            }
        }
        self.visit_all(sides.iter());
    }

    /// Parts that `sign` joins: each left out, and each sign replaced by `other`.
    fn chain(&mut self, parts: &[Tree], [sign, other]: [&'static str; 2], left_out: &'static str) {
        for (position, part) in parts.iter().enumerate() {
            let before = position.checked_sub(1).and_then(|before| parts.get(before));
            let span = match (before, parts.get(position + 1)) {
                (Some(before), _) => before.span.end..part.span.end,
                (None, Some(next)) => part.span.start..next.span.start,
                (None, None) => continue,
            };
            self.add(span, "", left_out);
            let joined = before.and_then(|before| self.sign_between(before.span.end, part.span.start, sign));
            if let Some(joined) = joined {
                self.add(joined, other, "another operator");
            }
            self.visit(part);
        }
    }

    fn list(&mut self, elements: &[Tree]) {
        for (position, element) in elements.iter().enumerate() {
            let before = position.checked_sub(1).and_then(|before| elements.get(before));
            let span = match (before, elements.get(position + 1)) {
                (Some(before), _) => before.span.end..element.span.end,
                (None, Some(next)) => element.span.start..next.span.start,
                (None, None) => element.span.clone(),
            };
            self.add(span, "", "element removed");
            // a literal that is another one is missing as well
            if !matches!(element.syntax, Syntax::Literal(_)) {
                self.visit(element);
            }
        }
    }

    fn literal(&mut self, span: &Range<usize>, value: &Value<'static>) {
        let what = "another constant";
        match value {
            Value::Bool(value) => self.add(span.clone(), (!value).to_string(), what),
            Value::Int(number) => {
                for other in [number.checked_add(1), number.checked_sub(1)].into_iter().flatten() {
                    self.add(span.clone(), other.to_string(), what);
                }
            }
            Value::Uint(number) => {
                for other in [number.checked_add(1), number.checked_sub(1)].into_iter().flatten() {
                    self.add(span.clone(), format!("{other}u"), what);
                }
            }
            Value::Double(number) => self.add(span.clone(), format!("{:?}", number + 1.0), what),
            Value::String(_) | Value::Text(_) => {
                let text = self.text(span);
                let quotes =
                    if ["\"\"\"", "'''"].iter().any(|it| text.ends_with(it)) && text.len() > 5 { 3 } else { 1 };
                let end = span.end.saturating_sub(quotes);
                self.add(end..end, "_", what);
            }
            _ => {}
        }
    }

    /// Where `sign` is between `from` and `to`, outside comments.
    fn sign_between(&self, from: usize, to: usize, sign: &str) -> Option<Range<usize>> {
        let gap = self.source.get(from..to)?;
        let mut at = from;
        for line in gap.split_inclusive('\n') {
            let code = line.split("//").next().unwrap_or_default();
            if let Some(found) = code.find(sign) {
                return Some(at + found..at + found + sign.len());
            }
            at += line.len();
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::mutations;

    /// The expression after each change.
    fn changed(source: &str) -> Vec<String> {
        mutations(source).iter().map(|mutation| mutation.apply(source)).collect()
    }

    #[test]
    fn each_part_of_an_expression_is_changed() {
        for (source, expected) in [
            ("a < 3", &["a <= 3", "a >= 3", "a < 4", "a < 2"][..]),
            ("a == b // a == c\n", &["a != b // a == c\n"]),
            ("a // ==\n == b", &["a // ==\n != b"]),
            (
                "a && (b || !c)",
                &["(b || !c)", "a", "a || (b || !c)", "a && (!c)", "a && (b)", "a && (b && !c)", "a && (b || c)"],
            ),
            ("a in ['x', 'y']", &["!(a in ['x', 'y'])", "a in ['y']", "a in ['x']"]),
            ("a == 'x'", &["a != 'x'", "a == 'x_'"]),
            ("a == true", &["a != true", "a == false"]),
            ("a.matches(r'^x+$')", &["!(a.matches(r'^x+$'))", "a.matches(r'x+$')", "a.matches(r'^x+')"]),
            ("a.all(x, x > y)", &["a.exists(x, x > y)", "a.all(x, x >= y)", "a.all(x, x <= y)"]),
            ("a ? b : c", &["b", "c"]),
            ("has(a.b)", &["!(has(a.b))"]),
            ("size(a) + b", &["size(a) - b"]),
        ] {
            assert_eq!(changed(source), expected, "{source}");
        }
    }

    #[test]
    fn what_is_no_expression_has_no_changes() {
        assert!(mutations("a &&").is_empty());
    }
}
