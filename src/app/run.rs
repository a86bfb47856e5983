//! Runs the gateway: from a checked configuration until a signal stops it.

use super::core_dumps;
use super::descriptors;
use super::exporters::ExporterThread;
use super::listeners::{Listeners, addresses};
use super::load_view::LoadView;
use super::reload::{ReloadState, Reloader};
use super::reload_loop::reload_until_stopped;
use super::signals::Signals;
use super::socket_origin::SocketOrigin;
use super::{Configuration, Error, PolicyOrigin, TestedBundle, decision_log, panic_hook, service_manager};
use crate::admin::{self, Readiness, ReloadRequests};
use crate::config::gateway::{
    AccessLogTarget, Gateway, ShutdownConfig, UpstreamConfig as UpstreamSettings, UpstreamProxy, UpstreamTarget,
};
use crate::decision_log::RetentionRules;
use crate::gateway::{Gate, WorkerContext, stack};
use crate::judge::Bundle;
#[cfg(feature = "sandbox")]
use crate::sandbox;
use crate::server::{BoundListener, ListenerAddress, Peer, Server, ServerSettings, SocketHandover};
use crate::telemetry::logs::ApplicationLog;
use crate::telemetry::{Output, Setup, Telemetry};
use crate::upstream::{Origin, UpstreamClient, UpstreamConnector};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::sync::oneshot;

/// Longest time for telemetry to be written and exported after the last request.
const FLUSH: Duration = Duration::from_secs(5);
/// Longest time for the last lines of the log.
const FLUSH_LOG: Duration = Duration::from_secs(1);

/// A gateway that accepts requests, as it is about to be announced.
#[derive(Clone, Copy, Debug)]
pub struct Started<'a> {
    /// Where clients reach it, with the ports that the system assigned.
    pub listen: &'a [ListenerAddress],
    /// Where it forwards requests.
    pub upstream: &'a UpstreamTarget,
    /// The proxy through which it reaches the upstream. `None` if directly.
    pub proxy: Option<&'a UpstreamProxy>,
    /// The address of its admin listener; `None` if it is off.
    pub admin: Option<SocketAddr>,
    /// What it enforces.
    pub bundle: &'a Bundle,
    /// Where its policies were read from.
    pub origin: PolicyOrigin,
}

/// How a gateway is run, besides its configuration.
#[derive(Clone, Debug, Default)]
pub struct RunSettings {
    /// Whether standard error, to which the log goes, is a terminal.
    pub is_terminal: bool,
    /// Where a running gateway waits for the process that replaces it, and where this one will.
    pub takeover: Option<PathBuf>,
}

/// Why a gateway stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum StopCause {
    Signal,
    /// Another process has its sockets.
    Successor,
}

/// Runs a gateway until SIGTERM or SIGINT, or until another process takes over. `announce` is called once, as soon as requests are
/// accepted and signals are handled.
///
/// # Errors
///
/// The gateway could not be started.
pub fn run(
    configuration: &Configuration,
    tested: TestedBundle,
    settings: &RunSettings,
    announce: impl FnOnce(Started<'_>),
) -> Result<(), Error> {
    core_dumps::forbid();
    let log = ApplicationLog::start(&configuration.gateway.logs, settings.is_terminal).map_err(Error::environment)?;
    // after the log is started: the hook writes to it
    panic_hook::install();
    // this thread only accepts and hands over; each worker has a runtime of its own
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Error::environment)?;
    // on the thread that accepts connections: a watchdog that another one feeds would not notice that it hangs
    runtime.spawn(service_manager::feed_watchdog());
    let result = runtime.block_on(serve(configuration, tested, &log, settings, announce));
    // after an error, too: the last lines may be the ones that explain it
    log.flush(FLUSH_LOG);
    result
}

async fn serve(
    configuration: &Configuration,
    tested: TestedBundle,
    log: &ApplicationLog,
    settings: &RunSettings,
    announce: impl FnOnce(Started<'_>),
) -> Result<(), Error> {
    let TestedBundle { bundle, digest, tests, memory, .. } = tested;
    let gateway = &within_descriptors(&configuration.gateway);
    // before the gateway is announced: a supervisor may signal it from then on
    let mut signals = Signals::install()?;
    let retention = decision_log::retention(gateway, &bundle.contract)?;
    // until the end of this function, after the last export
    let exporters = ExporterThread::start()?;
    let mut sockets = SocketOrigin::find(settings.takeover.as_deref())?;
    let telemetry = telemetry(gateway, exporters.handle(), sockets.has_predecessor())?;
    telemetry.export_log(log);
    let (opened, handovers) = sockets.open(gateway)?;
    let Listeners { open: listeners, endpoints, mut certificates, admin } = opened;
    let connector = connector(&gateway.upstream, own_addresses(&endpoints, admin.as_ref()))?;
    certificates.set_upstream(&connector);
    let readiness = Readiness::default();
    telemetry.bundle_loaded(&bundle);
    let bundle = Arc::new(bundle);
    telemetry.certificates_loaded(certificates.status());
    let gate = gate(gateway, bundle.clone(), &addresses(&endpoints), retention);
    let shared = worker_context(gate, &telemetry);
    let view = LoadView::of_start(gateway, &bundle, tests);
    let (reloads, requests) = ReloadRequests::channel();
    let state = admin::AdminState {
        telemetry: telemetry.clone(),
        config: view.config.clone(),
        gate: shared.gate.clone(),
        readiness: readiness.clone(),
        level: log.level.clone(),
        status: view.status.clone(),
        reloads,
        listen: endpoints.iter().map(ToString::to_string).collect(),
    };
    let (stop_admin, admin_stopped) = oneshot::channel();
    let admin = start_admin(admin, state, admin_stopped)?;
    let server = start(listeners, gateway, &shared, &connector)?;
    let (upstream, proxy, origin) = (&gateway.upstream.target, gateway.upstream.proxy.as_ref(), configuration.origin);
    sockets.claim(&handovers)?;
    service_manager::report_ready(&bundle.revision, true);
    announce(Started { listen: &endpoints, upstream, proxy, admin, bundle: &bundle, origin });
    // a reload replaces the bundle; this reference would keep the first one in memory
    drop(bundle);
    readiness.ready();
    let state = Mutex::new(ReloadState::new(configuration, digest, memory));
    let reloader = Reloader { shared: shared.clone(), certificates, level: log.level.clone(), view, state };
    let cause = tokio::select! {
        () = reload_until_stopped(&mut signals, requests, Arc::new(reloader)) => StopCause::Signal,
        () = sockets.wait_for_successor(&handovers) => StopCause::Successor,
    };
    // first, so that a load balancer sees it while requests are still being finished
    readiness.draining();
    let mut shutdown = gateway.shutdown;
    if cause == StopCause::Successor {
        shutdown.delay = Duration::ZERO;
        leave_to_successor(handovers, stop_admin);
    }
    tokio::select! {
        () = stop(server, &telemetry, shutdown) => {}
        () = signals.stop() => tracing::warn!("stopped at once, by a second signal"),
    }
    Ok(())
}

/// Leaves the sockets to the process that took over, and the probes.
fn leave_to_successor(handovers: Vec<SocketHandover>, stop_admin: oneshot::Sender<()>) {
    tracing::info!("another process took over");
    handovers.into_iter().for_each(SocketHandover::complete);
    drop(stop_admin);
}

/// Goes on for the delay, then finishes what was accepted, and exports what is left of telemetry.
async fn stop(server: Server, telemetry: &Telemetry, shutdown: ShutdownConfig) {
    service_manager::report_stop();
    if !shutdown.delay.is_zero() {
        pingora_timeout::sleep(shutdown.delay).await;
    }
    let drained = server.drain(shutdown.timeout).await;
    tracing::info!(finished = drained.finished, cut = drained.cut, "stopped");
    // last: requests that end during the drain have spans and log lines, too
    telemetry.shutdown(FLUSH).await;
}

fn worker_context(gate: Gate, telemetry: &Telemetry) -> Arc<WorkerContext> {
    telemetry.observe_budget(&gate.budget);
    Arc::new(WorkerContext::new(gate, telemetry.clone()))
}

fn gate(gateway: &Gateway, bundle: Arc<Bundle>, listeners: &[SocketAddr], retention: Option<RetentionRules>) -> Gate {
    Gate::new(bundle, gateway.limits, gateway.environment, listeners)
        .with_instance(Arc::clone(&gateway.instance))
        .with_masks(decision_log::masks(gateway))
        .with_retention(retention)
}

/// `gateway` with no more connections than there are file descriptors for, once the limit is raised.
// fewer connections, and not an error: those above would be accepted, and fail for want of a connection to the upstream
fn within_descriptors(gateway: &Gateway) -> Gateway {
    let mut gateway = gateway.clone();
    if let Some(limit) = descriptors::raise() {
        let room = descriptors::connections_within(limit);
        gateway.limits.connections = gateway.limits.connections.min(room);
    }
    gateway
}

/// `follows` is whether another process may still write the decision log.
fn telemetry(gateway: &Gateway, runtime: Handle, follows: bool) -> Result<Telemetry, Error> {
    let output = match &gateway.logs.access {
        AccessLogTarget::Stdout => Output::stdout(),
        AccessLogTarget::Off => Output::new(std::io::sink(), false),
        AccessLogTarget::File(path) => Output::file(path.clone()).map_err(|error| access_log_error(gateway, &error))?,
    };
    let setup =
        Setup { output, decisions: decision_log::open(gateway, follows)?, ..settings_of_telemetry(gateway, runtime) };
    Telemetry::start(setup).map_err(Error::environment)
}

/// What telemetry is started with, without log files.
pub(super) fn settings_of_telemetry(gateway: &Gateway, runtime: Handle) -> Setup<'_> {
    Setup {
        logs: &gateway.logs,
        traces: &gateway.traces,
        upstream: &gateway.upstream.target,
        instance: &gateway.instance,
        output: Output::new(std::io::sink(), false),
        decisions: None,
        environment: &|name| std::env::var(name).ok(),
        runtime,
    }
}

/// The error of an access log that cannot be opened, at its place in the configuration.
fn access_log_error(gateway: &Gateway, error: &std::io::Error) -> Error {
    let message = format!("`logs.access.file` cannot be opened: {error}");
    Error::Invalid(vec![gateway.source.at("/logs/access/file", message)])
}

/// The addresses on which this process listens.
fn own_addresses(endpoints: &[ListenerAddress], admin: Option<&TcpListener>) -> Vec<SocketAddr> {
    addresses(endpoints).into_iter().chain(admin.and_then(|admin| admin.local_addr().ok())).collect()
}

/// What connects to the upstream, which is none of this gateway's `own` listeners.
fn connector(settings: &UpstreamSettings, own: Vec<SocketAddr>) -> Result<UpstreamConnector, Error> {
    let origin = Origin::of(&settings.target).map_err(Error::environment)?;
    let origin = origin.map_or_else(start_stand_in, Ok)?;
    let connector = UpstreamConnector::new(origin, settings).map_err(Error::environment)?;
    connector.follow_name();
    Ok(match settings.target {
        UpstreamTarget::Url { .. } | UpstreamTarget::Unix { .. } => connector.beside(own),
        // the stand-in is no server that could lead back here
        UpstreamTarget::Embedded => connector,
    })
}

/// Starts the stand-in on a port of its own. It is reached over TCP, so that requests take the same path as to any upstream.
#[cfg(feature = "sandbox")]
fn start_stand_in() -> Result<Origin, Error> {
    let listener = crate::server::listen((std::net::Ipv4Addr::LOCALHOST, 0).into()).map_err(Error::environment)?;
    let address = listener.local_addr().map_err(Error::environment)?;
    tokio::spawn(sandbox::serve(listener, std::future::pending()));
    Origin::new(false, &address.ip().to_string(), address.port()).map_err(Error::environment)
}

// the configuration refuses `embedded` before, with its place in the file
#[cfg(not(feature = "sandbox"))]
fn start_stand_in() -> Result<Origin, Error> {
    Err(Error::Environment("this build has no stand-in".to_owned()))
}

/// Starts the admin listener, which accepts connections until the sender of `stopped` is dropped.
fn start_admin(
    listener: Option<TcpListener>,
    state: admin::AdminState,
    stopped: oneshot::Receiver<()>,
) -> Result<Option<SocketAddr>, Error> {
    let Some(listener) = listener else { return Ok(None) };
    let address = listener.local_addr().map_err(Error::environment)?;
    tokio::spawn(admin::serve(listener, state, async { drop(stopped.await) }));
    Ok(Some(address))
}

fn start(
    listeners: Vec<BoundListener>,
    gateway: &Gateway,
    shared: &Arc<WorkerContext>,
    connector: &UpstreamConnector,
) -> Result<Server, Error> {
    let (shared, connector) = (shared.clone(), connector.clone());
    let budget = Arc::clone(&shared.gate.budget);
    let (metrics, connections) = (shared.telemetry.server(), shared.telemetry.connections());
    let upstream = move || UpstreamClient::new(connector.clone()).counted_by(connections.clone());
    let server = Server::start(listeners, ServerSettings::from(gateway), &metrics, &budget, move |_| {
        let (shared, upstream) = (shared.clone(), Arc::new(upstream()));
        move |peer: Peer| stack(&shared, upstream.clone(), peer.client, peer.account, peer.endpoint)
    });
    server.map_err(Error::environment)
}
