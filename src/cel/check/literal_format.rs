//! Literals that are never equal to the attribute they are compared with, such as a network to an address.

use super::checked::Checked;
use super::checker::Checker;
use crate::cel::activation::Value;
use crate::cel::issue::Issue;
use crate::cel::node::Op;
use crate::cel::syntax::{Infix, Tree};

impl<'c> Checker<'_, 'c> {
    /// Reports literals that are not in the format of the attribute they are compared with.
    pub(super) fn check_literal_format(&mut self, sides: &[Tree; 2], parts: &[Checked<'c>; 2], operator: Infix) {
        let always = match operator {
            Infix::Equal { negated } => negated,
            Infix::In => false,
            Infix::Compare(_) | Infix::Calculate(_) => return,
        };
        let [left, right] = parts;
        let (attribute, literal, [name, at]) = match (&left.node.op, &right.node.op, sides) {
            (Op::Attribute(attribute), _, [left, at]) => (*attribute, right, [left, at]),
            // a literal `in` an attribute is looked for in a list, whose elements have no format
            (_, Op::Attribute(attribute), [at, right]) if operator != Infix::In => (*attribute, left, [right, at]),
            _ => return,
        };
        let Some(constant) = literal.as_constant() else { return };
        let items = constant.items().into_iter().flatten().filter_map(Value::as_str);
        for text in constant.as_str().into_iter().chain(items) {
            let Some(format) = self.env.declarations.format_mismatch(attribute, text) else { continue };
            let (name, description, text) = (self.text(&name.span), format.description, text.escape_debug());
            let message = match operator {
                Infix::In => format!("`{name}` is {description}, never `{text}`"),
                _ => format!("`{name}` is {description}, never `{text}`: the comparison is always {always}"),
            };
            self.issues.push(Issue::new(&at.span, message).with_optional_help(format.help));
        }
    }
}
