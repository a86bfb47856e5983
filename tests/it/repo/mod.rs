//! Rules about this repository: source tree and documentation.

mod cel_leaf;
mod docs;
mod imports;
mod tidy;
