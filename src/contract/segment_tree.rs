//! Sequences of path segments, and the search for one that occurs in a text in order.

use super::lenient::ANY;
use aho_corasick::AhoCorasick;
use std::collections::BTreeMap;
use std::ops::Range;

/// A tree of sequences of segments. Segments are numbers: their positions in the automaton that finds them.
#[derive(Debug, Default)]
pub(super) struct SegmentTree {
    nodes: Vec<SegmentNode>,
    edges: Vec<SegmentEdge>,
    /// How many segments there are.
    segments: usize,
}

/// The segments of all sequences.
#[derive(Debug)]
pub(super) struct Segments {
    words: Vec<Box<str>>,
    /// Finds them. `None` if there are more than it can number, which no contract has.
    automaton: Option<AhoCorasick>,
}

/// Most letters that are compared in a search with wildcards, which looks for one segment at a time.
// some 20 us; a path of fifty letters takes a tenth of it with every route of the contract guarded
const MOST_COMPARISONS: usize = 20_000;

#[derive(Debug)]
struct SegmentNode {
    /// The edges to what may follow.
    edges: Range<usize>,
    /// Whether a sequence ends here.
    is_end: bool,
}

#[derive(Debug)]
struct SegmentEdge {
    segment: usize,
    node: usize,
}

/// A tree under construction.
#[derive(Debug)]
pub(super) struct SegmentTreeBuilder {
    nodes: Vec<(BTreeMap<usize, usize>, bool)>,
}

impl Default for SegmentTreeBuilder {
    fn default() -> Self {
        Self { nodes: vec![(BTreeMap::new(), false)] }
    }
}

impl SegmentTreeBuilder {
    /// Adds a sequence.
    pub(super) fn insert(&mut self, sequence: impl Iterator<Item = usize>) {
        let mut here = 0;
        for segment in sequence {
            let next = self.nodes.len();
            let Some((edges, _)) = self.nodes.get_mut(here) else { return };
            here = *edges.entry(segment).or_insert(next);
            if here == next {
                self.nodes.push((BTreeMap::new(), false));
            }
        }
        if let Some((_, is_end)) = self.nodes.get_mut(here) {
            *is_end = true;
        }
    }

    /// The tree, of at most `segments` different ones.
    pub(super) fn build(self, segments: usize) -> SegmentTree {
        let mut tree = SegmentTree { segments, ..SegmentTree::default() };
        for (edges, is_end) in self.nodes {
            let start = tree.edges.len();
            tree.edges.extend(edges.into_iter().map(|(segment, node)| SegmentEdge { segment, node }));
            tree.nodes.push(SegmentNode { edges: start..tree.edges.len(), is_end });
        }
        tree
    }
}

impl SegmentTree {
    /// Whether it has no sequence.
    pub(super) fn is_empty(&self) -> bool {
        self.edges.is_empty() && !self.nodes.first().is_some_and(|root| root.is_end)
    }

    /// The number of edges, for tests that bound the work.
    #[cfg(test)]
    pub(super) fn edge_count(&self) -> usize {
        self.edges.len()
    }

    /// Whether the segments of a sequence occur in `text` in order, with anything between them. Adds the letters and edges that
    /// were visited to `steps`.
    pub(super) fn occurs_in(&self, segments: &Segments, text: &[u8], steps: &mut usize) -> bool {
        *steps += text.len();
        let mut waiting = WaitingEdges::new(self);
        if waiting.reach(0, 0, steps) {
            return true;
        }
        let Some(automaton) = &segments.automaton else { return !self.is_empty() };
        // by their ends: where a segment occurs first, what follows it has the most text left, so that each edge is taken once
        let mut found = automaton.find_overlapping_iter(text);
        found.any(|found| waiting.take(found.pattern().as_usize(), found.span().into(), steps))
    }

    /// The same for a text in which [`ANY`] stands for any letter. A search that takes too long is taken for a success.
    pub(super) fn occurs_in_wild(&self, segments: &Segments, text: &[u8], steps: &mut usize) -> bool {
        let mut left = MOST_COMPARISONS;
        let occurs = self.occurs_below(0, segments, text, &mut left).unwrap_or(true);
        *steps += MOST_COMPARISONS - left;
        occurs
    }

    fn occurs_below(
        &self,
        node: usize,
        segments: &Segments,
        text: &[u8],
        left: &mut usize,
    ) -> Result<bool, OutOfComparisons> {
        let Some(node) = self.nodes.get(node) else { return Ok(false) };
        if node.is_end {
            return Ok(true);
        }
        for edge in self.edges.get(node.edges.clone()).unwrap_or_default() {
            let word = segments.words.get(edge.segment).map(AsRef::as_ref).unwrap_or_default();
            if let Some(rest) = text_after(text, word, left)?
                && self.occurs_below(edge.node, segments, rest, left)?
            {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// More letters had to be compared than [`MOST_COMPARISONS`].
struct OutOfComparisons;

/// The text after the first occurrence of `word` in `text`. The first suffices: what is behind any later one is behind this, too.
fn text_after<'t>(text: &'t [u8], word: &str, left: &mut usize) -> Result<Option<&'t [u8]>, OutOfComparisons> {
    for start in 0..text.len() {
        let rest = text.get(start..).unwrap_or_default();
        let alike = rest.iter().zip(word.as_bytes()).take_while(|(found, letter)| found == letter || **found == ANY);
        let alike = alike.count();
        *left = left.checked_sub(alike + 1).ok_or(OutOfComparisons)?;
        if alike == word.len() {
            return Ok(rest.get(alike..));
        }
    }
    Ok(None)
}

impl Segments {
    /// The segments `words`, which have the numbers of their positions.
    pub(super) fn new(words: Vec<Box<str>>) -> Self {
        let automaton = AhoCorasick::new(words.iter().map(|word| word.as_bytes())).ok();
        Self { words, automaton }
    }
}

/// The edges whose beginnings were reached, and that were not taken yet: a linked list for each segment.
struct WaitingEdges<'t> {
    tree: &'t SegmentTree,
    /// The first waiting edge of each segment.
    first: Vec<Option<usize>>,
    /// The next one of each edge, and where in the text its beginning was reached.
    next: Vec<(Option<usize>, usize)>,
}

impl<'t> WaitingEdges<'t> {
    fn new(tree: &'t SegmentTree) -> Self {
        Self { tree, first: vec![None; tree.segments], next: vec![(None, 0); tree.edges.len()] }
    }

    /// Notes that `node` was reached at `at`. Returns whether a sequence ends there.
    fn reach(&mut self, node: usize, at: usize, steps: &mut usize) -> bool {
        let Some(node) = self.tree.nodes.get(node) else { return false };
        if node.is_end {
            return true;
        }
        for edge in node.edges.clone() {
            *steps += 1;
            self.wait(edge, at);
        }
        false
    }

    fn wait(&mut self, edge: usize, at: usize) {
        let segment = self.tree.edges.get(edge).map(|edge| edge.segment);
        let first = segment.and_then(|segment| self.first.get_mut(segment));
        if let (Some(first), Some(next)) = (first, self.next.get_mut(edge)) {
            *next = (first.replace(edge), at);
        }
    }

    /// Takes the edges that wait for `segment`, which occurs at `span`. Returns whether a sequence ends behind one.
    fn take(&mut self, segment: usize, span: Range<usize>, steps: &mut usize) -> bool {
        *steps += 1;
        let mut here = self.first.get_mut(segment).and_then(Option::take);
        while let Some(edge) = here {
            *steps += 1;
            let (next, reached) = self.next.get(edge).copied().unwrap_or_default();
            here = next;
            let node = self.tree.edges.get(edge).map(|edge| edge.node);
            // two segments do not share letters
            if reached > span.start {
                self.wait(edge, reached);
            } else if node.is_some_and(|node| self.reach(node, span.end, steps)) {
                return true;
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::{MOST_COMPARISONS, SegmentTree, SegmentTreeBuilder, Segments};

    const SEGMENTS: [&str; 4] = ["users", "metadata", "a", "aba"];

    fn segments() -> Segments {
        Segments::new(SEGMENTS.map(Into::into).into())
    }

    fn tree(sequences: &[&[usize]]) -> SegmentTree {
        let mut tree = SegmentTreeBuilder::default();
        for sequence in sequences {
            tree.insert(sequence.iter().copied());
        }
        tree.build(SEGMENTS.len())
    }

    fn occurs(sequences: &[&[usize]], text: &str) -> (bool, usize) {
        let mut steps = 0;
        (tree(sequences).occurs_in(&segments(), text.as_bytes(), &mut steps), steps)
    }

    fn occurs_in_wild(sequences: &[&[usize]], text: &str) -> (bool, usize) {
        let text: Vec<u8> = text.bytes().map(|byte| if byte == b'?' { super::ANY } else { byte }).collect();
        let mut steps = 0;
        (tree(sequences).occurs_in_wild(&segments(), &text, &mut steps), steps)
    }

    #[test]
    fn segments_occur_in_order_and_share_no_letters() {
        for (sequence, text, expected) in [
            (&[0, 1][..], "users/metadata", true),
            (&[0, 1], "xusersxmetadatax", true),
            (&[0, 1], "metadata/users", false),
            (&[0, 0], "users", false),
            (&[0, 0], "users/users", true),
            (&[3, 3], "ababa", false),
            (&[3, 3], "abaaba", true),
            (&[3, 2], "aba", false),
            (&[3, 2], "abaa", true),
            (&[2, 2, 2], "aba", false),
            (&[2, 2, 2], "abaa", true),
            (&[], "", true),
        ] {
            assert_eq!(occurs(&[sequence], text).0, expected, "{sequence:?} in {text}");
            assert_eq!(occurs_in_wild(&[sequence], text).0, expected, "{sequence:?} in {text}");
        }
        assert!(!occurs(&[], "users").0);
        assert!(occurs(&[&[0, 1], &[1, 3]], "metadata/aba").0);
    }

    #[test]
    fn an_edge_is_taken_once_however_often_its_segment_occurs() {
        // neither sequence is completed, and the first edges of both could be taken a thousand times
        let text = "users/metadata/".repeat(1_000);
        let (occurs, steps) = occurs(&[&[0, 1, 3], &[1, 0, 3]], &text);
        // five occurrences a line, three of them of the letter `a`
        assert!(!occurs && steps <= text.len() + 5_000 + 20, "{steps}");
    }

    #[test]
    fn a_wildcard_is_any_one_letter_and_the_search_for_it_ends() {
        let users_metadata = &[&[0, 1][..]];
        for (text, expected) in [
            ("/us?rs/m?tadata", true),
            ("/?????/????????", true),
            ("/??/????????", false),
            ("/us??rs/metadata", false),
            ("/m?tadata/users", false),
        ] {
            assert_eq!(occurs_in_wild(users_metadata, text).0, expected, "{text}");
        }
        let (occurs, steps) = occurs_in_wild(&[&[1, 1, 1, 1, 1, 3, 3, 0]], &"m?tadat/".repeat(2_000));
        assert!(occurs && steps == MOST_COMPARISONS, "{steps}");
    }
}
