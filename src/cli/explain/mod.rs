//! `portcullis explain`: how a request would be decided, or how one in a log was decided, and why.

mod args;
mod body_edit;
mod curl;
mod dry_run;
mod explanation;
mod http_message;
mod input;
mod log_entry;
mod recent_refusal;
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
    // a running gateway is where the variables for `run` put it
    let asks_gateway = args.decision.is_some() && args.log.is_empty();
    let configuration = if asks_gateway { config.load_as_run(&[])? } else { config.load()? };
    let (gateway, bundle) = (&configuration.gateway, Arc::new(app::load_bundle(&configuration)?));
    if let Some(id) = &args.decision {
        if asks_gateway {
            return show(recent_refusal::explain(id, args, gateway, &bundle)?, args);
        }
        return show(log_entry::explain(id, &args.log, &bundle)?, args);
    }
    let asked = ExplainInput::of(args, gateway)?;
    // the gateway's own, so that admission decides here as it does there
    let gate = Gate::new(bundle.clone(), gateway.limits, gateway.environment, &addresses(gateway));
    let gate = Arc::new(gate.with_instance(Arc::clone(&gateway.instance)));
    let judge = Judge { gate: &gate, bundle: &bundle, overriding: gateway.environment, time: SystemTime::now() };
    show(judge.explain(&asked), args)
}

fn show(explanation: Explanation, args: &ExplainArgs) -> Result<Exit, CommandError> {
    let explanation = explanation.at(args.level);
    if args.json {
        console::print(&format!("{:#}", serde_json::json!(explanation)))?;
    } else {
        console::print(&text::report(&explanation, console::width()))?;
    }
    Ok(if explanation.decision == "allow" { Exit::Ok } else { Exit::Refused })
}

/// The addresses under which clients may name the gateway.
fn addresses(gateway: &Gateway) -> Vec<SocketAddr> {
    let of = |address: &ListenAddress| match address {
        ListenAddress::Tcp(address) => Some(*address),
        ListenAddress::Unix { .. } => None,
    };
    gateway.listen.iter().filter_map(|listener| of(&listener.address)).collect()
}
