//! The hash of a rule, by which a replay recognises the rule that made a recorded outcome.

use super::MatchedEnvironment;
use super::reads::Reads;
use super::source::{NamedExpression, PolicySpec};
use super::waiver::{Expiry, Waiver};
use crate::cel::words;
use crate::contract::field_tree::FieldTree;
use crate::contract::{BodySchema, Operation};
use aws_lc_rs::digest;
use serde::de::{Deserialize, Deserializer, Error, Unexpected, Visitor};
use serde::{Serialize, Serializer};
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

/// The number of hexadecimal digits: 64 bits distinguish the few versions that a rule ever has.
const DIGITS: usize = 16;

/// A hash of all that decides the outcome of a rule. Rules of equal hashes have equal outcomes for every request.
// as text: it is written for each policy of each decision, and computed once
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RuleHash([u8; DIGITS]);

impl RuleHash {
    /// The hash as hexadecimal digits in lower case.
    pub fn as_str(&self) -> &str {
        // only ASCII digits are ever stored
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// The hash of a policy with this `spec`, whose expressions read `reads` of the bodies of the `matched` operations.
    ///
    /// Not in it are texts, labels, the names of conditions and the action, none of which decides what holds. The waivers have a
    /// hash of their own.
    pub(super) fn of_policy(spec: &PolicySpec, reads: &Reads, matched: &[Arc<Operation>]) -> Self {
        let mut digest = RuleDigest::new("policy");
        let scope = &spec.r#match;
        digest.list(scope.operations.iter().map(String::as_str).collect::<BTreeSet<_>>());
        // without environments a policy is for all: it has those of both kinds of credentials
        let both = ["development", "production"];
        let environments: BTreeSet<&str> = scope.environments.iter().map(MatchedEnvironment::as_str).collect();
        digest.list(if environments.is_empty() { both.into() } else { environments });
        digest.conditions(&spec.match_conditions);
        digest.list(spec.variables.iter().map(|variable| variable.name.as_str()).collect::<Vec<_>>());
        spec.variables.iter().for_each(|variable| digest.expression(&variable.expression));
        // the members of objects are sorted
        digest.part(&serde_json::to_string(&spec.all_params()).unwrap_or_default());
        digest.part(&serde_json::to_string(&spec.schema).unwrap_or_default());
        digest.part(&spec.validations.len().to_string());
        spec.validations.iter().for_each(|validation| digest.expression(&validation.expression));
        digest.declarations(reads, matched);
        digest.finish()
    }

    /// The hash of a waiver with these `conditions`, which read `reads` of the bodies of the `matched` operations.
    pub(super) fn of_waiver(
        conditions: &[NamedExpression],
        expires: Expiry,
        reads: &Reads,
        matched: &[Arc<Operation>],
    ) -> Self {
        let mut digest = RuleDigest::new("waiver");
        digest.part(&expires.to_string());
        digest.conditions(conditions);
        digest.declarations(reads, matched);
        digest.finish()
    }

    /// The hash of all `waivers` of a policy, in any order; `None` if it has none.
    pub(super) fn of_waivers(waivers: &[Arc<Waiver>]) -> Option<Self> {
        let all: BTreeSet<&Self> = waivers.iter().map(|waiver| &waiver.hash).collect();
        if all.is_empty() {
            return None;
        }
        let mut digest = RuleDigest::new("waivers");
        digest.list(all.into_iter().map(Self::as_str).collect::<Vec<_>>());
        Some(digest.finish())
    }
}

/// A hash in the making, of parts whose borders count.
struct RuleDigest(digest::Context);

impl RuleDigest {
    fn new(kind: &str) -> Self {
        let mut digest = Self(digest::Context::new(&digest::SHA256));
        digest.part(kind);
        // another version of the program may evaluate the same expression otherwise
        digest.part(env!("CARGO_PKG_VERSION"));
        digest
    }

    fn part(&mut self, text: &str) {
        // the length separates the parts: text that moves from one to the next changes the hash
        self.0.update(&text.len().to_le_bytes());
        self.0.update(text.as_bytes());
    }

    fn list<'t>(&mut self, texts: impl IntoIterator<Item = &'t str, IntoIter: ExactSizeIterator>) {
        let texts = texts.into_iter();
        self.part(&texts.len().to_string());
        texts.for_each(|text| self.part(text));
    }

    /// Adds an expression without its blanks and comments.
    fn expression(&mut self, source: &str) {
        self.list(words(source));
    }

    fn conditions(&mut self, conditions: &[NamedExpression]) {
        self.part(&conditions.len().to_string());
        for condition in conditions {
            self.expression(&condition.expression);
        }
    }

    /// Adds what the contract declares of the fields that are read: expressions are compiled for these types.
    //
    // of all API versions together, as expressions are: a version that is added with the same types changes no rule
    fn declarations(&mut self, reads: &Reads, matched: &[Arc<Operation>]) {
        if reads.is_empty() {
            return;
        }
        let bodies = matched.iter().filter_map(|operation| operation.body.as_ref());
        let bodies: Vec<&FieldTree> = bodies.map(BodySchema::field_tree).collect();
        if reads.any_unnamed() {
            self.declaration(&bodies);
            return;
        }
        for name in reads.by_name() {
            // a pointer escapes `/` and `~`
            let name = name.replace("~1", "/").replace("~0", "~");
            self.part(&name);
            self.declaration(&bodies.iter().filter_map(|body| body.member(&name)).collect::<Vec<_>>());
        }
    }

    fn declaration(&mut self, declared: &[&FieldTree]) {
        // without types every type is allowed
        let is_any = declared.iter().any(|tree| tree.types().is_empty());
        let types: BTreeSet<&str> = declared.iter().flat_map(|tree| tree.types()).map(AsRef::as_ref).collect();
        self.list(if is_any { BTreeSet::new() } else { types });
        let names: BTreeSet<&str> = declared.iter().flat_map(|tree| tree.names()).collect();
        self.part(&names.len().to_string());
        for name in names {
            self.part(name);
            self.declaration(&declared.iter().filter_map(|tree| tree.member(name)).collect::<Vec<_>>());
        }
        let elements: Vec<&FieldTree> = declared.iter().filter_map(|tree| tree.elements()).collect();
        self.part(if elements.is_empty() { "" } else { "elements" });
        if !elements.is_empty() {
            self.declaration(&elements);
        }
    }

    fn finish(self) -> RuleHash {
        let digest = self.0.finish();
        let digits = digest.as_ref().iter().flat_map(|byte| [byte >> 4, byte & 0xf]);
        let mut hash = [b'0'; DIGITS];
        for (place, digit) in hash.iter_mut().zip(digits) {
            *place = if digit < 10 { b'0' + digit } else { b'a' + digit - 10 };
        }
        RuleHash(hash)
    }
}

impl fmt::Debug for RuleHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for RuleHash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for RuleHash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // a visitor: a log has some for each of its lines, which are read without a copy
        deserializer.deserialize_str(RuleHashVisitor)
    }
}

struct RuleHashVisitor;

impl Visitor<'_> for RuleHashVisitor {
    type Value = RuleHash;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("16 hexadecimal digits")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<RuleHash, E> {
        let is_digit = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        let digits = text.as_bytes().try_into().ok().filter(|digits: &[u8; DIGITS]| digits.iter().all(is_digit));
        digits.map(RuleHash).ok_or_else(|| E::invalid_value(Unexpected::Other("another text"), &self))
    }
}
