//! Errors and lints of a check in the form of the protocol.

use super::line_index::LineIndex;
use crate::diagnostic::Diagnostic;
use gen_lsp_types::{Diagnostic as LspDiagnostic, DiagnosticSeverity, Position, Range};

/// The name under which an editor shows them.
const SOURCE: &str = "portcullis";

/// `found` for an editor. `text` is the text of the file that the editor has, if it is open there.
pub(super) fn to_lsp(found: &Diagnostic, severity: DiagnosticSeverity, text: Option<&str>) -> LspDiagnostic {
    let range =
        found.source.as_deref().zip(found.span.as_ref()).map(|(source, span)| LineIndex::new(source).range(span));
    // a file is parsed without its byte order mark, which the editor counts if it has kept it
    let has_mark = text.is_some_and(|text| text.starts_with('\u{feff}'));
    let shifted = |place: Position| {
        let shift = u32::from(has_mark && place.line == 0);
        Position { character: place.character + shift, ..place }
    };
    let range = range.unwrap_or_default();
    let message = match &found.help {
        Some(help) => format!("{}\nhelp: {help}", found.message),
        None => found.message.clone(),
    };
    LspDiagnostic {
        range: Range { start: shifted(range.start), end: shifted(range.end) },
        severity: Some(severity),
        source: Some(SOURCE.to_owned()),
        message: message.into(),
        ..LspDiagnostic::default()
    }
}
