//! Operators and macros.

/// An operator between two operands that are both needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cel) enum Infix {
    /// `==`, or `!=` if `negated`
    Equal { negated: bool },
    /// `<`, `<=`, `>`, `>=`
    Compare(Comparison),
    /// `in`
    In,
    /// `+`, `-`, `*`, `/`, `%`
    Calculate(Operator),
}

/// An order between two values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// An operator of arithmetic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

/// A macro that visits each element of a list or key of a map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cel) enum Macro {
    All,
    Exists,
    ExistsOne,
    Map,
    Filter,
    /// `map` with the position or key.
    TransformList,
    TransformMap,
}

impl Infix {
    /// In CEL notation.
    pub(in crate::cel) const fn as_str(self) -> &'static str {
        match self {
            Self::Equal { negated: false } => "==",
            Self::Equal { negated: true } => "!=",
            Self::Compare(Comparison::Less) => "<",
            Self::Compare(Comparison::LessOrEqual) => "<=",
            Self::Compare(Comparison::Greater) => ">",
            Self::Compare(Comparison::GreaterOrEqual) => ">=",
            Self::In => "in",
            Self::Calculate(Operator::Add) => "+",
            Self::Calculate(Operator::Subtract) => "-",
            Self::Calculate(Operator::Multiply) => "*",
            Self::Calculate(Operator::Divide) => "/",
            Self::Calculate(Operator::Remainder) => "%",
        }
    }
}

impl Macro {
    /// Whether it gives true or false.
    pub(in crate::cel) const fn gives_truth(self) -> bool {
        matches!(self, Self::All | Self::Exists | Self::ExistsOne)
    }

    /// In CEL notation.
    pub(in crate::cel) const fn as_str(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Exists => "exists",
            Self::ExistsOne => "exists_one",
            Self::Map => "map",
            Self::Filter => "filter",
            Self::TransformList => "transformList",
            Self::TransformMap => "transformMap",
        }
    }

    /// The macro called `name`.
    pub(in crate::cel) fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "all" => Self::All,
            "exists" => Self::Exists,
            "exists_one" | "existsOne" => Self::ExistsOne,
            "map" => Self::Map,
            "filter" => Self::Filter,
            "transformList" => Self::TransformList,
            "transformMap" => Self::TransformMap,
            _ => return None,
        })
    }
}
