//! What a host declares to expressions: the names that they start from, and what is known of each when they are compiled.

use super::ids::{AttributeId, NamespaceId};
use super::lookups::Lookups;
use super::types::Type;
use std::ops::RangeInclusive;

/// A name that expressions start from.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Root {
    /// A namespace, such as `body`.
    Namespace(NamespaceId),
    /// A fixed set of members, such as `request`.
    Members(&'static [(&'static str, RootMember)]),
}

/// What a name behind a root stands for: a single value, or values by names that only a request decides.
#[derive(Clone, Copy, Debug)]
pub(crate) enum RootMember {
    /// `request.method`
    Attribute(AttributeId),
    /// `request.headers`
    Namespace(NamespaceId),
}

/// Why an expression may not do what it does, for the person who wrote it.
#[derive(Debug)]
pub(crate) struct Objection {
    /// The error.
    pub(crate) message: String,
    /// How to fix it.
    pub(crate) help: Option<String>,
}

/// Why an entry of a namespace cannot be read.
#[derive(Debug)]
pub(crate) enum Rejection<'c> {
    /// The namespace holds no entry of that name.
    Undeclared {
        /// The end of a message that begins with the name.
        what: &'static str,
        /// The names that it holds.
        known: Vec<&'c str>,
    },
    /// Any other reason.
    Denied(Objection),
}

/// The format of an attribute, for a message about a literal that is not in it.
#[derive(Debug)]
pub(crate) struct Format {
    /// The format, such as `an IP address`.
    pub(crate) description: &'static str,
    /// What to write instead of the literal.
    pub(crate) help: Option<String>,
}

/// The declarations of a host. Read while expressions are compiled only: evaluation reads an
/// [`Activation`](super::activation::Activation).
pub(crate) trait Declarations {
    /// The names that expressions start from.
    fn roots(&self) -> &'static [(&'static str, Root)];

    /// The type that the checker assumes for an attribute, `null` included if a request may lack it.
    fn attribute_type(&self, attribute: AttributeId) -> Type<'_>;

    /// The range of an attribute that is a whole number.
    fn attribute_range(&self, attribute: AttributeId) -> Option<RangeInclusive<f64>>;

    /// The format of `attribute`, if `text` is not in it, so that the two are never equal.
    fn format_mismatch(&self, attribute: AttributeId, text: &str) -> Option<Format>;

    /// The type of the entry called `name`.
    ///
    /// # Errors
    ///
    /// Expressions may not read that entry.
    fn entry_type(&self, namespace: NamespaceId, name: &str) -> Result<Type<'_>, Rejection<'_>>;

    /// The type of an entry whose name is known during evaluation only.
    fn any_entry_type(&self, namespace: NamespaceId) -> Type<'_>;

    /// The one spelling of `name`, in a namespace whose names compare without case.
    fn canonical_name(&self, namespace: NamespaceId, name: &str) -> String;

    /// How to reach the entry that a bare `name` probably means, such as `body.name`.
    fn qualified_name(&self, name: &str) -> Option<String>;

    /// What to write instead of a word that other policy languages have and this host does not.
    fn foreign_word(&self, word: &str) -> Option<&'static str>;

    /// Why an expression that looks these entries up cannot be a `what` such as a key, whose value is shown.
    fn secret_objection(&self, what: &str, lookups: &Lookups) -> Option<Objection>;
}
