//! The parser of documents: `serde_json` reads the grammar, and the visitor here refuses what has two meanings.

use super::MAX_DEPTH;
use super::error::{ParseError, PathStep, Problem};
use super::node::{Document, Member, Members, NodeRepr, TextRepr};
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use std::fmt;
use std::ops::Range;

/// The name of the only member of the map as which `serde_json` (feature `arbitrary_precision`) passes a verbatim number.
const NUMBER_TOKEN: &str = "$serde_json::private::Number";

/// Objects with more members than this are indexed by name. In smaller ones a linear search is faster.
const LINEAR_MEMBERS: usize = 16;

impl Document {
    /// Parses one strict JSON value.
    ///
    /// # Errors
    ///
    /// `bytes` are not one strict JSON value.
    pub fn parse(bytes: &[u8]) -> Result<Self, ParseError> {
        // RFC 8259 section 8.1: UTF-8, and a parser may ignore a byte order mark, so that decoders differ on it: refused
        let text = match std::str::from_utf8(bytes) {
            Ok(text) if !text.starts_with('\u{feff}') && u32::try_from(text.len()).is_ok() => text,
            _ => return Err(ParseError { problem: Problem::Encoding, line: 0, column: 0 }),
        };
        let mut reader = ParserState { text, nodes: Vec::new(), path: Vec::new(), problem: None };
        let mut source = serde_json::Deserializer::from_str(text);
        let read = ValueSeed { reader: &mut reader }.deserialize(&mut source);
        match read.and_then(|root| source.end().map(|()| root)) {
            Ok(root) => Ok(Self { text: text.into(), nodes: reader.nodes, root }),
            Err(error) => Err(ParseError {
                problem: reader.problem.unwrap_or_else(|| syntax_problem(&error)),
                line: error.line(),
                column: error.column(),
            }),
        }
    }
}

/// The kind of an error in the grammar.
fn syntax_problem(error: &serde_json::Error) -> Problem {
    // the type does not tell them apart; both messages are for a first half without its second, or a second alone
    let message = error.to_string();
    let is_half = message.contains("lone leading surrogate") || message.contains("unexpected end of hex escape");
    if is_half { Problem::HalfSurrogate } else { Problem::Syntax }
}

/// What is read of a text so far.
struct ParserState<'t> {
    text: &'t str,
    nodes: Vec<NodeRepr>,
    /// The path to the current value; its length is the depth.
    path: Vec<ParserStep<'t>>,
    problem: Option<Problem>,
}

enum ParserStep<'t> {
    Member(MemberName<'t>),
    Element(usize),
}

#[derive(Clone)]
enum MemberName<'t> {
    Slice(&'t str),
    Own(Box<str>),
}

impl MemberName<'_> {
    fn as_str(&self) -> &str {
        match self {
            Self::Slice(slice) => slice,
            Self::Own(own) => own,
        }
    }
}

impl<'t> ParserState<'t> {
    fn push(&mut self, node: NodeRepr) -> u32 {
        self.nodes.push(node);
        // cannot overflow: there is at most one node a byte, and there are fewer than 2^32 bytes
        u32::try_from(self.nodes.len() - 1).unwrap_or(u32::MAX)
    }

    /// The range of `slice` in the text; `None` if it is not a part of the text.
    fn range_of(&self, slice: &str) -> Option<Range<u32>> {
        // compares addresses without `unsafe`: `serde_json` borrows strings without escapes from the text itself
        let start = (slice.as_ptr() as usize).checked_sub(self.text.as_ptr() as usize)?;
        let end = start + slice.len();
        if end > self.text.len() {
            return None;
        }
        Some(u32::try_from(start).ok()?..u32::try_from(end).ok()?)
    }

    fn text_of(&self, name: &MemberName<'t>) -> TextRepr {
        match name {
            MemberName::Slice(slice) => {
                self.range_of(slice).map_or_else(|| TextRepr::Own((*slice).into()), TextRepr::Slice)
            }
            MemberName::Own(own) => TextRepr::Own(own.clone()),
        }
    }

    fn enter(&mut self, step: ParserStep<'t>) -> bool {
        if self.path.len() == MAX_DEPTH {
            self.problem = Some(Problem::TooDeep);
            return false;
        }
        self.path.push(step);
        true
    }

    /// The path to the current object.
    fn path(&self) -> Vec<PathStep> {
        let steps = self.path.iter().map(|step| match step {
            ParserStep::Member(name) => PathStep::Member(name.as_str().to_owned()),
            ParserStep::Element(position) => PathStep::Element(*position),
        });
        steps.collect()
    }
}

/// Parses one value; the result is its index in the list of nodes.
struct ValueSeed<'r, 't> {
    reader: &'r mut ParserState<'t>,
}

impl<'t> DeserializeSeed<'t> for ValueSeed<'_, 't> {
    type Value = u32;

    fn deserialize<D: Deserializer<'t>>(self, deserializer: D) -> Result<u32, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'t> Visitor<'t> for ValueSeed<'_, 't> {
    type Value = u32;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<u32, E> {
        Ok(self.reader.push(NodeRepr::Null))
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<u32, E> {
        Ok(self.reader.push(NodeRepr::Bool(value)))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<u32, E> {
        Ok(self.reader.push(NodeRepr::Number(value.to_string().into())))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<u32, E> {
        Ok(self.reader.push(NodeRepr::Number(value.to_string().into())))
    }

    fn visit_borrowed_str<E: Error>(self, value: &'t str) -> Result<u32, E> {
        let text = self.reader.text_of(&MemberName::Slice(value));
        Ok(self.reader.push(NodeRepr::String(text)))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<u32, E> {
        Ok(self.reader.push(NodeRepr::String(TextRepr::Own(value.into()))))
    }

    fn visit_seq<A: SeqAccess<'t>>(self, mut seq: A) -> Result<u32, A::Error> {
        let mut elements = Vec::new();
        // entered before the element exists: the depth of its own content is checked while it is parsed
        loop {
            if !self.reader.enter(ParserStep::Element(elements.len())) {
                return Err(A::Error::custom(""));
            }
            let element = seq.next_element_seed(ValueSeed { reader: self.reader })?;
            self.reader.path.pop();
            match element {
                Some(index) => elements.push(index),
                None => return Ok(self.reader.push(NodeRepr::Array(elements.into()))),
            }
        }
    }

    fn visit_map<A: MapAccess<'t>>(self, mut map: A) -> Result<u32, A::Error> {
        let mut members: Vec<(MemberName<'t>, u32)> = Vec::new();
        while let Some(key) = map.next_key_seed(KeySeed { reader: self.reader })? {
            let name = match key {
                ParsedKey::Number => return Ok(self.reader.push(NodeRepr::Number(map.next_value::<Box<str>>()?))),
                ParsedKey::MemberName(name) => name,
            };
            // quadratic, but only up to the limit; larger objects are checked once they are sorted
            let twice =
                members.len() < LINEAR_MEMBERS && members.iter().any(|(known, _)| known.as_str() == name.as_str());
            if twice {
                return self.reader.duplicate();
            }
            if !self.reader.enter(ParserStep::Member(name.clone())) {
                return Err(A::Error::custom(""));
            }
            let value = map.next_value_seed(ValueSeed { reader: self.reader })?;
            self.reader.path.pop();
            members.push((name, value));
        }
        self.reader.object(&members)
    }
}

impl<'t> ParserState<'t> {
    fn duplicate<E: Error>(&mut self) -> Result<u32, E> {
        self.problem = Some(Problem::DuplicateName(self.path()));
        Err(E::custom(""))
    }

    /// Adds an object. `members` are in document order.
    fn object<E: Error>(&mut self, members: &[(MemberName<'t>, u32)]) -> Result<u32, E> {
        // an empty object has entered no member, and may still be one level too deep
        if self.path.len() == MAX_DEPTH {
            self.problem = Some(Problem::TooDeep);
            return Err(E::custom(""));
        }
        let name_at = |position: u32| members.get(position as usize).map_or("", |(name, _)| name.as_str());
        let by_name = (members.len() > LINEAR_MEMBERS).then(|| {
            let mut order: Vec<u32> = (0..).take(members.len()).collect();
            order.sort_unstable_by(|left, right| name_at(*left).cmp(name_at(*right)));
            order
        });
        // sorting brings equal names side by side
        let twice = by_name.iter().flat_map(|order| order.windows(2)).any(|pair| match pair {
            [left, right] => name_at(*left) == name_at(*right),
            _ => false,
        });
        if twice {
            return self.duplicate();
        }
        let list = members.iter().map(|(name, value)| Member { name: self.text_of(name), value: *value }).collect();
        Ok(self.push(NodeRepr::Object(Members { list, by_name: by_name.map(Vec::into_boxed_slice) })))
    }
}

/// Parses the next name of an object, or finds that the "object" is a number (see [`NUMBER_TOKEN`]).
struct KeySeed<'r, 't> {
    reader: &'r ParserState<'t>,
}

enum ParsedKey<'t> {
    MemberName(MemberName<'t>),
    Number,
}

impl<'t> DeserializeSeed<'t> for KeySeed<'_, 't> {
    type Value = ParsedKey<'t>;

    fn deserialize<D: Deserializer<'t>>(self, deserializer: D) -> Result<ParsedKey<'t>, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'t> Visitor<'t> for KeySeed<'_, 't> {
    type Value = ParsedKey<'t>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    // a client may send the token as a name: that one is a slice of the body, and the one of `serde_json` is not
    fn visit_borrowed_str<E: Error>(self, name: &'t str) -> Result<ParsedKey<'t>, E> {
        let is_number = name == NUMBER_TOKEN && self.reader.range_of(name).is_none();
        Ok(if is_number { ParsedKey::Number } else { ParsedKey::MemberName(MemberName::Slice(name)) })
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<ParsedKey<'t>, E> {
        Ok(ParsedKey::MemberName(MemberName::Own(name.into())))
    }
}

#[cfg(test)]
mod tests;
