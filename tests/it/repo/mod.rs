//! Rules about this repository: source tree and documentation.

mod docs;
mod imports;
mod tidy;
