//! `portcullis version`: which build this is.

use super::console;
use super::exit::{CommandError, Exit};

pub(super) fn version() -> Result<Exit, CommandError> {
    let features = if cfg!(feature = "sandbox") { "sandbox" } else { "none: the hardened build" };
    let (architecture, system) = (std::env::consts::ARCH, std::env::consts::OS);
    console::print(&format!(
        "portcullis {}\n  target    {architecture}-{system}\n  features  {features}",
        env!("CARGO_PKG_VERSION")
    ))?;
    Ok(Exit::Ok)
}
