//! `portcullis check`: load everything, report everything wrong with it, tell what would be enforced.

use super::args::ConfigArgs;
use super::{Exit, Failure, console, load};
use crate::config::overrides::Overrides;

pub(super) fn check(args: &ConfigArgs) -> Result<Exit, Failure> {
    let gateway = load::configuration(args, &Overrides::default())?;
    let bundle = load::bundle(&gateway)?;
    let listen: Vec<_> = gateway.listen.iter().map(|listener| listener.address.to_string()).collect();
    console::say(&format!("sound: would listen on {} and enforce", listen.join(", ")));
    console::say(&load::enforced(&bundle).to_string());
    Ok(Exit::Fine)
}
