//! Whether the lines of decision logs are those that were written, in the order in which they were, without a gap.
//!
//! What a chain cannot prove: that nothing came after its last line; and, as its hashes need no key, that nobody who could
//! write the files made all lines after a change anew. Both show where the hash of a late line is kept elsewhere.

use super::chain::{Link, Linked, NoLink};
use std::fmt;

/// Follows a chain from line to line.
#[derive(Clone, Debug, Default)]
pub struct Verifier {
    end: Option<Link>,
    lines: u64,
    first: Option<Seen>,
    last: Option<Seen>,
}

/// A line that was seen.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Seen {
    /// Its number.
    pub sequence: u64,
    /// When its request came.
    pub time: String,
    /// Its hash.
    pub hash: String,
}

/// Why a line is not the one that must follow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Break {
    /// It has no link to a chain.
    Unchained,
    /// It is not as it was written.
    Changed,
    /// So many lines are missing in front of it.
    Missing(u64),
    /// A line of this number stood already, up to the number given.
    OutOfOrder {
        /// Its number.
        sequence: u64,
        /// The number in front of it.
        after: u64,
    },
    /// Its number is the next, and yet it follows another line than the one in front of it.
    Replaced,
    /// The file ends within it.
    BrokenOff,
}

impl Verifier {
    /// Looks at the next line, without its line feed.
    ///
    /// # Errors
    ///
    /// It is not the line that must follow.
    pub fn look_at(&mut self, line: &str) -> Result<(), Break> {
        let linked = Linked::read(line).map_err(|found| match found {
            NoLink::Unchained => Break::Unchained,
            NoLink::Changed => Break::Changed,
        })?;
        if let Some(end) = &self.end {
            follows(&linked, end)?;
        } else if (linked.sequence == 1) != linked.previous.is_none() {
            return Err(Break::Replaced);
        }
        let seen = Seen { sequence: linked.sequence, time: linked.time.to_string(), hash: linked.hash.to_owned() };
        self.end = Some(linked.link());
        self.lines += 1;
        self.first.get_or_insert_with(|| seen.clone());
        self.last = Some(seen);
        Ok(())
    }

    /// How many lines follow each other.
    pub const fn lines(&self) -> u64 {
        self.lines
    }

    /// The first line, and the last.
    pub const fn ends(&self) -> (Option<&Seen>, Option<&Seen>) {
        (self.first.as_ref(), self.last.as_ref())
    }
}

fn follows(linked: &Linked<'_>, end: &Link) -> Result<(), Break> {
    let next = end.sequence + 1;
    if linked.sequence < next {
        return Err(Break::OutOfOrder { sequence: linked.sequence, after: end.sequence });
    }
    if linked.sequence > next {
        return Err(Break::Missing(linked.sequence - next));
    }
    if linked.previous.as_deref() == end.hash.as_deref() { Ok(()) } else { Err(Break::Replaced) }
}

impl fmt::Display for Break {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unchained => {
                f.write_str("the line has no hash: it was inserted, or written without `decisionLog.chain`")
            }
            Self::Changed => f.write_str("the line was changed: its hash is not that of what it says"),
            Self::Missing(1) => f.write_str("a line is missing in front of it"),
            Self::Missing(lines) => write!(f, "{lines} lines are missing in front of it"),
            Self::OutOfOrder { sequence, after } => {
                write!(f, "the line is out of order: it is number {sequence}, and number {after} stands in front of it")
            }
            Self::Replaced => f.write_str(
                "the line follows another one than the one in front of it: one of the two was replaced, with its hash",
            ),
            Self::BrokenOff => f.write_str("the file ends within the line"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Break, Link, Verifier};

    fn chain(lines: &[&str]) -> Vec<String> {
        let mut link = Link::default();
        let mut chain = Vec::new();
        for line in lines {
            let mut text = String::new();
            link = link.append(&format!(r#"{{"time":"t","it":"{line}"}}"#), &mut text);
            chain.push(text);
        }
        chain
    }

    /// The number of the first line that is wrong, and why.
    fn broken(lines: &[String]) -> Option<(usize, Break)> {
        let mut verifier = Verifier::default();
        lines.iter().enumerate().find_map(|(position, line)| Some((position, verifier.look_at(line).err()?)))
    }

    #[test]
    fn what_was_written_is_sound_and_may_begin_late() {
        let lines = chain(&["a", "b", "c"]);
        assert_eq!(broken(&lines), None);
        assert_eq!(broken(&lines[1..]), None);
        let mut verifier = Verifier::default();
        lines[1..].iter().for_each(|line| verifier.look_at(line).unwrap());
        let (first, last) = verifier.ends();
        assert_eq!((verifier.lines(), first.unwrap().sequence, last.unwrap().sequence), (2, 2, 3));
    }

    #[test]
    fn what_was_changed_removed_moved_or_inserted_is_found_where_it_is() {
        let lines = chain(&["a", "b", "c", "d"]);
        let with = |change: &dyn Fn(&mut Vec<String>)| {
            let mut lines = lines.clone();
            change(&mut lines);
            broken(&lines)
        };
        assert_eq!(with(&|lines| lines[1] = lines[1].replace(r#""b""#, r#""B""#)), Some((1, Break::Changed)));
        assert_eq!(with(&|lines| lines[3] = lines[3].replace(r#""d""#, r#""D""#)), Some((3, Break::Changed)));
        assert_eq!(with(&|lines| drop(lines.remove(1))), Some((1, Break::Missing(1))));
        assert_eq!(with(&|lines| drop(lines.drain(1..3))), Some((1, Break::Missing(2))));
        let back = Break::OutOfOrder { sequence: 2, after: 3 };
        assert_eq!(with(&|lines| lines.swap(1, 2)), Some((1, Break::Missing(1))));
        assert_eq!(with(&|lines| lines.insert(3, lines[1].clone())), Some((3, back)));
        assert_eq!(with(&|lines| lines.insert(1, r#"{"it":"x"}"#.to_owned())), Some((1, Break::Unchained)));
    }

    #[test]
    fn a_line_that_was_made_anew_with_its_hash_is_found_at_the_next() {
        let (mut lines, other) = (chain(&["a", "b", "c"]), chain(&["a", "B"]));
        lines[1].clone_from(&other[1]);
        assert_eq!(broken(&lines), Some((2, Break::Replaced)));
        let alone = chain(&["x"]);
        lines[0].clone_from(&alone[0]);
        assert_eq!(broken(&lines), Some((1, Break::Replaced)));
    }

    #[test]
    fn a_line_is_no_link_whose_hash_is_elsewhere_or_whose_number_is_there_twice() {
        let lines = chain(&["a"]);
        let unchained = |line: String| broken(&[line]).map(|(_, why)| why);
        assert_eq!(unchained(lines[0].replacen('}', r#","more":1}"#, 1)), Some(Break::Unchained));
        assert_eq!(unchained(lines[0].replacen('{', r#"{"sequence":9,"#, 1)), Some(Break::Unchained));
        assert_eq!(unchained(String::new()), Some(Break::Unchained));
        assert_eq!(unchained(lines[0].replace(r#""sequence":1"#, r#""sequence":2"#)), Some(Break::Changed));
    }
}
