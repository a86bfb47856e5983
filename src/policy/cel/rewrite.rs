//! What is changed in an expression after parsing, where CEL's own meaning does not fit a typed body.
//!
//! - `has(body.x)` asks whether the body has the member, while `body.x` reads as `null` where it is absent: the former goes to
//!   [`PRESENT_BODY`], which knows no defaults.
//! - `variables.x` is replaced by the expression that `x` stands for: evaluated only where it is used.
//! - `body.x` becomes one name, `json.size(x)` one function: CEL puts dotted names together anew at each evaluation.
//! - `a == b` compares lists and maps from both sides: a literal list does not know how to compare itself with a body's.

use super::expression::{Names, children};
use super::{equality, size};
use cel::IdedExpr;
use cel::common::ast::{CallExpr, EntryExpr, Expr, operators};

/// The body without defaults for absent members. No expression can name it: `@` is not part of CEL's identifiers.
pub(super) const PRESENT_BODY: &str = "@body";

/// What the name of a member of the body starts with.
pub(super) const BODY_MEMBER: &str = "body.";

/// Variables by name, each already rewritten.
pub(super) type Variables = [(String, IdedExpr)];

/// Rewrites `expression` and all inside it. The tree is not deeper than [`super::expression`] allows.
pub(super) fn rewrite(expression: &mut IdedExpr, variables: &Variables) {
    if let Some(variable) = variable(expression, variables) {
        *expression = variable.clone();
        return;
    }
    for child in children_mut(expression) {
        rewrite(child, variables);
    }
    match &mut expression.expr {
        Expr::Select(select) if select.test => {
            if let Some(Expr::Ident(root)) = root_mut(&mut select.operand).map(|root| &mut root.expr)
                && root == "body"
            {
                PRESENT_BODY.clone_into(root);
            }
        }
        Expr::Select(select) if matches!(&select.operand.expr, Expr::Ident(root) if root == "body") => {
            expression.expr = Expr::Ident(format!("{BODY_MEMBER}{}", select.field));
        }
        Expr::Call(call) if call.func_name == "size" && call.target.as_deref().is_some_and(is_json) => {
            (call.target, call.func_name) = (None, size::FUNCTION.to_owned());
        }
        Expr::Call(call) if compares_containers(call) => {
            let negated = call.func_name == operators::NOT_EQUALS;
            equality::FUNCTION.clone_into(&mut call.func_name);
            if negated {
                let inner = std::mem::take(expression);
                let id = inner.id;
                let call = CallExpr { func_name: operators::LOGICAL_NOT.to_owned(), target: None, args: vec![inner] };
                *expression = IdedExpr { id, expr: Expr::Call(call) };
            }
        }
        _ => {}
    }
}

/// What `variables.x` stands for. Unknown names stay as they are: loading reports them.
fn variable<'v>(expression: &IdedExpr, variables: &'v Variables) -> Option<&'v IdedExpr> {
    let Expr::Select(select) = &expression.expr else { return None };
    let is_variable = matches!(&select.operand.expr, Expr::Ident(root) if root == "variables");
    let found = variables.iter().find(|(name, _)| *name == select.field)?;
    (is_variable && !select.test).then_some(&found.1)
}

/// `==` and `!=` between what may both be lists or maps; a scalar literal on either side rules that out.
fn compares_containers(call: &CallExpr) -> bool {
    let compares = call.func_name == operators::EQUALS || call.func_name == operators::NOT_EQUALS;
    compares && call.args.len() == 2 && !call.args.iter().any(|arg| matches!(arg.expr, Expr::Literal(_)))
}

fn root_mut(expression: &mut IdedExpr) -> Option<&mut IdedExpr> {
    match expression.expr {
        Expr::Ident(_) => Some(expression),
        Expr::Select(ref mut select) => root_mut(&mut select.operand),
        _ => None,
    }
}

fn children_mut(expression: &mut IdedExpr) -> Vec<&mut IdedExpr> {
    match &mut expression.expr {
        Expr::Call(call) => call.target.as_deref_mut().into_iter().chain(&mut call.args).collect(),
        Expr::Select(select) => vec![&mut select.operand],
        Expr::List(list) => list.elements.iter_mut().collect(),
        Expr::Map(map) => map.entries.iter_mut().flat_map(|entry| entry_parts_mut(&mut entry.expr)).collect(),
        Expr::Struct(fields) => fields.entries.iter_mut().flat_map(|entry| entry_parts_mut(&mut entry.expr)).collect(),
        Expr::Comprehension(inner) => {
            let inner = inner.as_mut();
            vec![
                &mut inner.iter_range,
                &mut inner.accu_init,
                &mut inner.loop_cond,
                &mut inner.loop_step,
                &mut inner.result,
            ]
        }
        Expr::Ident(_) | Expr::Literal(_) | Expr::Unspecified => Vec::new(),
    }
}

fn entry_parts_mut(entry: &mut EntryExpr) -> Vec<&mut IdedExpr> {
    match entry {
        EntryExpr::StructField(field) => vec![&mut field.value],
        EntryExpr::MapEntry(entry) => vec![&mut entry.key, &mut entry.value],
    }
}

/// Collects the dotted names in `expression`; `bound` holds the variables of the comprehensions around it.
pub(super) fn collect_names(expression: &IdedExpr, bound: &mut Vec<String>, names: &mut Names) {
    if let Some(path) = dotted(expression) {
        if !path.first().is_some_and(|root| bound.contains(root)) {
            names.push(path);
        }
        return;
    }
    if let Expr::Comprehension(inner) = &expression.expr {
        collect_names(&inner.iter_range, bound, names);
        let depth = bound.len();
        bound.extend([inner.iter_var.clone(), inner.accu_var.clone()]);
        bound.extend(inner.iter_var2.clone());
        for part in [&inner.accu_init, &inner.loop_cond, &inner.loop_step, &inner.result] {
            collect_names(part, bound, names);
        }
        bound.truncate(depth);
    }
    for child in children(expression) {
        collect_names(child, bound, names);
    }
}

/// Whether `target` is no value but the first part of a function's name, as in `json.size(x)`.
fn is_json(target: &IdedExpr) -> bool {
    matches!(&target.expr, Expr::Ident(name) if name == "json")
}

/// The segments of `a.b["c"].d`, as far as they are literal; `has(a.b)` counts as `a.b`.
fn dotted(expression: &IdedExpr) -> Option<Vec<String>> {
    match &expression.expr {
        Expr::Ident(name) if name == PRESENT_BODY => Some(vec!["body".to_owned()]),
        Expr::Ident(name) => Some(match name.strip_prefix(BODY_MEMBER) {
            Some(member) => vec!["body".to_owned(), member.to_owned()],
            None => vec![name.clone()],
        }),
        Expr::Select(select) => {
            let mut path = dotted(&select.operand)?;
            path.push(select.field.clone());
            Some(path)
        }
        Expr::Call(call) if call.func_name == operators::INDEX => match call.args.as_slice() {
            [operand, key] => match &key.expr {
                Expr::Literal(cel::common::ast::LiteralValue::String(key)) => {
                    let mut path = dotted(operand)?;
                    path.push(key.inner().to_owned());
                    Some(path)
                }
                _ => None,
            },
            _ => None,
        },
        _ => None,
    }
}
