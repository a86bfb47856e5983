//! The life of the process: start, reload, shutdown.

mod lifecycle;
mod process_limits;
mod reload;
mod shadow_bundle;
mod takeover;
