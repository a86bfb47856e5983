//! Checks the valid schema of a policy against the contract: unknown keywords, names that no operation declares, types that the
//! contract excludes, references that lead nowhere or in circles.

use super::POINTER;
use super::keywords::{FORMATS, KEYWORDS, KeywordValue, OTHER_VERSIONS, TYPES};
use super::trivial;
use crate::contract::compiled_schema::CompiledSchema;
use crate::contract::field_tree::FieldTree;
use crate::diagnostic::Diagnostic;
use crate::policy::compile::{Compiler, did_you_mean};
use crate::policy::reads::Reads;
use crate::suggest::nearest;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Most subschemas, each counted as often as it is referred to. It bounds the time that validating a body takes.
const MOST_SCHEMAS: usize = 2_000;
/// Longest chain of references.
const LONGEST_CHAIN: usize = 16;

/// Reports errors in `schema`, and returns the parts of the body it reads. `bodies` is what the contract declares for them;
/// `None` if the matched operations are unknown.
pub(super) fn check(compiler: &mut Compiler<'_>, schema: &Value, bodies: Option<Vec<&FieldTree>>) -> Reads {
    let mut checker = SchemaChecker { compiler, root: schema, chain: Vec::new(), schemas: 0, reads: Reads::default() };
    checker.schema(schema, POINTER, &BodyPart { declared: bodies, is_body: true, is_asserted: true });
    checker.reads
}

struct SchemaChecker<'p, 's> {
    compiler: &'p mut Compiler<'s>,
    root: &'p Value,
    /// The references that led here.
    chain: Vec<&'p str>,
    schemas: usize,
    reads: Reads,
}

/// The part of a body that a schema is about.
#[derive(Clone)]
struct BodyPart<'c> {
    /// What the contract declares for it, by operation and version. `None` if it may be any value.
    declared: Option<Vec<&'c FieldTree>>,
    /// Whether it is the body itself.
    is_body: bool,
    /// Whether the value must match, as opposed to under `if`, `not` or `anyOf`.
    is_asserted: bool,
}

impl<'c> BodyPart<'c> {
    const UNKNOWN: Self = Self { declared: None, is_body: false, is_asserted: true };

    fn below(&self, declared: Option<Vec<&'c FieldTree>>) -> Self {
        Self { declared, is_body: false, is_asserted: self.is_asserted }
    }

    fn conditional(&self) -> Self {
        Self { is_asserted: false, ..self.clone() }
    }

    /// The member called `name`.
    ///
    /// # Errors
    ///
    /// Returns the names that are declared, if `name` is none of them and others are excluded.
    fn member(&self, name: &str) -> Result<Self, BTreeSet<&'c str>> {
        let Some(declared) = &self.declared else { return Ok(self.below(None)) };
        let members: Vec<&FieldTree> = declared.iter().filter_map(|declared| declared.member(name)).collect();
        let is_closed = declared.iter().all(|declared| declared.is_closed());
        match (members.is_empty(), is_closed) {
            (false, _) => Ok(self.below(Some(members))),
            (true, true) => Err(declared.iter().flat_map(|declared| declared.names()).collect()),
            (true, false) => Ok(self.below(None)),
        }
    }

    fn elements(&self) -> Self {
        let elements = self.declared.as_ref().and_then(|all| all.iter().map(|declared| declared.elements()).collect());
        self.below(elements)
    }
}

impl<'p> SchemaChecker<'p, '_> {
    fn schema(&mut self, schema: &'p Value, pointer: &str, place: &BodyPart<'_>) {
        self.schemas += 1;
        if self.schemas > MOST_SCHEMAS {
            if self.schemas == MOST_SCHEMAS + 1 {
                let message = format!("`schema` has more than {MOST_SCHEMAS} schemas in it, references followed");
                self.compiler.error(POINTER, message);
            }
            return;
        }
        self.check_trivial(schema, pointer);
        for (keyword, value) in schema.as_object().into_iter().flatten() {
            let at = below(pointer, keyword);
            match KEYWORDS.iter().find(|(known, _)| known == keyword) {
                Some((_, holds)) => self.keyword(*holds, value, &at, place),
                None => self.unknown(keyword, &at),
            }
        }
    }

    fn keyword(&mut self, holds: KeywordValue, value: &'p Value, at: &str, place: &BodyPart<'_>) {
        match holds {
            KeywordValue::Conditional => self.schema(value, at, &place.conditional()),
            KeywordValue::AllOf => self.each(value, at, place),
            KeywordValue::SomeOf => self.each(value, at, &place.conditional()),
            KeywordValue::Items => self.schema(value, at, &place.elements()),
            KeywordValue::PrefixItems => self.each(value, at, &place.elements()),
            KeywordValue::Properties => self.by_field(value, at, place, |place| place),
            KeywordValue::ConditionalByField => self.by_field(value, at, place, |_| place.conditional()),
            KeywordValue::OtherMembers
            | KeywordValue::MembersByPattern
            | KeywordValue::MemberCount
            | KeywordValue::Constant
                if place.is_body =>
            {
                // It constrains fields that are not named, so the policy reads the whole body.
                self.reads.any_field();
                self.members(holds, value, at);
            }
            KeywordValue::OtherMembers | KeywordValue::MembersByPattern => self.members(holds, value, at),
            KeywordValue::FieldNames => self.names(value, at, place),
            KeywordValue::FieldNamesByField => {
                for (name, names) in value.as_object().into_iter().flatten() {
                    self.field(name, &below(at, name), true, place);
                    self.names(names, &below(at, name), place);
                }
            }
            KeywordValue::Definitions => {
                for (name, definition) in value.as_object().into_iter().flatten() {
                    // Where it applies is only known at each `$ref`, which checks it again for that part of the body.
                    self.schema(definition, &below(at, name), &BodyPart::UNKNOWN);
                }
            }
            KeywordValue::Reference => self.reference(value, at, place),
            KeywordValue::Pattern => self.pattern(value, at),
            KeywordValue::Format => self.format(value, at),
            KeywordValue::Types => self.types(value, at, place),
            KeywordValue::Dialect => {
                if value.as_str() != Some("https://json-schema.org/draft/2020-12/schema") {
                    self.compiler.error(at, "`$schema` is another language than JSON Schema 2020-12; leave it out");
                }
            }
            KeywordValue::MemberCount | KeywordValue::Constant | KeywordValue::Other => {}
        }
    }

    /// Reports keywords that accept every value or none.
    fn check_trivial(&mut self, schema: &Value, pointer: &str) {
        for (keyword, message, help) in trivial::find(schema, self.root, pointer == POINTER) {
            let at = if keyword.is_empty() { pointer.to_owned() } else { format!("{pointer}/{keyword}") };
            let error = self.at(&at, false, message);
            self.report(error.with_help(help));
        }
    }

    fn each(&mut self, schemas: &'p Value, at: &str, place: &BodyPart<'_>) {
        for (position, schema) in schemas.as_array().into_iter().flatten().enumerate() {
            self.schema(schema, &format!("{at}/{position}"), place);
        }
    }

    fn by_field<'c>(
        &mut self,
        schemas: &'p Value,
        at: &str,
        place: &BodyPart<'c>,
        of: impl Fn(BodyPart<'c>) -> BodyPart<'c>,
    ) {
        for (name, schema) in schemas.as_object().into_iter().flatten() {
            let at = below(at, name);
            if let Some(field) = self.field(name, &at, true, place) {
                self.schema(schema, &at, &of(field));
            }
        }
    }

    /// Checks the subschemas for members whose names the request decides.
    fn members(&mut self, holds: KeywordValue, value: &'p Value, at: &str) {
        match holds {
            KeywordValue::OtherMembers => self.schema(value, at, &BodyPart::UNKNOWN),
            KeywordValue::MembersByPattern => {
                for (pattern, schema) in value.as_object().into_iter().flatten() {
                    let at = below(at, pattern);
                    self.check_pattern(pattern, &at, true);
                    self.schema(schema, &at, &BodyPart::UNKNOWN);
                }
            }
            _ => {}
        }
    }

    fn names(&mut self, names: &'p Value, at: &str, place: &BodyPart<'_>) {
        for (position, name) in names.as_array().into_iter().flatten().enumerate() {
            if let Some(name) = name.as_str() {
                self.field(name, &format!("{at}/{position}"), false, place);
            }
        }
    }

    /// The field called `name`. Reports it and returns `None` if no matched operation declares it.
    fn field<'c>(&mut self, name: &str, at: &str, is_key: bool, place: &BodyPart<'c>) -> Option<BodyPart<'c>> {
        if place.is_body {
            // Only fields of the body itself: what is read within them is covered by the field.
            self.reads.field(name);
        }
        let known = match place.member(name) {
            Ok(field) => return Some(field),
            Err(known) => known,
        };
        let name_shown = name.escape_debug();
        let message = format!("`{name_shown}` is not a field of any operation that this policy matches");
        let error = self.at(at, is_key, message);
        self.report(did_you_mean(error, nearest(name, known.into_iter())));
        None
    }

    fn reference(&mut self, value: &'p Value, at: &str, place: &BodyPart<'_>) {
        let Some(reference) = value.as_str() else { return };
        let target = reference.strip_prefix('#').and_then(|pointer| Some((pointer, self.root.pointer(pointer)?)));
        let Some((pointer, target)) = target else {
            let message = "`$ref` leads nowhere in this schema, and may not lead out of it";
            let error = self.at(at, false, message.to_owned());
            self.report(error.with_help("put the schema under `$defs`, and refer to it as `#/$defs/NAME`"));
            return;
        };
        // A schema that refers to itself would be followed without end, here and for a body of the caller's making.
        if self.chain.contains(&reference) || pointer.is_empty() || self.chain.len() >= LONGEST_CHAIN {
            let error = self.at(at, false, "`$ref` leads back to itself, or through too many others".to_owned());
            self.report(error);
            return;
        }
        self.chain.push(reference);
        self.schema(target, &format!("{POINTER}{pointer}"), place);
        self.chain.pop();
    }

    fn pattern(&mut self, value: &Value, at: &str) {
        if let Some(pattern) = value.as_str() {
            self.check_pattern(pattern, at, false);
        }
    }

    /// Reports a pattern that the linear-time engine cannot run.
    //
    // Patterns run on bodies that callers choose: with back-references, matching could take exponential time.
    fn check_pattern(&mut self, pattern: &str, at: &str, is_key: bool) {
        if CompiledSchema::compile(&json!({ "pattern": pattern })).is_err() {
            let message = "the pattern is not a regular expression, or has look-around or back-references in it";
            let error = self.at(at, is_key, message.to_owned());
            self.report(error);
        }
    }

    fn format(&mut self, value: &Value, at: &str) {
        let Some(name) = value.as_str().filter(|name| !FORMATS.contains(name)) else { return };
        let error = self.at(at, false, format!("`{}` is not a format that is checked", name.escape_debug()));
        let all = format!("those that are: {}", FORMATS.join(", "));
        self.report(match nearest(name, FORMATS.into_iter()) {
            Some(meant) => error.with_help(format!("did you mean `{meant}`?")),
            None => error.with_help(all),
        });
    }

    /// Reports types of which the contract excludes every one: no request could pass.
    fn types(&mut self, value: &Value, at: &str, place: &BodyPart<'_>) {
        let written: Vec<&str> = match value {
            Value::String(name) => vec![name],
            Value::Array(names) => names.iter().filter_map(Value::as_str).collect(),
            _ => return,
        };
        let Some(declared) = place.declared.as_ref().filter(|_| place.is_asserted) else { return };
        // An unknown type is an error of the meta-schema, which reports it.
        let is_type = written.iter().all(|name| TYPES.contains(name));
        if written.is_empty() || !is_type || declared.iter().any(|declared| declared.types().is_empty()) {
            return;
        }
        let known: BTreeSet<&str> = declared.iter().flat_map(|it| it.types()).map(AsRef::as_ref).collect();
        let meets = |name: &&str| {
            known.contains(*name)
                || ["integer", "number"].contains(name) && (known.contains("integer") || known.contains("number"))
        };
        if !written.iter().any(meets) {
            let known: Vec<&str> = known.into_iter().collect();
            let message = format!("the contract has {} here, so that nothing would match", known.join(" or "));
            let error = self.at(at, false, message);
            self.report(error);
        }
    }

    fn unknown(&mut self, keyword: &str, at: &str) {
        let message = format!("`{}` is not a keyword of JSON Schema, and would check nothing", keyword.escape_debug());
        let error = self.at(at, true, message);
        self.report(match OTHER_VERSIONS.iter().find(|(other, _)| *other == keyword) {
            Some((_, help)) => error.with_help(*help),
            None => did_you_mean(error, nearest(keyword, KEYWORDS.iter().map(|(known, _)| *known))),
        });
    }

    fn at(&self, pointer: &str, is_key: bool, message: String) -> Diagnostic {
        let source = self.compiler.source;
        if is_key { source.at_key(pointer, message) } else { source.at(pointer, message) }
    }

    /// Adds an error, once: a shared definition is checked as often as it is referred to.
    fn report(&mut self, error: Diagnostic) {
        if !self.compiler.errors.contains(&error) {
            self.compiler.errors.push(error);
        }
    }
}

fn below(pointer: &str, name: &str) -> String {
    format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1"))
}
