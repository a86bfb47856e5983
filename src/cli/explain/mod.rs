//! `portcullis explain`: what would become of a request, or became of one in a log, and why.

mod args;
mod body_edit;
mod curl;
mod dry_run;
mod explanation;
mod http_message;
mod input;
mod log_entry;
mod recorded_shape;
mod shell_words;
mod suggestions;
mod text;

pub(super) use args::ExplainArgs;

use super::config_args::ConfigArgs;
use super::console;
use super::exit::{CommandError, Exit};
use crate::app;
use crate::config::gateway::{Gateway, ListenAddress};
use crate::gateway::Gate;
use dry_run::Judge;
use explanation::Explanation;
use input::ExplainInput;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::SystemTime;

pub(super) fn explain(args: &ExplainArgs, config: &ConfigArgs) -> Result<Exit, CommandError> {
    let configuration = config.load()?;
    let (gateway, bundle) = (&configuration.gateway, Arc::new(app::load_bundle(&configuration)?));
    if let Some(id) = &args.decision {
        return tell(log_entry::explain(id, &args.log, &bundle)?, args);
    }
    let asked = ExplainInput::of(args, gateway)?;
    let gate = Arc::new(Gate::new(bundle.clone(), gateway.limits, gateway.environment, &addresses(gateway)));
    let judge = Judge { gate: &gate, bundle: &bundle, overriding: gateway.environment, time: SystemTime::now() };
    tell(judge.explain(&asked), args)
}

fn tell(told: Explanation, args: &ExplainArgs) -> Result<Exit, CommandError> {
    let told = told.at(args.level);
    if args.json {
        console::print(&format!("{:#}", serde_json::json!(told)))?;
    } else {
        console::print(&text::report(&told, console::width()))?;
    }
    Ok(if told.decision == "allow" { Exit::Ok } else { Exit::Refused })
}

/// The addresses under which clients may name the gateway.
fn addresses(gateway: &Gateway) -> Vec<SocketAddr> {
    let of = |address: &ListenAddress| match address {
        ListenAddress::Tcp(address) => Some(*address),
        ListenAddress::Unix { .. } => None,
    };
    gateway.listen.iter().filter_map(|listener| of(&listener.address)).collect()
}
