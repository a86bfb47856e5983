//! Clerk's contract: how specs become contract files, and what the gateway makes of them.

mod add;
mod bodies;
mod commands;
mod folder;
mod import;
mod list;
mod mutation;
mod requests;
mod schema_bounds;
mod sdk_calls;
mod spec_check;
mod strictness;
mod suggest;
mod valid;
