//! Rules about this repository: source tree and documentation.

mod cel_leaf;
mod deployment;
mod docs;
mod examples;
mod imports;
mod tidy;
mod words;
