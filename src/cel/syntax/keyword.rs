//! Words that cannot be names.

/// Words with a meaning in expressions.
pub(super) const KEYWORDS: [&str; 4] = ["true", "false", "null", "in"];

/// Words that the CEL specification reserves.
pub(super) const RESERVED: [&str; 17] = [
    "as",
    "break",
    "const",
    "continue",
    "else",
    "for",
    "function",
    "if",
    "import",
    "let",
    "loop",
    "package",
    "namespace",
    "return",
    "var",
    "void",
    "while",
];
