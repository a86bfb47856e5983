//! The life of the process: start, reload, shutdown.

mod check_memory;
mod lifecycle;
mod process_limits;
mod reload;
mod reload_requests;
mod service_manager;
mod shadow_bundle;
mod takeover;
mod watch;
