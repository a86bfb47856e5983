//! The configuration file: its errors and its schemas.

mod editor_schemas;
mod errors;
