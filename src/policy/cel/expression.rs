//! One CEL expression: parsed once, bounded in size and depth, evaluated often.

use super::{equality, rewrite, size};
use cel::common::ast::{ComprehensionExpr, EntryExpr, Expr};
use cel::common::types::CelBool;
use cel::parser::PrattParser;
use cel::{Context, Env, ExecutionError, IdedExpr, Value};
use std::fmt;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

/// Longest source, in bytes.
const LONGEST: usize = 4096;
/// Deepest tree. Evaluation recurses on the worker's stack; a chain such as `1+1+...` is as deep as it is long.
const DEEPEST: usize = 64;
/// Most parts of an expression, so that variables built from each other cannot grow without bound.
const LARGEST: usize = 4096;
/// Deepest nesting of `all`, `exists`, `map` and the like: each multiplies the cost by the length of a list.
const NESTED_COMPREHENSIONS: usize = 2;

/// Names that expressions start from.
pub(in crate::policy) const ROOTS: [&str; 6] = ["body", "request", "client", "instance", "params", "variables"];

/// A CEL expression, ready to be evaluated.
#[derive(Debug)]
pub struct Expression {
    tree: IdedExpr,
}

/// Why a text is no expression that may be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpressionError {
    /// What is wrong.
    pub message: String,
    /// The bytes of the source that are wrong, where known.
    pub span: Option<Range<usize>>,
}

/// Why an expression has no value. Holds none of the values that were involved: `cel`'s own messages print them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EvaluationError {
    /// A key that is not there.
    NoSuchKey,
    /// An operator or function that is not for values of these types, such as `null && true`.
    NoSuchOverload,
    /// A number out of range, or a division by zero.
    Arithmetic,
    /// The result is not of the type that is needed.
    WrongType,
    /// Anything else.
    Other,
}

impl fmt::Display for EvaluationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoSuchKey => "no such key",
            Self::NoSuchOverload => "operator or function not for values of these types",
            Self::Arithmetic => "number out of range or division by zero",
            Self::WrongType => "result is not a boolean",
            Self::Other => "evaluation failed",
        })
    }
}

impl From<&ExecutionError> for EvaluationError {
    fn from(error: &ExecutionError) -> Self {
        match error {
            ExecutionError::NoSuchKey(_) | ExecutionError::IndexOutOfBounds(_) => Self::NoSuchKey,
            ExecutionError::Overflow(..) | ExecutionError::DivisionByZero(_) | ExecutionError::RemainderByZero(_) => {
                Self::Arithmetic
            }
            ExecutionError::UnexpectedType { .. } => Self::WrongType,
            ExecutionError::NoSuchOverload(_)
            | ExecutionError::ValuesNotComparable(..)
            | ExecutionError::UnsupportedBinaryOperator(..)
            | ExecutionError::UnsupportedIndex(..) => Self::NoSuchOverload,
            _ => Self::Other,
        }
    }
}

/// A dotted name that an expression uses, such as `["body", "password"]`.
pub(super) type Names = Vec<Vec<String>>;

/// The standard library of CEL and our functions; made once, because making it costs more than most evaluations.
pub(super) fn environment() -> &'static Arc<Env> {
    static ENVIRONMENT: OnceLock<Arc<Env>> = OnceLock::new();
    ENVIRONMENT.get_or_init(|| {
        let mut env = Env::stdlib();
        size::declare(&mut env);
        equality::declare(&mut env);
        Arc::new(env)
    })
}

impl Expression {
    /// Parses `source`, puts the expressions of `variables` in their places, and checks the bounds.
    ///
    /// # Errors
    ///
    /// What is wrong and where in `source`.
    pub(in crate::policy) fn parse(source: &str, variables: &[(String, IdedExpr)]) -> Result<Self, ExpressionError> {
        if source.len() > LONGEST {
            return Err(ExpressionError { message: format!("expression is longer than {LONGEST} bytes"), span: None });
        }
        let parser = PrattParser::new().max_recursion_depth(64).error_reporting_limit(1);
        let mut tree = parser.parse(source).map_err(|errors| syntax_error(source, &errors))?;
        check_bounds(&tree)?;
        rewrite::rewrite(&mut tree, variables);
        check_bounds(&tree)?;
        Ok(Self { tree })
    }

    /// The dotted names that the expression uses, but for those that it binds itself.
    pub(in crate::policy) fn names(&self) -> Names {
        let mut names = Vec::new();
        rewrite::collect_names(&self.tree, &mut Vec::new(), &mut names);
        names
    }

    /// Whether the expression is true.
    ///
    /// # Errors
    ///
    /// It has no value, or one that is not a boolean.
    pub(in crate::policy) fn is_true(&self, context: &Context<'_, '_>) -> Result<bool, EvaluationError> {
        let value = Value::resolve_val(&self.tree, context).map_err(|error| EvaluationError::from(&error))?;
        value.downcast_ref::<CelBool>().map(|value| *value.inner()).ok_or(EvaluationError::WrongType)
    }

    /// The expression as a tree, to be put in the place of a variable.
    pub(in crate::policy) fn into_tree(self) -> IdedExpr {
        self.tree
    }
}

/// Whether evaluating `tree` is bounded in depth and cost.
fn check_bounds(tree: &IdedExpr) -> Result<(), ExpressionError> {
    let mut measure = Measure::default();
    measure.visit(tree, 1, 0);
    let too = |message: &str| Err(ExpressionError { message: message.to_owned(), span: None });
    if measure.nodes > LARGEST {
        return too("expression has more than 4096 parts, those of its variables included");
    }
    if measure.depth > DEEPEST {
        return too("expression nests deeper than 64 levels, those of its variables included");
    }
    if measure.comprehensions > NESTED_COMPREHENSIONS {
        return too("expression nests more than 2 of `all`, `exists`, `map` and `filter`");
    }
    if measure.shadows {
        return too("expression gives a variable of `all`, `exists`, `map` or `filter` the name of something else");
    }
    Ok(())
}

fn syntax_error(source: &str, errors: &cel::parser::ParseErrors) -> ExpressionError {
    let Some(error) = errors.errors.first() else {
        return ExpressionError { message: "not a CEL expression".to_owned(), span: None };
    };
    let (line, column) = (usize::try_from(error.pos.0).unwrap_or(1), usize::try_from(error.pos.1).unwrap_or(1));
    let line_start: usize = source.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    let start = (line_start + column.saturating_sub(1)).min(source.len());
    let first_line = error.msg.lines().next().unwrap_or_default();
    ExpressionError {
        message: format!("not a CEL expression: {first_line}"),
        span: Some(start..(start + 1).min(source.len())),
    }
}

/// How deep a tree is. Recursion is bounded: it stops where a bound is passed.
#[derive(Default)]
struct Measure {
    nodes: usize,
    depth: usize,
    comprehensions: usize,
    shadows: bool,
}

impl Measure {
    fn visit(&mut self, expression: &IdedExpr, depth: usize, comprehensions: usize) {
        self.depth = self.depth.max(depth);
        self.comprehensions = self.comprehensions.max(comprehensions);
        self.nodes += 1;
        if self.nodes > LARGEST || depth > DEEPEST || comprehensions > NESTED_COMPREHENSIONS {
            return;
        }
        if let Expr::Comprehension(comprehension) = &expression.expr {
            let ComprehensionExpr { iter_range, iter_var, accu_init, loop_cond, loop_step, result, .. } =
                comprehension.as_ref();
            self.shadows |= ROOTS.contains(&iter_var.as_str());
            self.visit(iter_range, depth + 1, comprehensions);
            for inner in [accu_init, loop_cond, loop_step, result] {
                self.visit(inner, depth + 1, comprehensions + 1);
            }
        }
        for child in children(expression) {
            self.visit(child, depth + 1, comprehensions);
        }
    }
}

/// The expressions directly inside `expression`, but for those of a comprehension.
pub(super) fn children(expression: &IdedExpr) -> Vec<&IdedExpr> {
    match &expression.expr {
        Expr::Call(call) => call.target.as_deref().into_iter().chain(&call.args).collect(),
        Expr::Select(select) => vec![&select.operand],
        Expr::List(list) => list.elements.iter().collect(),
        Expr::Map(map) => map.entries.iter().flat_map(|entry| entry_parts(&entry.expr)).collect(),
        Expr::Struct(fields) => fields.entries.iter().flat_map(|entry| entry_parts(&entry.expr)).collect(),
        Expr::Comprehension(_) | Expr::Ident(_) | Expr::Literal(_) | Expr::Unspecified => Vec::new(),
    }
}

fn entry_parts(entry: &EntryExpr) -> Vec<&IdedExpr> {
    match entry {
        EntryExpr::StructField(field) => vec![&field.value],
        EntryExpr::MapEntry(entry) => vec![&entry.key, &entry.value],
    }
}
