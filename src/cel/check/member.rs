//! Members: of the host's roots, of the policy's own names, and of values.

use super::checked::Checked;
use super::checker::Checker;
use crate::cel::activation::Value;
use crate::cel::declarations::{Rejection, Root, RootMember};
use crate::cel::ids::NamespaceId;
use crate::cel::issue::Issue;
use crate::cel::kind::Kinds;
use crate::cel::node::{Node, Op};
use crate::cel::syntax::{Syntax, Tree};
use crate::cel::types::Type;
use std::ops::Range;

impl<'c> Checker<'_, 'c> {
    /// `of.name`
    pub(super) fn select(&mut self, of: &Tree, name: &str, at: &Range<usize>) -> Checked<'c> {
        if let Some(namespace) = self.namespace(of) {
            return self.entry(namespace, name, at);
        }
        if let Some(root) = self.root(of) {
            return self.member_of_root(root, name, at);
        }
        let of_part = self.check(of);
        self.member(of, of_part, name, at)
    }

    /// `of.name`, where `of` is a value.
    pub(super) fn member(&mut self, of: &Tree, of_part: Checked<'c>, name: &str, at: &Range<usize>) -> Checked<'c> {
        let r#type = self.member_type(of, &of_part, name, at);
        let node = Op::Member(Box::new(of_part.node), Value::Text(name.into()));
        Checked::new(node, r#type, of_part.depends)
    }

    /// `has(of.name)`
    pub(super) fn has(&mut self, of: &Tree, name: &str, at: &Range<usize>) -> Checked<'c> {
        if let Some(namespace) = self.namespace(of) {
            self.entry(namespace, name, at);
            let key = Node::from(Op::Constant(Value::Text(name.into())));
            return Checked::of_request(Op::HasEntry(namespace, Box::new(key)), Type::of(Kinds::BOOL));
        }
        if let Some(root) = self.root(of) {
            // reported where it is not there
            self.member_of_root(root, name, at);
            return Checked { r#type: Type::of(Kinds::BOOL), ..Checked::constant(Value::Bool(true)) };
        }
        let of_part = self.check(of);
        self.member_type(of, &of_part, name, at);
        let node = Op::HasMember(Box::new(of_part.node), Value::Text(name.into()));
        Checked::new(node, Type::of(Kinds::BOOL), of_part.depends)
    }

    /// `of[key]`
    pub(super) fn index(&mut self, sides: &[Tree; 2]) -> Checked<'c> {
        let [of, key] = sides;
        let literal = literal_text(key);
        if let Some(namespace) = self.namespace(of) {
            if let Some(name) = literal {
                return self.entry(namespace, name, &inside_quotes(&key.span));
            }
            let key_part = self.check(key);
            if let Some(Value::Text(name)) = key_part.as_constant().cloned() {
                return self.entry(namespace, &name, &key.span);
            }
            self.expect(key, &key_part, Kinds::STRING, "a name here");
            self.env.record_lookup(namespace, None);
            return Checked::of_request(
                Op::EntryAt(namespace, Box::new(key_part.node)),
                self.env.declarations.any_entry_type(namespace),
            );
        }
        if let Some(root) = self.root(of) {
            if let Some(name) = literal {
                return self.member_of_root(root, name, &inside_quotes(&key.span));
            }
            let message = format!("a member of `{root}` is asked for by its name, written out");
            return self.reject(Issue::new(&key.span, message));
        }
        let of_part = self.check(of);
        self.item(sides, of_part)
    }

    /// `of[key]`, where `of` is a value.
    pub(super) fn item(&mut self, sides: &[Tree; 2], of_part: Checked<'c>) -> Checked<'c> {
        let [of, key] = sides;
        let (literal, key_part) = (literal_text(key), self.check(key));
        let depends = of_part.depends.or(key_part.depends);
        let kinds = of_part.r#type.kinds;
        self.expect(of, &of_part, Kinds::LIST.or(Kinds::MAP), "what is before `[`");
        if !kinds.meets(Kinds::LIST.or(Kinds::MAP)) {
            return Checked::unknown();
        }
        if let (false, Some(Value::Int(position @ ..0))) = (kinds.meets(Kinds::MAP), key_part.as_constant()) {
            let message = format!("the first position in a list is `0`, but this is `{position}`");
            self.issues.push(Issue::new(&key.span, message));
        }
        let keys = if !kinds.meets(Kinds::LIST) {
            Kinds::KEY.or(Kinds::DOUBLE).and(of_part.r#type.key().or(Kinds::DOUBLE))
        } else if !kinds.meets(Kinds::MAP) {
            Kinds::NUMBER
        } else {
            Kinds::KEY.or(Kinds::DOUBLE)
        };
        self.expect(key, &key_part, keys, "what is between `[` and `]`");
        let r#type = match literal {
            Some(name) => self.member_type(of, &of_part, name, &inside_quotes(&key.span)),
            None if !kinds.meets(Kinds::MAP) => of_part.r#type.item(),
            None => Type::ANY,
        };
        Checked::new(Op::Index(Box::new([of_part.node, key_part.node])), r#type, depends)
    }

    /// `wanted in container`, where the container is a namespace.
    pub(super) fn in_namespace(&mut self, wanted: &Tree, namespace: NamespaceId) -> Checked<'c> {
        let part = self.check(wanted);
        self.expect(wanted, &part, Kinds::STRING, "what is before `in`");
        match part.as_constant().and_then(Value::as_str).map(str::to_owned) {
            Some(name) => {
                let at = if literal_text(wanted).is_some() { inside_quotes(&wanted.span) } else { wanted.span.clone() };
                self.entry(namespace, &name, &at);
            }
            None => self.env.record_lookup(namespace, None),
        }
        Checked::of_request(Op::HasEntry(namespace, Box::new(part.node)), Type::of(Kinds::BOOL))
    }

    /// The namespace that `tree` names; `None` if it names something else.
    pub(super) fn namespace(&self, tree: &Tree) -> Option<NamespaceId> {
        let member = |of: &Tree, name: &str| {
            let members = self.env.members(self.root(of)?);
            members.iter().find_map(|(known, member)| match member {
                RootMember::Namespace(namespace) if *known == name => Some(*namespace),
                _ => None,
            })
        };
        match &tree.syntax {
            Syntax::Name(name) if self.local(name).is_none() => match self.env.root(name)? {
                Root::Namespace(namespace) => Some(namespace),
                Root::Members(_) => None,
            },
            Syntax::Select { of, name, .. } => member(of, name),
            Syntax::Index(sides) => {
                let [of, key] = sides.as_ref();
                member(of, literal_text(key)?)
            }
            _ => None,
        }
    }

    /// The root that `tree` names; `None` if the variable of a comprehension hides it.
    pub(super) fn root<'t>(&self, tree: &'t Tree) -> Option<&'t str> {
        match &tree.syntax {
            Syntax::Name(name) if self.env.is_root(name) && self.local(name).is_none() => Some(name),
            _ => None,
        }
    }

    /// The entry of `namespace` called `name`.
    fn entry(&mut self, namespace: NamespaceId, name: &str, at: &Range<usize>) -> Checked<'c> {
        // copied out of the environment: the result borrows from the declarations, not from the checker
        let declarations = self.env.declarations;
        match declarations.entry_type(namespace, name) {
            Ok(r#type) => {
                self.env.record_lookup(namespace, Some(name));
                Checked::of_request(Op::Entry(namespace, name.into()), r#type)
            }
            Err(Rejection::Undeclared { what, known }) => {
                let issue = self.unknown_name(at, name, what, &known);
                self.reject(issue)
            }
            Err(Rejection::Denied(objection)) => {
                self.reject(Issue::new(at, objection.message).with_optional_help(objection.help))
            }
        }
    }

    fn member_of_root(&mut self, root: &str, name: &str, at: &Range<usize>) -> Checked<'c> {
        match root {
            "params" => return self.param(name, at),
            "variables" => return self.variable(name, at),
            _ => {}
        }
        let members = self.env.members(root);
        match members.iter().find(|(known, _)| *known == name) {
            Some((_, RootMember::Attribute(attribute))) => {
                let r#type = self.env.declarations.attribute_type(*attribute);
                Checked::of_request(Op::Attribute(*attribute), r#type)
            }
            Some((_, RootMember::Namespace(_))) => {
                let issue = Issue::new(at, format!("`{root}.{name}` is no value by itself"));
                self.reject(issue.with_help(format!("ask for one of its entries, as in `{root}.{name}[\"name\"]`")))
            }
            None if self.env.is_root(name) => {
                let issue = Issue::new(at, format!("`{name}` is not a member of `{root}`"));
                self.reject(issue.with_help(format!("write `{name}` without `{root}.`")))
            }
            None => {
                let known: Vec<&str> = members.iter().map(|(known, _)| *known).collect();
                let issue = self.unknown_name(at, name, &format!("is not a member of `{root}`"), &known);
                self.reject(issue)
            }
        }
    }

    fn param(&mut self, name: &str, at: &Range<usize>) -> Checked<'c> {
        let params = self.env.params.entries().unwrap_or_default();
        let found = params.iter().find(|(key, _)| key.as_str() == Some(name)).map(|(_, value)| value.clone());
        if let Some(value) = found {
            return Checked::constant(value);
        }
        let known: Vec<&str> = params.iter().filter_map(|(key, _)| key.as_str()).collect();
        let issue = self.unknown_name(at, name, "is not one of the policy's `params`", &known);
        self.reject(issue)
    }

    fn variable(&mut self, name: &str, at: &Range<usize>) -> Checked<'c> {
        let found = self.env.variables.iter().enumerate().find(|(_, variable)| *variable.name == *name);
        let Some((position, variable)) = found else {
            let known: Vec<&str> = self.env.variables.iter().map(|variable| variable.name.as_ref()).collect();
            let issue = self.unknown_name(at, name, "is not one of the `variables` declared before", &known);
            return self.reject(issue);
        };
        // its error is reported at its declaration
        if variable.is_broken {
            return Checked::unknown();
        }
        // copied, so that the expression around it can be folded as well
        if let Op::Constant(value) = &variable.node.op {
            return Checked::constant(value.clone());
        }
        let (r#type, depth) = (variable.r#type.clone(), self.depth + variable.depth);
        self.env.lookups.extend(&variable.lookups);
        self.check_depth(depth, at);
        Checked::of_request(Op::Variable(position), r#type)
    }

    /// What a member of a value is; what is wrong with asking for it is reported.
    fn member_type(&mut self, of: &Tree, part: &Checked<'c>, name: &str, at: &Range<usize>) -> Type<'c> {
        let kinds = part.r#type.kinds;
        if !kinds.meets(Kinds::MAP) {
            // of `list["name"]` the caller reports the type of the key
            if kinds != Kinds::LIST {
                let text = self.text(&of.span);
                let is_size = matches!(name, "size" | "length" | "len" | "count") && kinds.meets(Kinds::STRING);
                let issue = Issue::new(at, format!("`{text}` is {kinds}, which has no members"));
                self.issues.push(issue.with_optional_help(is_size.then(|| format!("write `size({text})`"))));
            }
            return Type::ANY;
        }
        match part.r#type.member(name) {
            // one that an object of the request lacks reads as null
            Ok(r#type) => r#type.or_null(),
            Err(known) => {
                let what = format!("is not a member of `{}`", self.text(&of.span));
                self.issues.push(self.unknown_name(at, name, &what, &known));
                Type::ANY
            }
        }
    }
}

fn literal_text(tree: &Tree) -> Option<&str> {
    match &tree.syntax {
        Syntax::Literal(value) => value.as_str(),
        _ => None,
    }
}

fn inside_quotes(span: &Range<usize>) -> Range<usize> {
    span.start + 1..span.end.saturating_sub(1).max(span.start + 1)
}
