//! Where in the source each node comes from, for explanations and diagnostics.

use super::node::NodeId;
use std::ops::Range;

/// The source of an expression, and the span of each of its nodes.
///
/// Kept beside the nodes and not in them: evaluation never reads it, so a node carries an id of four bytes only.
#[derive(Debug, Default)]
pub(crate) struct SourceInfo {
    source: Box<str>,
    /// The id of the node that the first span is of.
    first: u32,
    /// An empty span for a literal, which needs no explanation.
    spans: Vec<Range<u32>>,
}

impl SourceInfo {
    /// The source of an expression whose nodes get the ids from `first` on. Ids are unique among the expressions of one
    /// environment, so that one evaluation can explain nodes of several.
    pub(super) fn new(source: &str, first: u32) -> Self {
        Self { source: source.into(), first, spans: Vec::new() }
    }

    /// The id of a new node at `span`.
    pub(super) fn add(&mut self, span: &Range<usize>) -> NodeId {
        let id = NodeId(self.next_id());
        // a source has at most some kilobytes
        let [start, end] = [span.start, span.end].map(|offset| u32::try_from(offset).unwrap_or_default());
        self.spans.push(start..end);
        id
    }

    /// The first id that is not used.
    pub(super) fn next_id(&self) -> u32 {
        self.first.saturating_add(u32::try_from(self.spans.len()).unwrap_or(u32::MAX))
    }

    /// The source verbatim.
    pub(super) fn source(&self) -> &str {
        &self.source
    }

    /// The source of one node; `None` for a literal, for a node of another expression, and for one that has no source of its own.
    pub(super) fn text(&self, id: NodeId) -> Option<&str> {
        let position = usize::try_from(id.0.checked_sub(self.first)?).ok()?;
        let span = self.spans.get(position).filter(|span| !span.is_empty())?;
        Some(self.source.get(usize::try_from(span.start).ok()?..usize::try_from(span.end).ok()?)?.trim())
    }
}

#[cfg(test)]
mod tests {
    use super::SourceInfo;
    use crate::cel::node::NodeId;

    #[test]
    fn each_node_finds_its_own_text_and_no_other() {
        let mut info = SourceInfo::new("a == 1", 7);
        let (name, literal, all) = (info.add(&(0..1)), info.add(&(0..0)), info.add(&(0..6)));
        assert_eq!((info.text(name), info.text(literal), info.text(all)), (Some("a"), None, Some("a == 1")));
        assert_eq!(
            (info.text(NodeId(6)), info.text(NodeId(info.next_id())), info.text(NodeId::NONE)),
            (None, None, None)
        );
    }
}
