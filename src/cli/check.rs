//! `portcullis check`: load everything, report everything wrong with it, tell what would be enforced.

use super::args::CheckArgs;
use super::{Exit, Failure, console, decision_log, load};
use crate::config::overrides::Overrides;

pub(super) fn check(args: &CheckArgs) -> Result<Exit, Failure> {
    let gateway = load::configuration(&args.config, &Overrides::default())?;
    let bundle = load::tested_bundle(&gateway)?;
    decision_log::keeping(&gateway, &bundle.contract)?;
    let lints = load::lints(&gateway, &bundle)?;
    if args.strict && !lints.is_empty() {
        return Err(Failure::Broken(lints));
    }
    console::warnings(&lints);
    let listen: Vec<_> = gateway.listen.iter().map(|listener| listener.address.to_string()).collect();
    console::say(&format!("sound: would listen on {} and enforce", listen.join(", ")));
    console::say(&load::enforced(&bundle).to_string());
    Ok(Exit::Fine)
}
