//! The strict reader of JSON (RFC 8259). It refuses what two decoders may read differently.

use super::MAX_DEPTH;
use super::error::{ParseError, PathStep, Problem};
use super::names::{LINEAR_MEMBERS, NameIndex, repeats_name};
use super::node::{Document, DocumentSpan, IndexedObject, Member};
use super::packed::{LONGEST_TEXT, PackedNode, PackedText};
use super::place::place_of;
use super::scan::plain_run;
use super::unescape::unescape;
use bytes::Bytes;
use bytestring::ByteString;

/// Bytes of text for each value that room is made for in advance, and the most values. A guess that holds for most bodies.
// bounded: a body that is one long string has two values, and its price has no room for a list as long as the body
const BYTES_PER_VALUE: usize = 24;
const MOST_IN_ADVANCE: usize = 64;

impl Document {
    /// Parses one strict JSON value.
    ///
    /// # Errors
    ///
    /// `bytes` are not one strict JSON value.
    pub fn parse(bytes: Bytes) -> Result<Self, ParseError> {
        // RFC 8259 section 8.1: UTF-8, and a parser may ignore a byte order mark, so that decoders differ on it: refused
        let text = match ByteString::try_from(bytes) {
            Ok(text) if !text.starts_with('\u{feff}') && text.len() <= LONGEST_TEXT => text,
            _ => return Err(ParseError { problem: Problem::Encoding, line: 0, column: 0 }),
        };
        let mut reader = Reader::new(&text);
        match reader.whole_text() {
            Ok(root) => {
                let Reader { unescaped, elements, members, indexed, .. } = reader;
                Ok(Self { text, unescaped, root, elements, members, indexed })
            }
            Err(defect) => {
                let (line, column) = place_of(reader.bytes, reader.at);
                Err(ParseError { problem: reader.problem(defect), line, column })
            }
        }
    }
}

/// Why reading stops, at the byte where the reader is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Defect {
    Syntax,
    HalfSurrogate,
    TooDeep,
    DuplicateName,
}

/// What is read of a text so far.
struct Reader<'t> {
    text: &'t str,
    bytes: &'t [u8],
    /// The position of the next byte.
    at: usize,
    depth: usize,
    unescaped: String,
    elements: Vec<PackedNode>,
    members: Vec<Member>,
    indexed: Vec<IndexedObject>,
    /// The elements of the arrays that have not ended yet, those of the innermost last.
    open_elements: Vec<PackedNode>,
    /// The members of the objects that have not ended yet, those of the innermost last.
    open_members: Vec<Member>,
    /// The path to the object of a defect, innermost step first.
    path: Vec<PathStep>,
}

impl<'t> Reader<'t> {
    fn new(text: &'t str) -> Self {
        let members = Vec::with_capacity((text.len() / BYTES_PER_VALUE).min(MOST_IN_ADVANCE));
        Self {
            text,
            bytes: text.as_bytes(),
            at: 0,
            depth: 0,
            unescaped: String::new(),
            elements: Vec::new(),
            members,
            indexed: Vec::new(),
            open_elements: Vec::new(),
            open_members: Vec::new(),
            path: Vec::new(),
        }
    }

    fn problem(&mut self, defect: Defect) -> Problem {
        match defect {
            Defect::Syntax => Problem::Syntax,
            Defect::HalfSurrogate => Problem::HalfSurrogate,
            Defect::TooDeep => Problem::TooDeep,
            Defect::DuplicateName => {
                self.path.reverse();
                Problem::DuplicateName(std::mem::take(&mut self.path))
            }
        }
    }

    fn whole_text(&mut self) -> Result<PackedNode, Defect> {
        let root = self.value()?;
        self.skip_blanks();
        if self.at == self.bytes.len() { Ok(root) } else { Err(Defect::Syntax) }
    }

    /// The next byte. 0 at the end of the text, as at a byte 0, which is not allowed anywhere.
    fn peek(&self) -> u8 {
        self.bytes.get(self.at).copied().unwrap_or_default()
    }

    /// The next byte that is not white space (RFC 8259 section 2).
    fn skip_blanks(&mut self) -> u8 {
        loop {
            match self.peek() {
                b' ' | b'\n' | b'\r' | b'\t' => self.at += 1,
                byte => return byte,
            }
        }
    }

    fn span_from(&self, start: usize) -> Result<DocumentSpan, Defect> {
        // never fails: the length of the text was checked
        DocumentSpan::new(start, self.at).ok_or(Defect::Syntax)
    }

    fn value(&mut self) -> Result<PackedNode, Defect> {
        let first = self.skip_blanks();
        self.value_from(first)
    }

    /// The value that begins with the next byte, `first`.
    fn value_from(&mut self, first: u8) -> Result<PackedNode, Defect> {
        match first {
            b'"' => self.string().map(PackedNode::string),
            b'{' => self.object(),
            b'[' => self.array(),
            b'-' | b'0'..=b'9' => self.number(),
            b't' => self.literal(b"true", PackedNode::TRUE),
            b'f' => self.literal(b"false", PackedNode::FALSE),
            b'n' => self.literal(b"null", PackedNode::NULL),
            _ => Err(Defect::Syntax),
        }
    }

    fn literal(&mut self, literal: &[u8], value: PackedNode) -> Result<PackedNode, Defect> {
        for byte in literal {
            self.expect(*byte)?;
        }
        Ok(value)
    }

    fn expect(&mut self, byte: u8) -> Result<(), Defect> {
        if self.peek() != byte {
            return Err(Defect::Syntax);
        }
        self.at += 1;
        Ok(())
    }

    /// RFC 8259 section 6.
    fn number(&mut self) -> Result<PackedNode, Defect> {
        let start = self.at;
        if self.peek() == b'-' {
            self.at += 1;
        }
        // no zero in front: to some decoders it begins an octal number
        if self.peek() == b'0' {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.peek() == b'.' {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), b'e' | b'E') {
            self.at += 1;
            if matches!(self.peek(), b'+' | b'-') {
                self.at += 1;
            }
            self.digits()?;
        }
        self.span_from(start).map(PackedNode::number)
    }

    /// One digit or more.
    fn digits(&mut self) -> Result<(), Defect> {
        let start = self.at;
        while self.peek().is_ascii_digit() {
            self.at += 1;
        }
        if self.at > start { Ok(()) } else { Err(Defect::Syntax) }
    }

    /// RFC 8259 section 7.
    fn string(&mut self) -> Result<PackedText, Defect> {
        self.at += 1;
        let start = self.at;
        self.at += self.bytes.get(start..).map_or(0, plain_run);
        match self.peek() {
            b'"' => {
                let span = self.span_from(start)?;
                self.at += 1;
                Ok(PackedText::of_text(span))
            }
            b'\\' => self.escaped_string(start),
            _ => Err(Defect::Syntax),
        }
    }

    /// Reads a string that begins at `start` to its end, from its first escape on.
    // apart, so that strings without an escape, which are most, need few registers
    #[inline(never)]
    fn escaped_string(&mut self, start: usize) -> Result<PackedText, Defect> {
        let begin = self.unescaped.len();
        let mut plain = start;
        loop {
            self.unescaped.push_str(self.text.get(plain..self.at).unwrap_or_default());
            match self.peek() {
                b'"' => {
                    self.at += 1;
                    let span = DocumentSpan::new(begin, self.unescaped.len()).ok_or(Defect::Syntax)?;
                    return Ok(PackedText::of_unescaped(span));
                }
                b'\\' => self.unescaped.push(unescape(self.bytes, &mut self.at)?),
                _ => return Err(Defect::Syntax),
            }
            plain = self.at;
            self.at += self.bytes.get(plain..).map_or(0, plain_run);
        }
    }

    fn enter(&mut self) -> Result<(), Defect> {
        if self.depth == MAX_DEPTH {
            return Err(Defect::TooDeep);
        }
        self.depth += 1;
        self.at += 1;
        Ok(())
    }

    fn leave(&mut self) {
        self.depth -= 1;
        self.at += 1;
    }

    fn array(&mut self) -> Result<PackedNode, Defect> {
        self.enter()?;
        let open = self.open_elements.len();
        if self.skip_blanks() != b']' {
            loop {
                let element = match self.value() {
                    Ok(element) => element,
                    Err(defect) => {
                        return Err(self.within(defect, |it| PathStep::Element(it.open_elements.len() - open)));
                    }
                };
                self.open_elements.push(element);
                match self.skip_blanks() {
                    b',' => self.at += 1,
                    b']' => break,
                    _ => return Err(Defect::Syntax),
                }
            }
        }
        self.leave();
        let start = self.elements.len();
        self.elements.extend_from_slice(self.open_elements.get(open..).unwrap_or_default());
        self.open_elements.truncate(open);
        DocumentSpan::new(start, self.elements.len()).map(PackedNode::array).ok_or(Defect::Syntax)
    }

    fn object(&mut self) -> Result<PackedNode, Defect> {
        self.enter()?;
        let open = self.open_members.len();
        if self.skip_blanks() != b'}' {
            loop {
                self.member(open)?;
                match self.skip_blanks() {
                    b',' => self.at += 1,
                    b'}' => break,
                    _ => return Err(Defect::Syntax),
                }
            }
        }
        self.close_object(open)
    }

    /// Reads a member of the object whose members are open from `open` on.
    fn member(&mut self, open: usize) -> Result<(), Defect> {
        if self.skip_blanks() != b'"' {
            return Err(Defect::Syntax);
        }
        let name = self.string()?;
        let (text, unescaped) = (self.text, self.unescaped.as_str());
        // quadratic, but only up to the limit; larger objects are checked once they are indexed
        let siblings = self.open_members.get(open..).unwrap_or_default();
        if siblings.len() < LINEAR_MEMBERS && repeats_name(siblings, name.read(text, unescaped), text, unescaped) {
            // the place is the end of the name
            self.at -= 1;
            return Err(Defect::DuplicateName);
        }
        self.skip_blanks();
        self.expect(b':')?;
        // most values are strings, and take no call
        let value = match self.skip_blanks() {
            b'"' => self.string().map(PackedNode::string)?,
            first => match self.value_from(first) {
                Ok(value) => value,
                Err(defect) => {
                    let step = |it: &Self| PathStep::Member(name.read(it.text, &it.unescaped).to_owned());
                    return Err(self.within(defect, step));
                }
            },
        };
        self.open_members.push(Member { name, value });
        Ok(())
    }

    /// Adds a step to the path of a defect that has one.
    #[cold]
    fn within(&mut self, defect: Defect, step: impl FnOnce(&Self) -> PathStep) -> Defect {
        if defect == Defect::DuplicateName {
            let step = step(self);
            self.path.push(step);
        }
        defect
    }

    fn close_object(&mut self, open: usize) -> Result<PackedNode, Defect> {
        let start = self.members.len();
        let (text, unescaped) = (self.text, self.unescaped.as_str());
        let members = self.open_members.get(open..).unwrap_or_default();
        let by_name = match members.len() {
            0..=LINEAR_MEMBERS => None,
            _ => Some(NameIndex::of(members, text, unescaped).ok_or(Defect::DuplicateName)?),
        };
        self.members.extend_from_slice(members);
        self.open_members.truncate(open);
        self.leave();
        let members = DocumentSpan::new(start, self.members.len()).ok_or(Defect::Syntax)?;
        let Some(by_name) = by_name else { return Ok(PackedNode::object(members)) };
        self.indexed.push(IndexedObject { members, by_name });
        let position = u32::try_from(self.indexed.len() - 1).map_err(|_| Defect::Syntax)?;
        Ok(PackedNode::indexed_object(position))
    }
}

#[cfg(test)]
mod tests;
