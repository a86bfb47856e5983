//! Requests about a place in an open file: completion, hover, definition.

use super::completion::{Proposal, propose};
use super::inspection::{definition, describe};
use super::line_index::LineIndex;
use super::workspace::Workspace;
use gen_lsp_types::{
    CompletionItem, CompletionItemTextEdit, CompletionParams, Contents, DefinitionParams, Documentation, Hover,
    HoverParams, Location, MarkupContent, MarkupKind, TextDocumentPositionParams, TextEdit,
};
use serde_json::Value;
use std::path::PathBuf;

/// A place in an open file.
struct OpenPlace<'w> {
    file: PathBuf,
    text: &'w str,
    index: LineIndex<'w>,
    offset: usize,
}

impl<'w> OpenPlace<'w> {
    /// The place that a request is about. `None` if the file is not open.
    fn of(workspace: &'w Workspace, params: &TextDocumentPositionParams) -> Option<Self> {
        let (file, text) = workspace.open_text(&params.text_document.uri)?;
        let index = LineIndex::new(text);
        let offset = index.offset(params.position);
        Some(Self { file, text, index, offset })
    }
}

/// The items of `textDocument/completion`.
pub(super) fn complete(workspace: &Workspace, params: &CompletionParams) -> Vec<CompletionItem> {
    let Some(place) = OpenPlace::of(workspace, &params.text_document_position_params) else { return Vec::new() };
    let Some(known) = workspace.knowledge(&place.file) else { return Vec::new() };
    let proposals = propose(place.text, place.offset, &place.file, &known).into_iter();
    proposals.enumerate().map(|(position, proposal)| item(&place, position, proposal)).collect()
}

fn item(place: &OpenPlace<'_>, position: usize, proposal: Proposal) -> CompletionItem {
    let Proposal { label, kind, detail, about, insert, typed } = proposal;
    let range = place.index.range(&(place.offset.saturating_sub(typed)..place.offset));
    let about = (!about.is_empty()).then(|| Documentation::from(markdown(about)));
    CompletionItem {
        filter_text: Some(label.clone()),
        label,
        kind: Some(kind),
        detail: (!detail.is_empty()).then_some(detail),
        documentation: about,
        // fields before functions, each as it is listed
        sort_text: Some(format!("{position:05}")),
        text_edit: Some(CompletionItemTextEdit::from(TextEdit { range, new_text: insert })),
        ..CompletionItem::default()
    }
}

/// The result of `textDocument/hover`.
pub(super) fn hover(workspace: &Workspace, params: &HoverParams) -> Option<Hover> {
    let place = OpenPlace::of(workspace, &params.text_document_position_params)?;
    let found = describe(place.text, place.offset, &place.file, &workspace.knowledge(&place.file)?)?;
    let contents = Contents::from(markdown(found.text));
    Some(Hover { contents, range: Some(place.index.range(&found.span)) })
}

/// The result of `textDocument/definition`.
pub(super) fn find_definition(workspace: &Workspace, params: &DefinitionParams) -> Option<Location> {
    let place = OpenPlace::of(workspace, &params.text_document_position_params)?;
    let span = definition(place.text, place.offset, &place.file)?;
    Some(Location { uri: workspace.uri(&place.file), range: place.index.range(&span) })
}

fn markdown(value: String) -> MarkupContent {
    MarkupContent { kind: MarkupKind::Markdown, value }
}

/// The parameters of a request as their type, or why they are not of it.
pub(super) fn read<P: serde::de::DeserializeOwned>(params: &Value) -> Result<P, String> {
    // of a clone: it is read once, and mostly small
    serde_json::from_value(params.clone()).map_err(|error| format!("the parameters cannot be read: {error}"))
}
