//! What the expressions of one policy can name, for editors: fields with their types, parameters, variables, functions.
//!
//! The policy need not be valid: what does not compile has any type.

mod reference;

use super::bindings::RequestDeclarations;
use super::source::NamedExpression;
use crate::cel::{self, Declarations as _, Env, Kinds, Root, RootMember};
use crate::contract::field_tree::FieldTree;
use crate::contract::glob::matches;
use crate::contract::{Contract, Operation};
use crate::policy::MatchedEnvironment;
use reference::{FUNCTIONS, FunctionEntry, LIBRARIES};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A name that an expression can have at some place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// What is written: `body`, `startsWith`.
    pub name: String,
    /// What it stands for.
    pub kind: WordKind,
    /// Its type, or what a function takes and gives.
    pub detail: String,
    /// What it is for; empty for what needs no explanation.
    pub about: String,
    /// Whether its value is a secret, or has one in it.
    pub is_secret: bool,
}

/// What a word stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WordKind {
    /// A name that expressions start from, such as `request`.
    Root,
    /// A field of the body, or a property of the request.
    Field,
    /// A value of `params`.
    Param,
    /// A variable of the policy.
    Variable,
    /// A function or macro.
    Function,
    /// The first part of the names of functions, such as `math`.
    Library,
}

/// The names that the expressions of one policy start from, with what is known of them.
#[derive(Debug)]
pub struct Vocabulary {
    operations: Vec<Arc<Operation>>,
    environments: Vec<MatchedEnvironment>,
    params: BTreeMap<String, Value>,
    variables: Vec<NamedExpression>,
}

/// What the roots are.
const ROOTS: [(&str, &str); 6] = [
    ("body", "the body, typed by the contract; what is absent reads as `null`"),
    ("request", "the request without its body"),
    ("client", "the caller, as far as the connection identifies it"),
    ("instance", "the instance of Clerk that the request is for"),
    ("params", "the values of `params` of this policy"),
    ("variables", "the variables of this policy"),
];

impl Vocabulary {
    /// The vocabulary of a policy that matches the operations `globs` of `contract`, in `environments`.
    pub fn new(
        contract: &Contract,
        globs: &[String],
        environments: Vec<MatchedEnvironment>,
        params: BTreeMap<String, Value>,
        variables: Vec<NamedExpression>,
    ) -> Self {
        let is_matched = |operation: &Arc<Operation>| globs.iter().any(|glob| matches(glob, &operation.id));
        let operations = contract.operations().into_iter().filter(is_matched).collect();
        Self { operations, environments, params, variables }
    }

    /// The words that an expression can begin with.
    pub fn roots(&self) -> Vec<Word> {
        let root = |(name, about): &(&str, &str)| word(name, WordKind::Root, String::new(), about);
        let library = |name: &&str| word(name, WordKind::Library, String::new(), "");
        let functions = FUNCTIONS.iter().filter(|it| it.receiver.is_none() && !it.name.contains('.'));
        let all = ROOTS.iter().map(root).chain(functions.map(of_function));
        once(all.chain(LIBRARIES.iter().filter(|name| **name != "ip").map(library)).collect())
    }

    /// The words that can follow `receiver` and a dot.
    pub fn members(&self, receiver: &str) -> Vec<Word> {
        let declarations = RequestDeclarations::new(&self.operations, &self.environments);
        let mut env = self.env(&declarations);
        if let Some(words) = self.members_of_root(receiver, &declarations, &mut env) {
            return words;
        }
        if LIBRARIES.contains(&receiver) && receiver != "ip" {
            let of_library = |it: &&FunctionEntry| it.name.split_once('.').is_some_and(|(first, _)| first == receiver);
            return once(FUNCTIONS.iter().filter(of_library).map(of_function).collect());
        }
        let r#type = env.type_of(receiver);
        let kinds = r#type.as_ref().map_or(Kinds::ANY, cel::Type::kinds);
        let mut names: BTreeSet<String> = r#type.iter().flat_map(cel::Type::member_names).map(str::to_owned).collect();
        names.extend(
            self.param(receiver).and_then(Value::as_object).into_iter().flatten().map(|(name, _)| name.clone()),
        );
        let fields = names.iter().map(|name| field(&format!("{receiver}.{name}"), name, &declarations, &mut env));
        let mut words: Vec<Word> = fields.collect();
        words.extend(FUNCTIONS.iter().filter(|it| it.receiver.is_some() && takes(it, kinds)).map(of_function));
        once(words)
    }

    fn env<'d>(&self, declarations: &'d RequestDeclarations<'d>) -> Env<'d> {
        let mut env = Env::new(declarations, &self.params);
        for variable in &self.variables {
            env.declare(&variable.name, &variable.expression);
        }
        env
    }

    /// The members of what is no value: the roots, and the namespaces in them. `None` for anything else.
    fn members_of_root(
        &self,
        receiver: &str,
        declarations: &RequestDeclarations<'_>,
        env: &mut Env<'_>,
    ) -> Option<Vec<Word>> {
        let mut member = |name: &str| field(&format!("{receiver}.{name}"), name, declarations, env);
        match receiver {
            "body" => {
                let names: BTreeSet<&str> = declarations.bodies().flat_map(FieldTree::names).collect();
                Some(names.into_iter().map(&mut member).collect())
            }
            "request.params" => Some(declarations.parameters().into_iter().map(&mut member).collect()),
            "params" => Some(self.params.keys().map(|name| Word { kind: WordKind::Param, ..member(name) }).collect()),
            "variables" => {
                let words = self.variables.iter().map(|variable| Word {
                    kind: WordKind::Variable,
                    about: variable.expression.clone(),
                    ..member(&variable.name)
                });
                Some(words.collect())
            }
            // clients and operators decide the names in the other namespaces
            _ if is_namespace(receiver, declarations) => Some(Vec::new()),
            _ => {
                let root = declarations.roots().iter().find(|(name, _)| *name == receiver)?.1;
                let Root::Members(members) = root else { return None };
                let words = members.iter().map(|(name, it)| match it {
                    RootMember::Attribute(_) => member(name),
                    RootMember::Namespace(_) => word(name, WordKind::Field, "map of strings".to_owned(), ""),
                });
                Some(words.collect())
            }
        }
    }

    /// The value of `params.a.b`.
    fn param(&self, expression: &str) -> Option<&Value> {
        let mut names = expression.strip_prefix("params.")?.split('.');
        let first = self.params.get(names.next()?)?;
        names.try_fold(first, |value, name| value.get(name))
    }
}

/// The word `name` that stands for the value of `expression`.
fn field(expression: &str, name: &str, declarations: &RequestDeclarations<'_>, env: &mut Env<'_>) -> Word {
    let kinds = env.type_of(expression).map_or(Kinds::ANY, |it| it.kinds());
    let is_secret = expression.strip_prefix("body.").is_some_and(|path| {
        declarations.bodies().any(|body| {
            let mut steps = path.split('.');
            steps.try_fold(body, |tree, step| tree.member(step)).is_some_and(FieldTree::holds_secret)
        })
    });
    Word { is_secret, ..word(name, WordKind::Field, kinds.notation(), "") }
}

/// Whether `receiver` is a member of a root that has values by names, such as `request.headers`.
fn is_namespace(receiver: &str, declarations: &RequestDeclarations<'_>) -> bool {
    let Some((root, member)) = receiver.split_once('.') else { return false };
    let members = declarations.roots().iter().find_map(|(name, it)| match it {
        Root::Members(members) if *name == root => Some(*members),
        _ => None,
    });
    let is_it = |(name, it): &(&str, RootMember)| *name == member && matches!(it, RootMember::Namespace(_));
    members.is_some_and(|members| members.iter().any(is_it))
}

fn word(name: &str, kind: WordKind, detail: String, about: &str) -> Word {
    Word { name: name.to_owned(), kind, detail, about: about.to_owned(), is_secret: false }
}

fn of_function(entry: &FunctionEntry) -> Word {
    let signatures = cel::signatures(&entry.name);
    let name = entry.name.rsplit('.').next().unwrap_or_default();
    let notation = signatures.iter().map(|(_, notation)| format!("{name}{notation}"));
    let detail = if signatures.is_empty() { entry.usage.clone() } else { notation.collect::<Vec<_>>().join("\n") };
    let about = format!("`{}`: {}.\n\nExample: `{}`", entry.usage, entry.gives, entry.example);
    word(name, WordKind::Function, detail, &about)
}

/// Whether the function can be called on a value of these kinds.
fn takes(entry: &FunctionEntry, kinds: Kinds) -> bool {
    let signatures = cel::signatures(&entry.name);
    if !signatures.is_empty() {
        return signatures.iter().any(|(first, _)| first.meets(kinds));
    }
    match entry.receiver.as_deref() {
        // macros go through the keys of a map as through the elements of a list
        Some("list") => kinds.meets(Kinds::LIST.or(Kinds::MAP)),
        Some("map") => kinds.meets(Kinds::MAP),
        _ => true,
    }
}

/// Each name once, the first of its entries.
fn once(words: Vec<Word>) -> Vec<Word> {
    let mut seen = BTreeSet::new();
    words.into_iter().filter(|word| seen.insert(word.name.clone())).collect()
}
