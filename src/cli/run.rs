//! `portcullis run`: serve until told to stop.

use super::args::RunArgs;
use super::banner::Banner;
use super::certificates;
use super::listeners::{Listeners, addresses};
use super::{Exit, Failure, console, decision_log, load, panics};
use crate::admin::{self, Readiness};
use crate::config::gateway::{AccessLogTarget, Gateway, UpstreamConfig as UpstreamSettings, UpstreamTarget};
use crate::diagnostic::Diagnostic;
use crate::gateway::{Gate, WorkerContext, stack};
use crate::judge::Bundle;
#[cfg(feature = "sandbox")]
use crate::sandbox;
use crate::server::{BoundListener, Peer, ReloadableTls, Server, ServerSettings, listen};
use crate::telemetry::logs::ApplicationLog;
use crate::telemetry::{LevelHandle, Output, Setup, Telemetry};
use crate::upstream::{Origin, UpstreamClient, UpstreamConnector};
use std::io::IsTerminal;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Longest time that requests under way get to finish after SIGTERM; Kubernetes kills after 30 s.
const DRAIN: Duration = Duration::from_secs(20);
/// Longest time for telemetry to be written and exported after that.
const FLUSH: Duration = Duration::from_secs(5);
/// Longest time for the last lines of the log.
const FLUSH_LOG: Duration = Duration::from_secs(1);

pub(super) fn run(args: &RunArgs) -> Result<Exit, Failure> {
    let overrides = args.overrides();
    let gateway = load::whole_configuration(&args.config, &overrides)?;
    let (bundle, texts) = load::tested(&gateway)?;
    console::warn(&load::dangers(&gateway, &overrides, &texts));
    let log = ApplicationLog::start(&gateway.logs, std::io::stderr().is_terminal()).map_err(trouble)?;
    panics::keep_quiet();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(trouble)?;
    let ended = runtime.block_on(serve(gateway, bundle, &log));
    log.flush(FLUSH_LOG);
    ended
}

async fn serve(gateway: Gateway, bundle: Bundle, log: &ApplicationLog) -> Result<Exit, Failure> {
    // before anyone is told that there is something to signal
    let signals = Signals::install()?;
    let retention = decision_log::retention(&gateway, &bundle.contract)?;
    let telemetry = telemetry(&gateway)?;
    telemetry.export_log(log);
    let Listeners { open: listeners, endpoints, tls } = Listeners::of(&gateway.listen)?;
    let connector = connector(&gateway.upstream)?;
    let readiness = Readiness::default();
    let enforced = load::enforced(&bundle);
    telemetry.bundle_loaded(&bundle);
    let gate = Gate::new(Arc::new(bundle), gateway.limits, gateway.environment, &addresses(&endpoints));
    let gate = gate.with_masks(decision_log::masks(&gateway)).with_retention(retention);
    let shared = Arc::new(WorkerContext::new(gate, telemetry.clone()));
    let state = admin::AdminState {
        telemetry: telemetry.clone(),
        config: Arc::new(gateway.clone()),
        gate: shared.gate.clone(),
        readiness: readiness.clone(),
        level: log.level.clone(),
    };
    let admin = start_admin(gateway.admin, state)?;
    let server = start(listeners, &gateway, &shared, &connector)?;
    let banner = Banner {
        listen: &endpoints,
        upstream: &gateway.upstream.target,
        admin,
        enforced: &enforced,
        color: console::color_on_stderr(),
    };
    console::tell(&format!("{banner}\n"));
    readiness.ready();
    until_told_to_stop(signals, &gateway, &shared, &tls, &log.level).await;
    readiness.draining();
    let drained = server.drain(DRAIN).await;
    tracing::info!(finished = drained.finished, cut = drained.cut, "stopped");
    telemetry.shutdown(FLUSH).await;
    Ok(Exit::Fine)
}

fn telemetry(gateway: &Gateway) -> Result<Telemetry, Failure> {
    let output = match &gateway.logs.access {
        AccessLogTarget::Stdout => Output::stdout(),
        AccessLogTarget::Off => Output::new(std::io::sink(), false),
        AccessLogTarget::File(path) => Output::file(path.clone()).map_err(|error| unopened(gateway, &error))?,
    };
    let setup = Setup {
        logs: &gateway.logs,
        traces: &gateway.traces,
        upstream: &gateway.upstream.target,
        output,
        decisions: decision_log::open(gateway)?,
        environment: &|name| std::env::var(name).ok(),
        runtime: Handle::current(),
    };
    Telemetry::start(setup).map_err(trouble)
}

/// The file of the access log cannot be written; told at its place in the configuration.
fn unopened(gateway: &Gateway, error: &std::io::Error) -> Failure {
    let what = format!("`logs.access.file` cannot be opened: {error}");
    Failure::Broken(vec![gateway.source.at("/logs/access/file", what)])
}

/// How to reach the upstream. The built-in stand-in is started here, and reached as any other upstream is.
fn connector(settings: &UpstreamSettings) -> Result<UpstreamConnector, Failure> {
    let origin = match &settings.target {
        UpstreamTarget::Embedded => start_stand_in()?,
        UpstreamTarget::Url { tls, host, port } => Origin::new(*tls, host, *port).map_err(trouble)?,
    };
    UpstreamConnector::new(origin, settings).map_err(trouble)
}

#[cfg(feature = "sandbox")]
fn start_stand_in() -> Result<Origin, Failure> {
    let listener = listen((std::net::Ipv4Addr::LOCALHOST, 0).into()).map_err(trouble)?;
    let address = listener.local_addr().map_err(trouble)?;
    tokio::spawn(sandbox::serve(listener, std::future::pending()));
    Origin::new(false, &address.ip().to_string(), address.port()).map_err(trouble)
}

// the configuration refuses `embedded` before, with its place in the file
#[cfg(not(feature = "sandbox"))]
fn start_stand_in() -> Result<Origin, Failure> {
    Err(Failure::Trouble("this build has no stand-in".to_owned()))
}

fn start_admin(address: Option<SocketAddr>, state: admin::AdminState) -> Result<Option<SocketAddr>, Failure> {
    let Some(address) = address else { return Ok(None) };
    let listener = listen(address).map_err(|error| Failure::Trouble(format!("admin listener: {error}")))?;
    let address = listener.local_addr().map_err(trouble)?;
    tokio::spawn(admin::serve(listener, state, std::future::pending()));
    Ok(Some(address))
}

fn start(
    listeners: Vec<BoundListener>,
    gateway: &Gateway,
    shared: &Arc<WorkerContext>,
    connector: &UpstreamConnector,
) -> Result<Server, Failure> {
    let (shared, connector) = (shared.clone(), connector.clone());
    let (metrics, connections) = (shared.telemetry.server(), shared.telemetry.connections());
    let upstream = move || UpstreamClient::new(connector.clone()).counted_by(connections.clone());
    let server = Server::start(listeners, ServerSettings::from(gateway), &metrics, move |_| {
        let (shared, upstream) = (shared.clone(), Arc::new(upstream()));
        move |peer: Peer| stack(&shared, upstream.clone(), peer.client, peer.endpoint)
    });
    server.map_err(trouble)
}

/// What the program listens to besides its sockets.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    fn install() -> Result<Self, Failure> {
        Ok(Self {
            terminate: signal(SignalKind::terminate()).map_err(trouble)?,
            interrupt: signal(SignalKind::interrupt()).map_err(trouble)?,
            hangup: signal(SignalKind::hangup()).map_err(trouble)?,
        })
    }
}

/// Returns on SIGTERM or SIGINT; on SIGHUP loads policies anew, and certificates, which it looks at by itself too, opens the
/// files of both logs anew, and logs at the configured level again.
async fn until_told_to_stop(
    mut signals: Signals,
    gateway: &Gateway,
    shared: &WorkerContext,
    tls: &[Arc<ReloadableTls>],
    level: &LevelHandle,
) {
    loop {
        tokio::select! {
            _ = signals.terminate.recv() => return,
            _ = signals.interrupt.recv() => return,
            _ = signals.hangup.recv() => {
                level.restore();
                reopen(&shared.telemetry);
                shared.telemetry.reopen_decision_log();
                reload(gateway, shared);
                certificates::reload(tls).await;
            }
            () = pingora_timeout::sleep(certificates::INTERVAL), if !tls.is_empty() => certificates::reload(tls).await,
        }
    }
}

fn reopen(telemetry: &Telemetry) {
    if let Err(error) = telemetry.reopen_access_log() {
        tracing::error!(%error, "the access log could not be opened anew; the file before is written on");
    }
}

/// Swaps the bundle for what the files say now; keeps the old one if anything is wrong with them.
fn reload(gateway: &Gateway, shared: &WorkerContext) {
    match load::tested(gateway) {
        Ok((bundle, texts)) => {
            texts.unread.iter().for_each(|file| log(file, false));
            let revision = bundle.revision.clone();
            shared.telemetry.bundle_loaded(&bundle);
            shared.gate.replace(Arc::new(bundle));
            tracing::info!(%revision, "policies loaded anew");
        }
        Err(failure) => {
            shared.telemetry.bundle_rejected();
            tracing::error!("policies could not be loaded; those before stay in force");
            match failure {
                Failure::Broken(mistakes) => mistakes.iter().for_each(|mistake| log(mistake, true)),
                Failure::Trouble(message) | Failure::Usage(message) => tracing::error!("{message}"),
            }
        }
    }
}

/// Logs what is wrong in a file as one event: what reads the log takes no more than one line for one.
fn log(wrong: &Diagnostic, is_error: bool) {
    let (file, message, help) = (wrong.file.display(), &wrong.message, wrong.help.as_deref());
    let (line, column) = wrong.place().unzip();
    if is_error {
        tracing::error!(%file, line, column, help, "{message}");
    } else {
        tracing::warn!(%file, line, column, help, "{message}");
    }
}

pub(super) fn trouble(error: impl std::fmt::Display) -> Failure {
    Failure::Trouble(error.to_string())
}
