//! `portcullis selftest`: fire the corpus at a running gateway and tell what got through.

use super::args::SelftestArgs;
use super::{Exit, Failure, console};
use crate::selftest::{Recording, Report, run};
use std::net::{SocketAddr, ToSocketAddrs};

pub(super) fn selftest(args: &SelftestArgs) -> Result<Exit, Failure> {
    let (host, address) = gateway(&args.target)?;
    let trouble = |error: &dyn std::fmt::Display| Failure::Trouble(error.to_string());
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| trouble(&error))?;
    let report = runtime.block_on(async {
        let upstream = Recording::listen(args.upstream_listen).await;
        let upstream =
            upstream.map_err(|error| trouble(&format!("cannot listen on {}: {error}", args.upstream_listen)))?;
        console::tell(&format!("the upstream of the gateway must be http://{}", upstream.address()));
        run(address, &host, &upstream).await.map_err(|error| trouble(&error))
    })?;
    console::say(&if args.json { as_json(&report).map_err(|error| trouble(&error))? } else { report.to_string() });
    Ok(if report.is_clean() { Exit::Fine } else { Exit::Refused })
}

fn as_json(report: &Report) -> serde_json::Result<String> {
    serde_json::to_string_pretty(report)
}

/// The authority by which clients name the gateway, and its address.
fn gateway(target: &str) -> Result<(String, SocketAddr), Failure> {
    let usage = |what: &str| Failure::Usage(format!("`--target` {what}"));
    let host = target.strip_prefix("http://").ok_or_else(|| usage("must begin with `http://`"))?.trim_end_matches('/');
    let named = if host.contains(':') { host.to_owned() } else { format!("{host}:80") };
    let mut addresses = named.to_socket_addrs().map_err(|_| usage("is not a host that can be found"))?;
    let address = addresses.next().ok_or_else(|| usage("has no address"))?;
    Ok((host.to_owned(), address))
}
