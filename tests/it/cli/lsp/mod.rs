//! `portcullis lsp`, driven by messages as an editor sends them.

mod assistance;
mod branch_tests;
mod client;
mod diagnostics;
mod positions;
mod protocol;
mod typing;
