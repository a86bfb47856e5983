//! `portcullis check`: load everything, report everything wrong with it, tell what would be enforced.

use super::args::CheckArgs;
use super::{Exit, Failure, console, decision_log, load};
use crate::config::overrides::Overrides;

pub(super) fn check(args: &CheckArgs) -> Result<Exit, Failure> {
    let gateway = if args.paths.is_empty() {
        load::whole_configuration(&args.config, &Overrides::default())?
    } else {
        load::configuration_of_policies(&args.config, &args.paths)?
    };
    let (bundle, texts) = load::tested(&gateway)?;
    decision_log::retention(&gateway, &bundle.contract)?;
    let lints = load::lints(&gateway, &bundle, &texts);
    if args.strict && !lints.is_empty() {
        return Err(Failure::Broken(lints));
    }
    console::warnings(&lints);
    let listen: Vec<_> = gateway.listen.iter().map(|listener| listener.address.to_string()).collect();
    console::say(&format!("sound: would listen on {} and enforce", listen.join(", ")))?;
    console::say(&load::enforced(&bundle).to_string())?;
    Ok(Exit::Fine)
}
