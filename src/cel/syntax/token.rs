//! Tokens.

use super::foreign;
use crate::cel::issue::Issue;
use std::ops::Range;

/// The class of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// The end of the source.
    End,
    /// A word, keywords such as `in` among them.
    Name,
    /// Digits, decimal or `0x`.
    Int,
    /// The same with a `u` behind.
    Uint,
    /// Digits with a point or an exponent.
    Double,
    /// A string with its quotes and prefix.
    String,
    /// A byte string with its quotes and prefix.
    Bytes,
    /// A name in backticks, which may hold what no other name does.
    Quoted,
    /// Any other token, verbatim.
    Sign(&'static str),
}

/// Signs, longer ones before those that they begin with.
const SIGNS: [&str; 24] = [
    "==", "!=", "<=", ">=", "&&", "||", "<", ">", "(", ")", "[", "]", "{", "}", ".", ",", ":", "?", "!", "-", "+", "*",
    "/", "%",
];

/// Splits a source into tokens.
pub(super) struct Tokens<'s> {
    source: &'s str,
    position: usize,
}

impl<'s> Tokens<'s> {
    pub(super) const fn new(source: &'s str) -> Self {
        Self { source, position: 0 }
    }

    fn rest(&self) -> &'s str {
        self.source.get(self.position..).unwrap_or_default()
    }

    /// The next token, past blanks and comments.
    pub(super) fn next(&mut self) -> Result<(Token, Range<usize>), Issue> {
        self.skip_blanks();
        let start = self.position;
        let rest = self.rest();
        let first = rest.bytes().next();
        let (token, length) = match first {
            None => (Token::End, 0),
            Some(b'0'..=b'9') => number(rest),
            Some(b'`') => {
                let length =
                    quoted_len(rest).ok_or_else(|| Issue::new(&(start..start + 1), "not a name in backticks"))?;
                (Token::Quoted, length)
            }
            Some(b'.') if rest.as_bytes().get(1).is_some_and(u8::is_ascii_digit) => number(rest),
            Some(_) => match quote(rest) {
                Some((token, prefix)) => match string_len(rest, prefix) {
                    Some(length) => (token, length),
                    None => return Err(Issue::new(&(start..start + prefix + 1), "the string has no end")),
                },
                None => word(rest).or_else(|| sign(rest)).ok_or_else(|| unknown(start, rest))?,
            },
        };
        self.position += length;
        let span = start..self.position;
        let is_number = matches!(token, Token::Int | Token::Uint | Token::Double);
        // `1in x` and `0xfg` are typos, not two tokens
        if is_number && self.rest().bytes().next().is_some_and(is_of_a_word) {
            return Err(Issue::new(&span, "a number runs into a name"));
        }
        Ok((token, span))
    }

    fn skip_blanks(&mut self) {
        loop {
            let rest = self.rest();
            let blanks = rest.len() - rest.trim_start_matches([' ', '\t', '\n', '\r', '\x0b', '\x0c']).len();
            let comment = rest.get(blanks..).filter(|rest| rest.starts_with("//"));
            self.position += blanks + comment.map_or(0, |comment| comment.find('\n').unwrap_or(comment.len()));
            if comment.is_none() {
                return;
            }
        }
    }
}

/// The tokens of an expression, verbatim.
pub(in crate::cel) fn words(source: &str) -> Vec<&str> {
    let mut tokens = Tokens::new(source);
    std::iter::from_fn(|| tokens.next().ok().filter(|(token, _)| *token != Token::End))
        .filter_map(|(_, span)| source.get(span))
        .collect()
}

const fn is_of_a_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

fn digits(text: &str) -> usize {
    text.bytes().take_while(u8::is_ascii_digit).count()
}

/// A number at the start of `rest`, which starts with a digit, or a point and a digit.
fn number(rest: &str) -> (Token, usize) {
    let after = |length: usize| rest.get(length..).unwrap_or_default();
    let integer = |length: usize| {
        if after(length).starts_with(['u', 'U']) { (Token::Uint, length + 1) } else { (Token::Int, length) }
    };
    if rest.starts_with("0x") || rest.starts_with("0X") {
        return integer(2 + after(2).bytes().take_while(u8::is_ascii_hexdigit).count());
    }
    let whole = digits(rest);
    let mut length = whole;
    let fraction = after(length).strip_prefix('.').map_or(0, digits);
    // `1.` is an `int` and a dot, as in `1.size()`
    if fraction > 0 {
        length += 1 + fraction;
    }
    let exponent = after(length).strip_prefix(['e', 'E']).map(|text| (text, text.strip_prefix(['+', '-'])));
    if let Some((text, signed)) = exponent {
        let exponent = digits(signed.unwrap_or(text));
        if exponent > 0 {
            return (Token::Double, length + 1 + usize::from(signed.is_some()) + exponent);
        }
    }
    if fraction > 0 { (Token::Double, length) } else { integer(whole) }
}

/// The class of the string that starts here, and the length of its prefix; `None` if none starts.
fn quote(rest: &str) -> Option<(Token, usize)> {
    // more than two letters never are a prefix; the match below rejects them
    let prefix = rest.bytes().take_while(|byte| matches!(byte, b'r' | b'R' | b'b' | b'B')).count();
    if !rest.get(prefix..)?.starts_with(['"', '\'']) {
        return None;
    }
    match rest.get(..prefix)?.to_ascii_lowercase().as_str() {
        "" | "r" => Some((Token::String, prefix)),
        "b" | "br" | "rb" => Some((Token::Bytes, prefix)),
        _ => None,
    }
}

/// The length of the string at the start of `rest`, quotes included; `None` if it does not end.
fn string_len(rest: &str, prefix: usize) -> Option<usize> {
    let is_raw = rest.get(..prefix)?.contains(['r', 'R']);
    let body = rest.get(prefix..)?;
    let quote = body.get(..1)?;
    let triple = body.get(..3).filter(|start| *start == quote.repeat(3));
    let end = triple.unwrap_or(quote);
    let mut position = end.len();
    while let Some(inside) = body.get(position..) {
        if inside.starts_with(end) {
            return Some(prefix + position + end.len());
        }
        let first = inside.chars().next()?;
        position += first.len_utf8();
        // an escaped quote does not end the string
        if first == '\\' && !is_raw {
            position += body.get(position..)?.chars().next()?.len_utf8();
        }
    }
    None
}

/// The length of the name in backticks at the start of `rest`; `None` if there is none.
fn quoted_len(rest: &str) -> Option<usize> {
    let (name, _) = rest.strip_prefix('`')?.split_once('`')?;
    let is_name = !name.is_empty() && name.bytes().all(|byte| is_of_a_word(byte) || b"./- ".contains(&byte));
    is_name.then_some(name.len() + 2)
}

fn word(rest: &str) -> Option<(Token, usize)> {
    let starts = rest.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_');
    starts.then(|| (Token::Name, rest.bytes().take_while(|byte| is_of_a_word(*byte)).count()))
}

fn sign(rest: &str) -> Option<(Token, usize)> {
    let sign = SIGNS.into_iter().find(|sign| rest.starts_with(sign))?;
    Some((Token::Sign(sign), sign.len()))
}

fn unknown(start: usize, rest: &str) -> Issue {
    let length = rest.chars().next().map_or(0, char::len_utf8);
    Issue::new(&(start..start + length), "not a sign that CEL has").with_optional_help(foreign::sign_help(rest))
}
