//! Members: of `body`, `request` and the like, of the policy's own names, and of values.

use super::super::bindings::{Known, Namespace, is_credential};
use super::super::env::{ROOTS, member};
use super::super::kind::Kinds;
use super::super::node::Node;
use super::super::syntax::{Issue, Syntax, Tree};
use super::super::types::Type;
use super::super::value::Value;
use super::{Checked, Checker, unknown_name};
use http::HeaderName;
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
        let of_part = self.part(of);
        let r#type = self.member_type(of, &of_part, name, at);
        let node = Node::Member(Box::new(of_part.node), Value::Text(name.into()));
        Checked { node, r#type, depends: of_part.depends }
    }

    /// `has(of.name)`
    pub(super) fn has(&mut self, of: &Tree, name: &str, at: &Range<usize>) -> Checked<'c> {
        if let Some(namespace) = self.namespace(of) {
            self.entry(namespace, name, at);
            let key = Node::Constant(Value::Text(name.into()));
            return Checked::of_request(Node::HasEntry(namespace, Box::new(key)), Type::of(Kinds::BOOL));
        }
        if let Some(root) = self.root(of) {
            // reported where it is not there
            self.member_of_root(root, name, at);
            return Checked { r#type: Type::of(Kinds::BOOL), ..Checked::constant(Value::Bool(true)) };
        }
        let of_part = self.part(of);
        self.member_type(of, &of_part, name, at);
        let node = Node::HasMember(Box::new(of_part.node), Value::Text(name.into()));
        Checked { node, r#type: Type::of(Kinds::BOOL), depends: of_part.depends }
    }

    /// `of[key]`
    pub(super) fn index(&mut self, sides: &[Tree; 2]) -> Checked<'c> {
        let [of, key] = sides;
        let literal = literal_text(key);
        if let Some(namespace) = self.namespace(of) {
            if let Some(name) = literal {
                return self.entry(namespace, name, &inside_quotes(&key.span));
            }
            let key_part = self.part(key);
            if let Some(Value::Text(name)) = key_part.as_constant().cloned() {
                return self.entry(namespace, &name, &key.span);
            }
            self.expect(key, &key_part, Kinds::STRING, "a name here");
            self.note_any(namespace);
            return Checked::of_request(Node::EntryAt(namespace, Box::new(key_part.node)), entry_type(namespace));
        }
        if let Some(root) = self.root(of) {
            if let Some(name) = literal {
                return self.member_of_root(root, name, &inside_quotes(&key.span));
            }
            let message = format!("a member of `{root}` is asked for by its name, written out");
            return self.wrong(Issue::new(&key.span, message));
        }
        let (of_part, key_part) = (self.part(of), self.part(key));
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
        Checked { node: Node::Index(Box::new([of_part.node, key_part.node])), r#type, depends }
    }

    /// `wanted in container`, where the container is a namespace.
    pub(super) fn in_record(&mut self, wanted: &Tree, namespace: Namespace) -> Checked<'c> {
        let part = self.part(wanted);
        self.expect(wanted, &part, Kinds::STRING, "what is before `in`");
        match part.as_constant().and_then(Value::as_str).map(str::to_owned) {
            Some(name) => {
                let at = if literal_text(wanted).is_some() { inside_quotes(&wanted.span) } else { wanted.span.clone() };
                self.entry(namespace, &name, &at);
            }
            None => self.note_any(namespace),
        }
        Checked::of_request(Node::HasEntry(namespace, Box::new(part.node)), Type::of(Kinds::BOOL))
    }

    /// The namespace that `tree` names; none where it names something else.
    pub(super) fn namespace(&self, tree: &Tree) -> Option<Namespace> {
        match &tree.syntax {
            Syntax::Name(name) if &**name == "body" && self.local(name).is_none() => Some(Namespace::Body),
            Syntax::Select { of, name, .. } => record_of(self.root(of)?, name),
            Syntax::Index(sides) => {
                let [of, key] = sides.as_ref();
                record_of(self.root(of)?, literal_text(key)?)
            }
            _ => None,
        }
    }

    /// The name that `tree` is, where expressions start from it and no comprehension means something else by it.
    fn root<'t>(&self, tree: &'t Tree) -> Option<&'t str> {
        match &tree.syntax {
            Syntax::Name(name) if ROOTS.contains(&name.as_ref()) && self.local(name).is_none() => Some(name),
            _ => None,
        }
    }

    /// The value that `namespace` holds under `name`.
    fn entry(&mut self, namespace: Namespace, name: &str, at: &Range<usize>) -> Checked<'c> {
        let r#type = match namespace {
            Namespace::Body => match self.env.field(name) {
                Ok(field) => {
                    self.env.reads.field(name);
                    field.0
                }
                Err(meant) => {
                    let message = format!("`{name}` is not a field of any operation that this policy matches");
                    let issue = Issue::new(at, message);
                    return self.wrong(match meant {
                        Some(meant) => issue.with_help(format!("did you mean `{meant}`?")),
                        None => issue,
                    });
                }
            },
            Namespace::Headers => {
                if is_credential(name) {
                    let message = format!("`{name}` holds credentials, which policies cannot read");
                    let issue = Issue::new(at, message);
                    return self
                        .wrong(issue.with_help("`client` and `instance` tell who calls, and with which kind of key"));
                }
                if HeaderName::from_bytes(name.as_bytes()).is_err() {
                    let message = format!("`{}` is no name that a header can have", name.escape_debug());
                    return self.wrong(Issue::new(at, message));
                }
                if let Some(headers) = &mut self.env.headers {
                    headers.insert(name.to_ascii_lowercase());
                }
                entry_type(namespace)
            }
            Namespace::Query => {
                self.env.query.insert(name.to_owned());
                entry_type(namespace)
            }
            Namespace::Parameters => {
                let known = self.env.parameters();
                if !known.is_empty() && !known.contains(name) {
                    let known: Vec<&str> = known.into_iter().collect();
                    let what = "is not a parameter of the path of any operation that this policy matches";
                    let issue = unknown_name(at, name, what, &known);
                    return self.wrong(issue);
                }
                entry_type(namespace)
            }
        };
        Checked::of_request(Node::Entry(namespace, name.into()), r#type)
    }

    /// A header or field that only a request decides on.
    fn note_any(&mut self, namespace: Namespace) {
        match namespace {
            Namespace::Headers => self.env.headers = None,
            Namespace::Body => self.env.reads.any_field(),
            Namespace::Query | Namespace::Parameters => {}
        }
    }

    fn member_of_root(&mut self, root: &str, name: &str, at: &Range<usize>) -> Checked<'c> {
        match root {
            "params" => self.param(name, at),
            "variables" => self.variable(name, at),
            _ => match member(root, name) {
                Some(Ok(Known::Attribute(attribute))) => {
                    Checked::of_request(Node::Attribute(attribute), self.env.attribute(attribute))
                }
                Some(Ok(Known::Namespace(_))) | None => {
                    let issue = Issue::new(at, format!("`{root}.{name}` is no value by itself"));
                    self.wrong(issue.with_help(format!("ask for one of its entries, as in `{root}.{name}[\"name\"]`")))
                }
                Some(Err(_)) if ROOTS.contains(&name) => {
                    let issue = Issue::new(at, format!("`{name}` is not a member of `{root}`"));
                    self.wrong(issue.with_help(format!("write `{name}` without `{root}.`")))
                }
                Some(Err(known)) => self.wrong(unknown_name(at, name, &format!("is not a member of `{root}`"), &known)),
            },
        }
    }

    fn param(&mut self, name: &str, at: &Range<usize>) -> Checked<'c> {
        let params = self.env.params.entries().unwrap_or_default();
        let found = params.iter().find(|(key, _)| key.as_str() == Some(name)).map(|(_, value)| value.clone());
        if let Some(value) = found {
            return Checked::constant(value);
        }
        let known: Vec<&str> = params.iter().filter_map(|(key, _)| key.as_str()).collect();
        let issue = unknown_name(at, name, "is not one of the policy's `params`", &known);
        self.wrong(issue)
    }

    fn variable(&mut self, name: &str, at: &Range<usize>) -> Checked<'c> {
        let found = self.env.variables.iter().enumerate().find(|(_, variable)| *variable.name == *name);
        let Some((position, variable)) = found else {
            let known: Vec<&str> = self.env.variables.iter().map(|variable| variable.name.as_ref()).collect();
            let issue = unknown_name(at, name, "is not one of the `variables` declared before", &known);
            return self.wrong(issue);
        };
        if variable.is_broken {
            return Checked::unknown();
        }
        if let Node::Constant(value) = &variable.node {
            return Checked::constant(value.clone());
        }
        let (r#type, depth) = (variable.r#type.clone(), self.depth + variable.depth);
        self.env.reads.extend(&variable.reads);
        self.check_depth(depth, at);
        Checked::of_request(Node::Variable(position), r#type)
    }

    /// What a member of a value is; what is wrong with asking for it is reported.
    fn member_type(&mut self, of: &Tree, part: &Checked<'c>, name: &str, at: &Range<usize>) -> Type<'c> {
        let kinds = part.r#type.kinds;
        if !kinds.meets(Kinds::MAP) {
            if kinds != Kinds::LIST {
                let text = self.text(&of.span);
                let is_size = matches!(name, "size" | "length" | "len" | "count") && kinds.meets(Kinds::STRING);
                let issue = Issue::new(at, format!("`{text}` is {kinds}, which has no members"));
                self.issues.push(issue.with_any_help(is_size.then(|| format!("write `size({text})`"))));
            }
            return Type::ANY;
        }
        match part.r#type.member(name) {
            Ok(r#type) => r#type,
            Err(known) => {
                let what = format!("is not a member of `{}`", self.text(&of.span));
                self.issues.push(unknown_name(at, name, &what, &known));
                Type::ANY
            }
        }
    }
}

fn record_of(root: &str, name: &str) -> Option<Namespace> {
    match member(root, name) {
        Some(Ok(Known::Namespace(namespace))) => Some(namespace),
        _ => None,
    }
}

const fn entry_type<'c>(namespace: Namespace) -> Type<'c> {
    match namespace {
        Namespace::Body => Type::of(Kinds::JSON),
        Namespace::Headers | Namespace::Query | Namespace::Parameters => Type::of(Kinds::STRING.or(Kinds::NULL)),
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
