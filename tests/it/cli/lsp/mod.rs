//! `portcullis lsp`, driven by messages as an editor sends them.

mod client;
mod diagnostics;
mod positions;
mod protocol;
mod typing;
