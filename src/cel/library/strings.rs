//! `cel.ext.strings`: texts taken apart and put together. Positions count code points, as `size` does.

use super::arguments::{Arguments, int};
use super::format::format;
use crate::cel::activation::{Container, Evaluated, Value};
use crate::cel::budget::Budget;
use crate::cel::error::EvaluationError;
use crate::cel::kind::Kinds;
use crate::cel::signature::{ResultShape, Signature};

/// A function of a text, or of a list of texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cel) enum StringFunction {
    CharAt,
    Format,
    IndexOf,
    Join,
    LastIndexOf,
    LowerAscii,
    Quote,
    Replace,
    Reverse,
    Split,
    Substring,
    Trim,
    UpperAscii,
}

use StringFunction as F;

const TEXT: Kinds = Kinds::STRING;
const ONE: &[Kinds] = &[TEXT];
const TWO: &[Kinds] = &[TEXT, TEXT];
const WITH_INT: &[Kinds] = &[TEXT, Kinds::INT];
const POSITION: &[Kinds] = &[Kinds::INT];

pub(in crate::cel) const SIGNATURES: [Signature<F>; 13] = [
    Signature::member("charAt", WITH_INT, TEXT, F::CharAt),
    Signature::member("format", &[TEXT, Kinds::LIST], TEXT, F::Format),
    Signature::member("indexOf", TWO, Kinds::INT, F::IndexOf).with_optional(POSITION),
    Signature::member("join", &[Kinds::LIST], TEXT, F::Join).with_optional(ONE),
    Signature::member("lastIndexOf", TWO, Kinds::INT, F::LastIndexOf).with_optional(POSITION),
    Signature::member("lowerAscii", ONE, TEXT, F::LowerAscii),
    Signature::plain("strings.quote", ONE, TEXT, F::Quote),
    Signature::member("replace", &[TEXT, TEXT, TEXT], TEXT, F::Replace).with_optional(POSITION),
    Signature::member("reverse", ONE, TEXT, F::Reverse),
    Signature::member("split", TWO, Kinds::LIST, F::Split).with_optional(POSITION).with_shape(ResultShape::Texts),
    Signature::member("substring", WITH_INT, TEXT, F::Substring).with_optional(POSITION),
    Signature::member("trim", ONE, TEXT, F::Trim),
    Signature::member("upperAscii", ONE, TEXT, F::UpperAscii),
];

impl StringFunction {
    /// What the function gives for `arguments`, of which each is known.
    pub(in crate::cel) fn call<'a, C: Container<'a>>(
        self,
        arguments: &[Value<'a, C>],
        budget: &mut Budget,
    ) -> Evaluated<'a, C> {
        let arguments = Arguments(arguments);
        if self == Self::Join {
            return join(arguments, budget);
        }
        let text = arguments.text(0)?;
        // each reads all of the text, and most make one of at most its size
        budget.bytes(2 * text.len())?;
        Ok(match self {
            Self::IndexOf => index_of(text, arguments, budget)?,
            Self::LastIndexOf => last_index_of(text, arguments, budget)?,
            Self::Split => split(text, arguments, budget)?,
            Self::Format => return format(text, arguments.list(1)?, budget),
            _ => text_value(self.text(text, arguments, budget)?),
        })
    }

    /// What those give that give a text.
    fn text<'a, C: Container<'a>>(
        self,
        text: &str,
        arguments: Arguments<'_, 'a, C>,
        budget: &mut Budget,
    ) -> Result<String, EvaluationError> {
        Ok(match self {
            Self::CharAt => {
                let (_, rest) = split_at(text, arguments.int(1)?)?;
                rest.chars().take(1).collect()
            }
            Self::Substring => {
                let (start, end) = (arguments.int(1)?, arguments.optional_int(2)?);
                let (_, rest) = split_at(text, start)?;
                let length = end.map(|end| end.checked_sub(start).ok_or(EvaluationError::OutOfRange)).transpose()?;
                length.map_or(Ok(rest), |length| split_at(rest, length).map(|(inside, _)| inside))?.to_owned()
            }
            Self::LowerAscii => text.to_ascii_lowercase(),
            Self::UpperAscii => text.to_ascii_uppercase(),
            // the white space of Unicode, as CEL has it
            Self::Trim => text.trim().to_owned(),
            Self::Reverse => text.chars().rev().collect(),
            Self::Quote => quote(text),
            Self::Replace => replace(text, arguments, budget)?,
            // these give no text
            Self::Format | Self::IndexOf | Self::Join | Self::LastIndexOf | Self::Split => {
                return Err(EvaluationError::NoSuchOverload);
            }
        })
    }
}

fn text_value<'a, C: Container<'a>>(text: String) -> Value<'a, C> {
    Value::Text(text.into())
}

/// The text before the code point at `position`, and from there on.
fn split_at(text: &str, position: i64) -> Result<(&str, &str), EvaluationError> {
    let position = usize::try_from(position).map_err(|_| EvaluationError::OutOfRange)?;
    let mut starts = text.char_indices().map(|(start, _)| start).chain([text.len()]);
    let start = starts.nth(position).ok_or(EvaluationError::OutOfRange)?;
    text.split_at_checked(start).ok_or(EvaluationError::OutOfRange)
}

/// The position of the code point that starts at `start`.
fn position<'a, C: Container<'a>>(text: &str, start: Option<usize>) -> Value<'a, C> {
    let before = start.and_then(|start| text.get(..start));
    before.map_or(Value::Int(-1), |before| int(before.chars().count()))
}

fn index_of<'a, C: Container<'a>>(
    text: &str,
    arguments: Arguments<'_, 'a, C>,
    budget: &mut Budget,
) -> Result<Value<'a, C>, EvaluationError> {
    let part = arguments.text(1)?;
    budget.bytes(part.len())?;
    let (before, rest) = split_at(text, arguments.optional_int(2)?.unwrap_or_default())?;
    Ok(position(text, rest.find(part).map(|start| before.len() + start)))
}

fn last_index_of<'a, C: Container<'a>>(
    text: &str,
    arguments: Arguments<'_, 'a, C>,
    budget: &mut Budget,
) -> Result<Value<'a, C>, EvaluationError> {
    let part = arguments.text(1)?;
    budget.bytes(part.len())?;
    let Some(last) = arguments.optional_int(2)? else { return Ok(position(text, text.rfind(part))) };
    // the part begins at that position or before it
    let (before, rest) = split_at(text, last)?;
    let end =
        if rest.starts_with(part) { before.len() + part.len() } else { before.len() + part.len().saturating_sub(1) };
    let mut end = end.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    Ok(position(text, text.get(..end).and_then(|inside| inside.rfind(part))))
}

fn replace<'a, C: Container<'a>>(
    text: &str,
    arguments: Arguments<'_, 'a, C>,
    budget: &mut Budget,
) -> Result<String, EvaluationError> {
    let (old, new) = (arguments.text(1)?, arguments.text(2)?);
    budget.bytes(old.len())?;
    // a negative number is no limit
    let most = arguments.optional_int(3)?.map_or(usize::MAX, |most| usize::try_from(most).unwrap_or(usize::MAX));
    let found = text.matches(old).take(most).count();
    // the new text may be much longer than the old one
    budget.bytes(found.saturating_mul(new.len()))?;
    Ok(text.replacen(old, new, found))
}

fn split<'a, C: Container<'a>>(
    text: &str,
    arguments: Arguments<'_, 'a, C>,
    budget: &mut Budget,
) -> Result<Value<'a, C>, EvaluationError> {
    let separator = arguments.text(1)?;
    budget.bytes(separator.len())?;
    let most = arguments.optional_int(2)?.map_or(usize::MAX, |most| usize::try_from(most).unwrap_or(usize::MAX));
    let mut parts = Vec::new();
    let mut add = |part: &str| {
        budget.steps(1)?;
        parts.push(Value::Text(part.into()));
        Ok::<_, EvaluationError>(())
    };
    if most > 0 && !separator.is_empty() {
        text.splitn(most, separator).try_for_each(&mut add)?;
    } else if most > 0 {
        // between each two code points, and not before the first or after the last
        let mut rest = text;
        for _ in 1..most {
            let Some((first, after)) = rest.chars().next().and_then(|first| rest.split_at_checked(first.len_utf8()))
            else {
                break;
            };
            if after.is_empty() {
                break;
            }
            add(first)?;
            rest = after;
        }
        if !rest.is_empty() {
            add(rest)?;
        }
    }
    Ok(Value::OwnList(parts.into()))
}

fn join<'a, C: Container<'a>>(arguments: Arguments<'_, 'a, C>, budget: &mut Budget) -> Evaluated<'a, C> {
    let separator = if arguments.0.len() > 1 { arguments.text(1)? } else { "" };
    let mut joined = String::new();
    for (position, item) in arguments.list(0)?.known_items().enumerate() {
        let item = item?;
        let text = item.as_str().ok_or(EvaluationError::NoSuchOverload)?;
        budget.steps(1)?;
        budget.bytes(separator.len() + text.len())?;
        if position > 0 {
            joined.push_str(separator);
        }
        joined.push_str(text);
    }
    Ok(text_value(joined))
}

/// The text as a literal of CEL.
fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for letter in text.chars() {
        let escaped = match letter {
            '\x07' => 'a',
            '\x08' => 'b',
            '\x0c' => 'f',
            '\n' => 'n',
            '\r' => 'r',
            '\t' => 't',
            '\x0b' => 'v',
            '\\' | '"' => letter,
            _ => {
                quoted.push(letter);
                continue;
            }
        };
        quoted.extend(['\\', escaped]);
    }
    quoted.push('"');
    quoted
}
