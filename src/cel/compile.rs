//! Compiles the expressions of a policy.

use super::activation::Value;
use super::check::{Checked, Checker};
use super::env::{Env, Variable};
use super::expression::{Expression, ValueExpression, Variables};
use super::issue::Issue;
use super::key::Key;
use super::kind::Kinds;
use super::lookups::Lookups;
use super::node::Op;
use super::source_info::SourceInfo;
use super::syntax::{Syntax, parse};
use super::types::Type;

/// What a condition or validation is for, which decides whether it may be a constant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Decides whether the document applies; holds the consequence if it never does.
    Condition(&'static str),
    /// Decides whether a request passes.
    Validation,
}

/// An expression after parsing and checking.
struct Loaded<'c> {
    checked: Checked<'c>,
    source: SourceInfo,
    depth: usize,
    /// Whether the source is one literal.
    is_literal: bool,
    issues: Vec<Issue>,
}

impl<'c> Env<'c> {
    /// Declares a variable and returns the errors in its expression. A variable with errors is declared too, so that they do not
    /// cause others.
    pub(crate) fn declare(&mut self, name: &str, source: &str) -> Vec<Issue> {
        let Loaded { checked, source, depth, issues, .. } = self.load(source, false);
        // kept with the variable: an expression that uses it looks them up too, and one that does not, does not
        let lookups = self.take_lookups();
        self.variables.push(Variable {
            name: name.into(),
            source,
            node: checked.node,
            r#type: checked.r#type,
            depth,
            lookups,
            is_broken: !issues.is_empty(),
        });
        issues
    }

    /// Compiles an expression that must be true or false.
    ///
    /// # Errors
    ///
    /// The errors in it.
    pub(crate) fn compile(&mut self, source: &str, purpose: Purpose) -> Result<Expression, Vec<Issue>> {
        let mut loaded = self.load(source, true);
        if loaded.issues.is_empty() {
            let issue = self.truth_issue(&loaded, purpose);
            loaded.issues.extend(issue);
        }
        let Loaded { checked, source, issues, .. } = loaded;
        if issues.is_empty() { Ok(Expression { node: checked.node, source }) } else { Err(issues) }
    }

    /// The errors in an expression, apart from one that is always true or never.
    pub(crate) fn type_issues(&mut self, source: &str) -> Vec<Issue> {
        self.load(source, true).issues
    }

    /// What is known of the value of an expression. `None` if it has an error.
    pub(crate) fn type_of(&mut self, source: &str) -> Option<Type<'c>> {
        let loaded = self.load(source, false);
        loaded.issues.is_empty().then_some(loaded.checked.r#type)
    }

    /// Compiles an expression whose value groups requests.
    ///
    /// # Errors
    ///
    /// The errors in it.
    pub(crate) fn compile_key(&mut self, source: &str) -> Result<ValueExpression, Vec<Issue>> {
        let mut loaded = self.load(source, false);
        if loaded.issues.is_empty() {
            let issue = self.key_issue(&loaded, &self.lookups);
            loaded.issues.extend(issue);
        }
        let Loaded { checked, source, issues, .. } = loaded;
        if issues.is_empty() { Ok(ValueExpression { node: checked.node, source }) } else { Err(issues) }
    }

    /// Compiles an expression whose value is a whole number. `what` names it in errors, such as `cost`.
    ///
    /// # Errors
    ///
    /// The errors in it.
    pub(crate) fn compile_integer(&mut self, source: &str, what: &str) -> Result<ValueExpression, Vec<Issue>> {
        let mut loaded = self.load(source, false);
        if loaded.issues.is_empty() {
            let all = 0..loaded.source.source().len();
            let kinds = loaded.checked.r#type.kinds;
            let objection = self.declarations.secret_objection(what, &self.lookups);
            let issue = objection.map(|it| Issue::new(&all, it.message).with_optional_help(it.help)).or_else(|| {
                // not only `may be`: a number that is absent is null, and counts nothing
                let message = format!("the {what} may be {kinds}, and must be {}", Kinds::INT.or(Kinds::UINT));
                let is_integer = Kinds::INT.or(Kinds::UINT).contains(kinds);
                (!is_integer).then(|| Issue::new(&all, message).with_help("convert it, as in `int(...)`"))
            });
            loaded.issues.extend(issue);
        }
        let Loaded { checked, source, issues, .. } = loaded;
        if issues.is_empty() { Ok(ValueExpression { node: checked.node, source }) } else { Err(issues) }
    }

    /// The variables, and the entries that any expression looked up.
    pub(crate) fn finish(self) -> (Variables, Lookups) {
        let (nodes, sources): (Vec<_>, Vec<_>) =
            self.variables.into_iter().map(|variable| (variable.node, variable.source)).unzip();
        (Variables { nodes: nodes.into(), sources: sources.into() }, self.all_lookups)
    }

    /// Parses and checks `source`; if `is_truth`, it must be true or false.
    fn load(&mut self, source: &str, is_truth: bool) -> Loaded<'c> {
        match parse(source) {
            Ok(tree) => {
                let mut checker = Checker::new(self, source);
                checker.is_truth = is_truth;
                let root = checker.check(&tree);
                let (source, depth, issues) = checker.finish();
                // the next expression continues, so that ids are unique in the environment
                self.next_id = source.next_id();
                let is_literal = matches!(tree.syntax, Syntax::Literal(_));
                Loaded { checked: root, source, depth, is_literal, issues }
            }
            Err(issue) => Loaded {
                checked: Checked::unknown(),
                source: SourceInfo::new(source, self.next_id),
                depth: 0,
                is_literal: false,
                issues: vec![issue],
            },
        }
    }

    /// Why the expression cannot be a key.
    fn key_issue(&self, loaded: &Loaded<'_>, lookups: &Lookups) -> Option<Issue> {
        let all = 0..loaded.source.source().len();
        let kinds = loaded.checked.r#type.kinds;
        // first, because it cannot be fixed by a conversion
        if let Some(objection) = self.declarations.secret_objection("key", lookups) {
            return Some(Issue::new(&all, objection.message).with_optional_help(objection.help));
        }
        if loaded.checked.as_constant().is_some() {
            let issue = Issue::new(&all, "the key is the same for every request");
            return Some(issue.with_help("leave `key` out to count all requests together"));
        }
        if !Key::KINDS.contains(kinds) {
            let message = format!("the key may be {kinds}, and must be {}", Key::KINDS);
            return Some(Issue::new(&all, message).with_help("convert it, as in `string(...)`"));
        }
        None
    }

    /// Why the expression does not distinguish requests: it is not a `bool`, or the same for every request.
    fn truth_issue(&self, loaded: &Loaded<'_>, purpose: Purpose) -> Option<Issue> {
        let (source, checked) = (loaded.source.source(), &loaded.checked);
        let all = 0..source.len();
        if !checked.r#type.kinds.meets(Kinds::BOOL) {
            let message = format!("the expression gives {}, and must give a bool", checked.r#type.kinds);
            return Some(Issue::new(&all, message).with_help("compare it with something"));
        }
        // a field by itself passes the type check if it may be a `bool`, and fails for each request without it
        if matches!(checked.node.op, Op::Entry(..)) {
            let message = format!("`{source}` reads as null where it is absent, and null is not true or false");
            return Some(Issue::new(&all, message).with_help(format!("write `{source} == true`")));
        }
        let truth = match checked.as_constant() {
            Some(Value::Bool(truth)) => Some(*truth),
            Some(_) => None,
            None => self.constant_truth_of_nodes(&[], &[&checked.node]),
        };
        match (truth?, purpose) {
            (true, Purpose::Validation) => {
                Some(Issue::new(&all, "the expression is always true, so it checks nothing"))
            }
            // `false` as a literal is a deliberate refusal of every request; the same from a calculation is an error
            (false, Purpose::Validation) if !loaded.is_literal => Some(
                Issue::new(&all, "the expression is never true, so no request passes")
                    .with_help("to refuse every request that the policy matches, write `false`"),
            ),
            (false, Purpose::Condition(consequence)) => {
                Some(Issue::new(&all, format!("the condition is never true, so {consequence}")))
            }
            _ => None,
        }
    }
}
