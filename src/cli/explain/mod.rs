//! `portcullis explain`: what would become of a request, or became of one in a log, and why.

mod args;
mod change;
mod curl;
mod edit;
mod explanation;
mod judged;
mod kept;
mod logged;
mod raw;
mod request;
mod said;
mod shell;
mod text;

pub(super) use args::ExplainArgs;
pub(super) use said::{by, claimed, said};

use super::{Exit, Failure, console, load};
use crate::config::gateway::{Gateway, ListenAddress};
use crate::config::overrides::Overrides;
use crate::gateway::Gate;
use explanation::Explanation;
use judged::Judge;
use request::Asked;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::SystemTime;

pub(super) fn explain(args: &ExplainArgs) -> Result<Exit, Failure> {
    let gateway = load::configuration(&args.config, &Overrides::default())?;
    let bundle = Arc::new(load::bundle(&gateway)?);
    if let Some(id) = &args.decision {
        return tell(logged::explain(id, &args.log, &bundle)?, args);
    }
    let asked = Asked::of(args, &gateway)?;
    let gate = Arc::new(Gate::new(bundle.clone(), gateway.limits, gateway.environment, &addresses(&gateway)));
    let judge = Judge { gate: &gate, bundle: &bundle, overriding: gateway.environment, time: SystemTime::now() };
    tell(judge.explain(&asked), args)
}

fn tell(told: Explanation, args: &ExplainArgs) -> Result<Exit, Failure> {
    let told = told.at(args.level);
    if args.json {
        console::say(&format!("{:#}", serde_json::json!(told)))?;
    } else {
        console::say(&text::report(&told, console::color_on_stdout()))?;
    }
    Ok(if told.decision == "allow" { Exit::Fine } else { Exit::Refused })
}

/// The addresses under which clients may name the gateway.
fn addresses(gateway: &Gateway) -> Vec<SocketAddr> {
    let of = |address: &ListenAddress| match address {
        ListenAddress::Tcp(address) => Some(*address),
        ListenAddress::Unix { .. } => None,
    };
    gateway.listen.iter().filter_map(|listener| of(&listener.address)).collect()
}
