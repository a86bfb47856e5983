//! `portcullis run`: serve.

use super::args::RunArgs;
use super::{Exit, Failure, load};
use crate::config::gateway::Gateway;

pub(super) fn run(args: &RunArgs) -> Result<Exit, Failure> {
    let gateway = load::configuration(&args.config, &args.overrides())?;
    serve(gateway)
}

/// Serves until told to stop.
#[expect(clippy::needless_pass_by_value, reason = "the server will own its configuration")]
fn serve(gateway: Gateway) -> Result<Exit, Failure> {
    Err(Failure::Trouble(format!("internal: this build has no server to listen on {:?}", gateway.listen)))
}
