//! The whole gateway in this process, wired as the program wires it, with its log lines to read.

use super::client::{Answer, Client};
use super::proxy::{upstream_settings, upstream_with};
use portcullis::config::gateway::{Limits, Logs, Sampler, Traces, UpstreamTarget};
use portcullis::contract::Contract;
use portcullis::contract::strictness::Strictness;
use portcullis::gateway::{Clock, Gate, WorkerContext, stack};
use portcullis::judge::{Bundle, PolicyText};
use portcullis::server::{BoundListener, Peer, Server, ServerSettings, listen};
use portcullis::telemetry::{Output, Setup as TelemetrySetup, Telemetry};
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// A gateway to be.
pub(crate) struct Setup {
    pub(crate) policies: Vec<PolicyText>,
    /// The policies of the shadow bundle; none without one.
    pub(crate) shadow: Vec<PolicyText>,
    pub(crate) limits: Limits,
    pub(crate) strictness: Strictness,
    pub(crate) response_timeout: Duration,
    pub(crate) upload_timeout: Duration,
    pub(crate) upstream: SocketAddr,
    pub(crate) workers: usize,
    pub(crate) clock: Clock,
    /// The value of `OTEL_PROPAGATORS`.
    pub(crate) propagators: Option<&'static str>,
    /// `traces.sendToUpstream`.
    pub(crate) sends_traces: bool,
}

/// A running gateway.
pub(crate) struct Gateway {
    pub(crate) address: SocketAddr,
    pub(crate) shared: Arc<WorkerContext>,
    lines: UnboundedReceiver<serde_json::Value>,
    _server: Server,
}

/// Those of the policies that come with the program which tests count on: one that is added changes no expectation.
pub(crate) const COUNTED_ON: [&str; 6] = [
    "metadata-size",
    "no-bypass-client-trust",
    "no-skip-legal-checks",
    "no-skip-password-checks",
    "password-digest-needs-allowed-hasher",
    "sign-out-on-password-change",
];

/// Policies of every action that come with the program.
pub(crate) fn shipped() -> Vec<PolicyText> {
    let files = COUNTED_ON.iter().map(|name| format!("policies/{name}.yaml"));
    files.map(|file| text(&file, &std::fs::read_to_string(&file).unwrap())).collect()
}

/// A policy file that says `text`.
pub(crate) fn text(file: impl AsRef<Path>, text: &str) -> PolicyText {
    PolicyText { file: file.as_ref().to_owned(), text: text.to_owned() }
}

/// The contract built into the program, with the default version of a configuration.
pub(crate) fn contract() -> Contract {
    Contract::built_in("2026-05-12").expect("a sound contract")
}

/// A bundle with the defaults of a configuration.
pub(crate) fn bundle(policies: &[PolicyText]) -> Bundle {
    Bundle::compile(contract(), policies, Strictness::default()).expect("sound policies")
}

impl Setup {
    /// In front of `upstream`, with the shipped policies and the default limits.
    pub(crate) fn before(upstream: SocketAddr) -> Self {
        Self {
            policies: shipped(),
            shadow: Vec::new(),
            limits: Limits::default(),
            strictness: Strictness::default(),
            response_timeout: Duration::from_secs(10),
            upload_timeout: Duration::from_secs(10),
            upstream,
            workers: 1,
            clock: Clock::default(),
            propagators: None,
            sends_traces: true,
        }
    }

    /// Starts it, on a free port.
    pub(crate) fn start(self) -> Gateway {
        self.start_on(BoundListener::plain(listen(([127, 0, 0, 1], 0).into()).unwrap()))
    }

    /// Starts it on `listener`.
    pub(crate) fn start_on(self, listener: BoundListener) -> Gateway {
        let compile =
            |texts: &[PolicyText]| Bundle::compile(contract(), texts, self.strictness.clone()).expect("sound policies");
        let mut bundle = compile(&self.policies);
        if !self.shadow.is_empty() {
            bundle = bundle.with_shadow(compile(&self.shadow)).expect("a sound candidate");
        }
        let (sender, lines) = unbounded_channel();
        // a Unix socket has no address
        let address = listener.endpoint().unwrap().address().unwrap_or(([127, 0, 0, 1], 0).into());
        let gate = Gate::new(Arc::new(bundle), self.limits, None, &[address]);
        let shared = Arc::new(WorkerContext::new(
            gate.with_clock(self.clock),
            telemetry(sender, self.propagators, self.sends_traces),
        ));
        let (for_workers, upstream) = (Arc::clone(&shared), self.upstream);
        let mut to = upstream_settings();
        (to.response_timeout, to.upload_timeout) = (self.response_timeout, self.upload_timeout);
        to.stall_timeout = self.limits.body_timeout;
        let settings = ServerSettings {
            workers: self.workers,
            connections: self.limits.connections,
            header_bytes: self.limits.header_bytes,
            header_timeout: self.limits.header_timeout,
            idle_timeout: self.limits.idle_timeout,
            connection_age: self.limits.connection_age,
        };
        let server =
            Server::start(vec![listener], settings, &shared.telemetry.server(), &shared.gate.budget, move |_| {
                let (shared, upstream) = (Arc::clone(&for_workers), Arc::new(upstream_with(upstream, &to)));
                move |peer: Peer| stack(&shared, Arc::clone(&upstream), peer.client, peer.account, peer.endpoint)
            });
        Gateway { address, shared, lines, _server: server.unwrap() }
    }
}

impl Gateway {
    /// Sends `bytes` on a connection of their own and reads the answer.
    pub(crate) async fn ask(&self, bytes: impl AsRef<[u8]>) -> Answer {
        let mut client = Client::connect(self.address).await;
        client.send(bytes).await;
        client.answer().await.expect("an answer")
    }

    /// The next line of the access log.
    pub(crate) async fn line(&mut self) -> serde_json::Value {
        self.lines.recv().await.expect("a gateway that runs")
    }
}

fn telemetry(lines: UnboundedSender<serde_json::Value>, propagators: Option<&str>, sends_traces: bool) -> Telemetry {
    let setup = TelemetrySetup {
        logs: &Logs::default(),
        traces: &Traces {
            sampler: Sampler::AlwaysOff,
            always_export: Vec::new(),
            slow_threshold: std::time::Duration::MAX,
            send_to_upstream: sends_traces,
        },
        upstream: &UpstreamTarget::Embedded,
        instance: &portcullis::policy::Instance::UNNAMED,
        output: Output::new(Lines(lines), false),
        decisions: None,
        environment: &|name| propagators.filter(|_| name == "OTEL_PROPAGATORS").map(str::to_owned),
        runtime: Handle::current(),
    };
    Telemetry::start(setup).expect("telemetry")
}

/// Takes log lines; the log writes whole ones.
struct Lines(UnboundedSender<serde_json::Value>);

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        for line in serde_json::Deserializer::from_slice(bytes).into_iter() {
            let _ = self.0.send(line.expect("whole lines of JSON"));
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A request head with a key of a production instance.
pub(crate) fn head(line: &str, headers: &str) -> String {
    format!("{line} HTTP/1.1\r\nhost: gateway\r\nauthorization: Bearer sk_live_portcullis\r\n{headers}\r\n")
}

/// A request with `body` as JSON.
pub(crate) fn json(line: &str, headers: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let length = format!("content-type: application/json\r\ncontent-length: {}\r\n{headers}", body.len());
    [head(line, &length).as_bytes(), body].concat()
}

/// A `PATCH` of a user.
pub(crate) fn patch(body: impl AsRef<[u8]>) -> Vec<u8> {
    json("PATCH /v1/users/user_1", "", body)
}
