//! How a function is called, what it takes and what it gives.

use super::kind::Kinds;

/// How a function is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    /// `f(x)`
    Plain,
    /// `x.f()`
    Member,
    /// Both.
    Either,
}

/// What a function takes and gives. `x.f(y)` takes `x`, then `y`. A name can have several signatures, which differ in what they take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Signature<F> {
    /// With the library in front, if it has one: `math.abs`.
    pub(super) name: &'static str,
    pub(super) style: Style,
    takes: &'static [Kinds],
    /// What may follow.
    optional: &'static [Kinds],
    /// Whether the last of these may be repeated.
    repeats: bool,
    pub(super) gives: Kinds,
    /// How the value is related to the first argument.
    pub(super) shape: ResultShape,
    pub(super) function: F,
}

/// What is known of the value beyond its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ResultShape {
    /// Nothing.
    Plain,
    /// A list of texts.
    Texts,
    /// A list with elements of the first argument.
    Elements,
    /// An element of the first argument.
    Element,
    /// An element of the first argument, or `null` if it is empty.
    ElementOrNull,
    /// The first argument.
    Same,
}

impl<F: Copy> Signature<F> {
    pub(super) const fn new(
        name: &'static str,
        style: Style,
        takes: &'static [Kinds],
        gives: Kinds,
        function: F,
    ) -> Self {
        Self { name, style, takes, optional: &[], repeats: false, gives, shape: ResultShape::Plain, function }
    }

    pub(super) const fn plain(name: &'static str, takes: &'static [Kinds], gives: Kinds, function: F) -> Self {
        Self::new(name, Style::Plain, takes, gives, function)
    }

    pub(super) const fn member(name: &'static str, takes: &'static [Kinds], gives: Kinds, function: F) -> Self {
        Self::new(name, Style::Member, takes, gives, function)
    }

    pub(super) const fn with_optional(self, optional: &'static [Kinds]) -> Self {
        Self { optional, ..self }
    }

    /// The last argument may be repeated.
    pub(super) const fn with_repeats(self) -> Self {
        Self { repeats: true, ..self }
    }

    pub(super) const fn with_result(self, gives: Kinds) -> Self {
        Self { gives, ..self }
    }

    pub(super) const fn with_shape(self, shape: ResultShape) -> Self {
        Self { shape, ..self }
    }

    /// The same signature of the function that `of` makes of this one.
    pub(super) fn map<G>(self, of: impl FnOnce(F) -> G) -> Signature<G> {
        let Self { name, style, takes, optional, repeats, gives, shape, function } = self;
        Signature { name, style, takes, optional, repeats, gives, shape, function: of(function) }
    }
}

impl<F> Signature<F> {
    /// What the argument at `position` may be.
    pub(super) fn takes(&self, position: usize) -> Option<Kinds> {
        let mut all = self.takes.iter().chain(self.optional);
        let last = all.clone().last().filter(|_| self.repeats);
        all.nth(position).or(last).copied()
    }

    /// The fewest arguments, and the most.
    pub(super) const fn counts(&self) -> (usize, usize) {
        let most = if self.repeats { usize::MAX } else { self.takes.len() + self.optional.len() };
        (self.takes.len(), most)
    }

    /// What it takes and gives, such as `(string, string) -> bool`.
    pub(super) fn notation(&self) -> String {
        let required = self.takes.iter().map(|kinds| kinds.notation());
        let optional = self.optional.iter().map(|kinds| format!("[{}]", kinds.notation()));
        let takes = required.chain(optional).collect::<Vec<_>>().join(", ");
        let more = if self.repeats { ", ..." } else { "" };
        format!("({takes}{more}) -> {}", self.gives.notation())
    }

    /// Whether it is called in this style.
    pub(super) fn has_style(&self, style: Style) -> bool {
        self.style == style || self.style == Style::Either
    }
}
