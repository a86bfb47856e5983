//! Loads what the commands work with.

use super::Failure;
use super::args::ConfigArgs;
use crate::config::gateway::Gateway;
use crate::config::load::load;
use crate::config::overrides::Overrides;
use std::path::{Path, PathBuf};

/// The configuration of a fresh clone.
const QUICKSTART: &str = "config/quickstart.yaml";

/// The configuration that the arguments name.
pub(super) fn configuration(args: &ConfigArgs, overrides: &Overrides) -> Result<Gateway, Failure> {
    let file = file(args)?;
    load(&file, overrides, &|name| std::env::var(name).ok()).map_err(Failure::Broken)
}

fn file(args: &ConfigArgs) -> Result<PathBuf, Failure> {
    match &args.config {
        Some(file) => Ok(file.clone()),
        None if Path::new(QUICKSTART).is_file() => Ok(PathBuf::from(QUICKSTART)),
        None => Err(Failure::Usage(format!(
            "no configuration: name one with `--config FILE` or PORTCULLIS_CONFIG, or start where {QUICKSTART} is"
        ))),
    }
}
