//! Parses CEL's grammar by operator precedence. Recursion and the depth of the tree are bounded.

use super::keyword::{KEYWORDS, RESERVED};
use super::operator::{Comparison, Infix, Operator};
use super::token::{Token, Tokens};
use super::tree::{Syntax, Tree};
use super::{foreign, literal};
use crate::cel::activation::Value;
use crate::cel::issue::Issue;
use std::ops::Range;

/// Longest source, in bytes.
pub(crate) const MAX_SOURCE_LEN: usize = 4096;
/// Deepest tree. Parser, checker and evaluation recurse on the stack of a worker; this bounds them all.
pub(in crate::cel) const MAX_DEPTH: usize = 64;

/// Parses `source`.
///
/// # Errors
///
/// The first syntax error, or the bound that the source exceeds.
pub(in crate::cel) fn parse(source: &str) -> Result<Tree, Issue> {
    // before tokens are read: everything after is bounded by the length
    if source.len() > MAX_SOURCE_LEN {
        return Err(Issue::new(&(0..source.len()), format!("the expression is longer than {MAX_SOURCE_LEN} bytes")));
    }
    let mut tokens = Tokens::new(source);
    let (token, span) = tokens.next()?;
    if token == Token::End {
        return Err(Issue::new(&span, "the expression is empty"));
    }
    let mut parser = Parser { source, tokens, token, span, end: 0, nesting: 0 };
    let tree = parser.expression()?;
    if parser.token == Token::End { Ok(tree) } else { Err(parser.unexpected_token("an operator or the end")) }
}

pub(super) struct Parser<'s> {
    pub(super) source: &'s str,
    tokens: Tokens<'s>,
    /// The token that comes next, and its bytes.
    token: Token,
    span: Range<usize>,
    /// Where the token before it ends.
    pub(super) end: usize,
    nesting: usize,
}

pub(super) type Parsed = Result<Tree, Issue>;

impl<'s> Parser<'s> {
    fn text(&self) -> &'s str {
        self.source.get(self.span.clone()).unwrap_or_default()
    }

    fn advance(&mut self) -> Result<Range<usize>, Issue> {
        let (token, span) = self.tokens.next()?;
        self.token = token;
        let span = std::mem::replace(&mut self.span, span);
        self.end = span.end;
        Ok(span)
    }

    fn is(&self, sign: &'static str) -> bool {
        self.token == Token::Sign(sign)
    }

    fn is_word(&self, word: &str) -> bool {
        self.token == Token::Name && self.text() == word
    }

    fn take(&mut self, sign: &'static str) -> Result<bool, Issue> {
        let found = self.is(sign);
        if found {
            self.advance()?;
        }
        Ok(found)
    }

    fn expect(&mut self, sign: &'static str) -> Result<(), Issue> {
        if self.take(sign)? { Ok(()) } else { Err(self.unexpected_token(&format!("`{sign}`"))) }
    }

    fn unexpected_token(&self, wanted: &str) -> Issue {
        match self.token {
            Token::End => Issue::new(&self.span, format!("the expression ends where {wanted} should follow")),
            token => {
                let (text, before) = (self.text(), self.source.get(..self.span.start).unwrap_or_default());
                let issue = Issue::new(&self.span, format!("`{}` stands where {wanted} should be", one_line(text)));
                issue.with_optional_help(match token {
                    Token::Name => foreign::word_help(text).or_else(|| foreign::word_help(last_word(before))),
                    _ => foreign::misplaced_sign_help(before, text),
                })
            }
        }
    }

    /// A tree from `start` to what was last read, deeper by one than the deepest of `children`.
    pub(super) fn tree(&self, start: usize, depth: usize, syntax: Syntax) -> Parsed {
        let span = start..self.end;
        let depth = depth + 1;
        if depth > MAX_DEPTH { Err(too_deep(&span)) } else { Ok(Tree { span, depth, syntax }) }
    }

    fn nest(&mut self, read: fn(&mut Self) -> Parsed) -> Parsed {
        self.nesting += 1;
        if self.nesting > MAX_DEPTH {
            return Err(too_deep(&self.span));
        }
        let tree = read(self)?;
        // not after an error: that ends the parse
        self.nesting -= 1;
        Ok(tree)
    }

    fn expression(&mut self) -> Parsed {
        self.nest(Self::conditional)
    }

    fn conditional(&mut self) -> Parsed {
        let condition = self.join("||")?;
        if !self.take("?")? {
            return Ok(condition);
        }
        // the grammar of CEL has no conditional between `?` and `:` without parentheses
        let then = self.join("||")?;
        self.expect(":")?;
        let otherwise = self.expression()?;
        let depth = condition.depth.max(then.depth).max(otherwise.depth);
        self.tree(condition.span.start, depth, Syntax::Conditional(Box::new([condition, then, otherwise])))
    }

    /// Parts joined by `||`, which are parts joined by `&&`. A long chain is one tree, not a deep one.
    fn join(&mut self, sign: &'static str) -> Parsed {
        let part = |parser: &mut Self| if sign == "||" { parser.join("&&") } else { parser.infix(0) };
        let first = part(self)?;
        if !self.is(sign) {
            return Ok(first);
        }
        // one tree of many parts: a chain of a hundred conditions would exceed the depth otherwise
        let mut parts = vec![first];
        while self.take(sign)? {
            parts.push(part(self)?);
        }
        let start = parts.first().map_or(0, |part| part.span.start);
        let depth = deepest(&parts);
        self.tree(start, depth, if sign == "||" { Syntax::Or(parts) } else { Syntax::And(parts) })
    }

    /// The operator that comes next, and how strongly it binds.
    fn operator(&self) -> Option<(Infix, usize)> {
        if self.is_word("in") {
            return Some((Infix::In, 0));
        }
        let Token::Sign(sign) = self.token else { return None };
        Some(match sign {
            "==" => (Infix::Equal { negated: false }, 0),
            "!=" => (Infix::Equal { negated: true }, 0),
            "<" => (Infix::Compare(Comparison::Less), 0),
            "<=" => (Infix::Compare(Comparison::LessOrEqual), 0),
            ">" => (Infix::Compare(Comparison::Greater), 0),
            ">=" => (Infix::Compare(Comparison::GreaterOrEqual), 0),
            "+" => (Infix::Calculate(Operator::Add), 1),
            "-" => (Infix::Calculate(Operator::Subtract), 1),
            "*" => (Infix::Calculate(Operator::Multiply), 2),
            "/" => (Infix::Calculate(Operator::Divide), 2),
            "%" => (Infix::Calculate(Operator::Remainder), 2),
            _ => return None,
        })
    }

    fn infix(&mut self, weakest: usize) -> Parsed {
        let mut left = self.unary()?;
        while let Some((operator, strength)) = self.operator().filter(|(_, strength)| *strength >= weakest) {
            self.advance()?;
            let right = self.infix(strength + 1)?;
            let depth = left.depth.max(right.depth);
            left = self.tree(left.span.start, depth, Syntax::Infix(operator, Box::new([left, right])))?;
        }
        Ok(left)
    }

    fn unary(&mut self) -> Parsed {
        if !self.is("!") && !self.is("-") {
            let primary = self.primary()?;
            return self.members(primary);
        }
        let is_not = self.is("!");
        let start = self.advance()?.start;
        // the sign belongs to the literal: the least `int` has no positive counterpart
        if !is_not && matches!(self.token, Token::Int | Token::Double) {
            let number = self.number(start, true)?;
            return self.members(number);
        }
        let operand = Box::new(self.nest(Self::unary)?);
        self.tree(start, operand.depth, if is_not { Syntax::Not(operand) } else { Syntax::Negate(operand) })
    }

    /// `.name`, `.name(...)` and `[...]` behind `tree`, and the optional `.?name` and `[?...]`.
    fn members(&mut self, mut tree: Tree) -> Parsed {
        loop {
            let start = tree.span.start;
            // what is asked of an optional value is optional, too
            let is_optional = tree.syntax.is_optional();
            if self.take("[")? {
                let is_optional = self.take("?")? || is_optional;
                let key = self.expression()?;
                self.expect("]")?;
                let depth = tree.depth.max(key.depth);
                tree = self.tree(start, depth, Syntax::Index(Box::new([tree, key])))?.into_optional(is_optional);
            } else if self.take(".")? {
                let is_asked = self.take("?")?;
                let name = match self.token {
                    Token::Name if !KEYWORDS.contains(&self.text()) => self.text(),
                    Token::Quoted => self.text().trim_matches('`'),
                    _ => return Err(self.unexpected_token("a name")),
                };
                let is_callable = self.token == Token::Name && !is_asked;
                let at = self.advance()?;
                tree = if is_callable && self.take("(")? {
                    let arguments = self.list(")")?;
                    self.call(start, name, at, Some(tree), arguments)?
                } else {
                    let depth = tree.depth;
                    let select =
                        self.tree(start, depth, Syntax::Select { of: Box::new(tree), name: name.into(), at })?;
                    select.into_optional(is_asked || is_optional)
                };
            } else {
                return Ok(tree);
            }
        }
    }

    fn primary(&mut self) -> Parsed {
        let start = self.span.start;
        match self.token {
            Token::Int | Token::Uint | Token::Double => self.number(start, false),
            Token::String | Token::Bytes => {
                let read = if self.token == Token::String { literal::string } else { literal::bytes };
                let text = self.text();
                let value = read(text).map_err(|wrong| {
                    Issue::new(&self.span, wrong).with_optional_help(literal::escape_help(text, wrong))
                })?;
                self.literal(start, value)
            }
            Token::Name => self.name(),
            Token::Sign("(") => {
                self.advance()?;
                let inside = self.expression()?;
                self.expect(")")?;
                // the span has the parentheses, so that a message quotes them; the tree does not need them
                Ok(Tree { span: start..self.end, ..inside })
            }
            Token::Sign("[") => {
                self.advance()?;
                let elements = self.list("]")?;
                self.tree(start, deepest(&elements), Syntax::List(elements))
            }
            Token::Sign("{") => self.map(),
            Token::Quoted | Token::Sign(_) | Token::End => Err(self.unexpected_token("a value")),
        }
    }

    fn literal(&mut self, start: usize, value: Value<'static>) -> Parsed {
        self.advance()?;
        self.tree(start, 0, Syntax::Literal(value))
    }

    fn number(&mut self, start: usize, negative: bool) -> Parsed {
        let text = self.text();
        let value = match self.token {
            Token::Int => literal::int(text, negative).map(Value::Int),
            Token::Uint => literal::uint(text).map(Value::Uint),
            _ => {
                let number = text.parse().ok().filter(|number: &f64| number.is_finite());
                number.map(|number| Value::Double(if negative { -number } else { number }))
            }
        };
        let value = value.ok_or_else(|| Issue::new(&self.span, "the number is too large, or has no digits"))?;
        self.literal(start, value)
    }

    fn name(&mut self) -> Parsed {
        let name = self.text();
        match name {
            "true" | "false" => return self.literal(self.span.start, Value::Bool(name == "true")),
            "null" => return self.literal(self.span.start, Value::Null),
            "in" => return Err(self.unexpected_token("a value")),
            _ if RESERVED.contains(&name) => {
                let issue = Issue::new(&self.span, format!("CEL keeps the word `{name}` for itself"));
                return Err(issue.with_optional_help(foreign::word_help(name)));
            }
            _ => {}
        }
        let at = self.advance()?;
        if self.take("(")? {
            let arguments = self.list(")")?;
            return self.call(at.start, name, at, None, arguments);
        }
        self.tree(at.start, 0, Syntax::Name(name.into()))
    }

    /// The items between brackets, up to `end`. Lists, but not arguments, may end with a comma.
    fn list(&mut self, end: &'static str) -> Result<Vec<Tree>, Issue> {
        let mut items = Vec::new();
        while !self.is(end) {
            items.push(self.expression()?);
            if !self.take(",")? {
                break;
            }
            // the grammar permits a trailing comma in lists and maps, not in arguments
            if end == ")" && self.is(end) {
                return Err(self.unexpected_token("an argument"));
            }
        }
        self.expect(end)?;
        Ok(items)
    }

    fn map(&mut self) -> Parsed {
        let start = self.advance()?.start;
        let mut entries = Vec::new();
        let mut depth = 0;
        while !self.is("}") {
            let key = self.expression()?;
            self.expect(":")?;
            let value = self.expression()?;
            depth = depth.max(key.depth).max(value.depth);
            entries.push((key, value));
            if !self.take(",")? {
                break;
            }
        }
        self.expect("}")?;
        self.tree(start, depth, Syntax::Map(entries))
    }
}

pub(super) fn deepest(trees: &[Tree]) -> usize {
    trees.iter().map(|tree| tree.depth).max().unwrap_or_default()
}

fn too_deep(span: &Range<usize>) -> Issue {
    Issue::new(span, format!("the expression nests deeper than {MAX_DEPTH} levels"))
}

/// The text with control characters escaped.
fn one_line(text: &str) -> String {
    text.chars()
        .flat_map(|letter| if letter.is_control() { letter.escape_debug().collect() } else { vec![letter] })
        .collect()
}

/// The word at the end of `text`, before blanks; empty if it ends with something else.
fn last_word(text: &str) -> &str {
    let text = text.trim_end();
    text.rsplit(|character: char| !character.is_ascii_alphanumeric()).next().unwrap_or_default()
}
