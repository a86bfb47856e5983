//! What operators see.

use crate::support::gateway::{bundle, shipped, text};
use arc_swap::ArcSwap;
use http_body_util::{BodyExt as _, Empty};
use hyper_util::rt::TokioIo;
use portcullis::admin::{self, AdminState, LoadStatus, Readiness, ReloadReport, ReloadRequests};
use portcullis::config::gateway::{AccessLogTarget, Limits, LogLevel, Logs, Sampler, Traces, UpstreamTarget};
use portcullis::config::load::load;
use portcullis::config::overrides::Overrides;
use portcullis::gateway::Gate;
use portcullis::telemetry::{LevelHandle, Output, ReloadOutcome, Setup, Telemetry};
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

/// In force whenever this test runs.
pub(crate) const WAIVER: &str = "\
apiVersion: portcullis/v1
kind: Waiver
metadata: { name: migration }
spec:
  policy: no-skip-password-checks
  matchConditions: [{ name: whom, expression: client.unixUid == 1000 }]
  owner: identity-security
  ticket: MIG-42
  reason: users come with their old passwords
  expires: 9999-12-31
";

fn state() -> AdminState {
    let setup = Setup {
        logs: &Logs { access: AccessLogTarget::Off, ..Logs::default() },
        traces: &Traces {
            sampler: Sampler::AlwaysOff,
            always_export: Vec::new(),
            slow_threshold: std::time::Duration::MAX,
            send_to_upstream: true,
        },
        upstream: &UpstreamTarget::Embedded,
        instance: &portcullis::policy::Instance::UNNAMED,
        output: Output::new(io::sink(), false),
        decisions: None,
        environment: &|_| None,
        runtime: Handle::current(),
    };
    let policies = [shipped(), vec![text("waiver.yaml", WAIVER)]].concat();
    let gate = Gate::new(Arc::new(bundle(&policies)), Limits::default(), None, &[]);
    let telemetry = Telemetry::start(setup).expect("telemetry");
    telemetry.bundle_loaded(&gate.bundle.load());
    let level = LevelHandle::new(LogLevel::Info);
    let config = load(Path::new("config/gateway.yaml"), &Overrides::default(), &|_| None).expect("a configuration");
    let now = SystemTime::now();
    let report = ReloadReport {
        outcome: ReloadOutcome::Loaded,
        revision: String::new(),
        restart_required: Vec::new(),
        errors: Vec::new(),
    };
    let status = LoadStatus { started: now, since: now, tests: 0, reloaded: now, report };
    AdminState {
        telemetry,
        config: Arc::new(ArcSwap::from_pointee(config)),
        gate: Arc::new(gate),
        readiness: Readiness::default(),
        level,
        status: Arc::new(ArcSwap::from_pointee(status)),
        reloads: ReloadRequests::channel().0,
        listen: Arc::new([]),
    }
}

async fn get(address: SocketAddr, path: &str) -> (u16, Option<String>, String) {
    get_as(address, path, "*/*").await
}

async fn get_as(address: SocketAddr, path: &str, accept: &str) -> (u16, Option<String>, String) {
    let stream = TcpStream::connect(address).await.expect("a connection");
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.expect("http");
    tokio::spawn(connection);
    let request = http::Request::get(path)
        .header("host", "localhost")
        .header("accept", accept)
        .body(Empty::<bytes::Bytes>::new());
    let (head, body) = sender.send_request(request.expect("a request")).await.expect("an answer").into_parts();
    let body = body.collect().await.expect("a body").to_bytes();
    let kind = head.headers.get("content-type").map(|value| value.to_str().expect("ASCII").to_owned());
    (head.status.as_u16(), kind, String::from_utf8(body.to_vec()).expect("UTF-8"))
}

#[tokio::test]
async fn the_configuration_in_force_is_shown_with_its_defaults() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(admin::serve(listener, state(), std::future::pending()));
    let (status, kind, text) = get(address, "/config").await;
    assert_eq!((status, kind.as_deref()), (200, Some("application/json")));
    let told: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(told["upstream"]["url"], "https://api.clerk.com:443");
    assert_eq!(told["limits"]["bodyTimeout"], "10s");
    assert_eq!(told["limits"]["requestTimeout"], "15m");
    assert_eq!(told["traces"]["sampler"], "parentbased_always_on");
    assert_eq!(told["contract"]["fallthrough"]["writes"], "deny");
    assert_eq!(told["listen"][0]["address"], "127.0.0.1:8787");
}

#[tokio::test]
async fn the_root_lists_every_path_with_its_purpose() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(admin::serve(listener, state(), std::future::pending()));
    let (status, kind, text) = get(address, "/").await;
    assert_eq!((status, kind.as_deref()), (200, Some("text/plain; charset=utf-8")));
    assert!(text.lines().all(|line| line.len() <= 100), "{text}");
    assert!(text.contains("/readyz         200 if the gateway takes requests"), "{text}");
    // `/decisions` only begins with an empty line, and does not end; of one decision the id is needed
    let paths = text.lines().filter_map(|line| line.split(' ').next());
    for path in paths.filter(|path| !path.starts_with("/decisions")) {
        assert_ne!(get(address, path).await.0, 404, "{path}");
    }
    let (_, kind, json) = get_as(address, "/", "application/json").await;
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!((kind.as_deref(), &json["paths"][1]["path"]), (Some("application/json"), &"/livez".into()));
}

#[tokio::test]
async fn probes_follow_the_life_of_the_gateway() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    let (end, ended) = oneshot::channel::<()>();
    let state = state();
    let readiness = state.readiness.clone();
    let serving = tokio::spawn(admin::serve(listener, state, async { drop(ended.await) }));

    assert_eq!(get(address, "/livez").await.0, 200);
    assert_eq!(get(address, "/startupz").await.0, 503);
    let (status, _, why) = get(address, "/readyz").await;
    assert_eq!((status, why.as_str()), (503, "no policy bundle is loaded yet"));
    readiness.ready();
    assert_eq!(get(address, "/readyz").await.0, 200);
    assert_eq!(get(address, "/startupz").await.0, 200);
    readiness.draining();
    let (status, _, why) = get(address, "/readyz").await;
    assert_eq!((status, why.as_str()), (503, "draining: the gateway is shutting down"));
    assert_eq!(get(address, "/startupz").await.0, 200);
    assert_eq!(get(address, "/livez").await.0, 200);

    drop(end);
    serving.await.expect("no panic");
}

/// What counts requests that have no answer yet.
const ACTIVE: &str = "\nhttp_server_active_requests{http_request_method=\"GET\",url_scheme=\"http\"}";

#[tokio::test]
async fn metrics_are_in_the_format_that_is_asked_for_and_count_what_is_in_flight() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    let state = state();
    let telemetry = state.telemetry.clone();
    tokio::spawn(admin::serve(listener, state, std::future::pending()));

    let one = telemetry.in_flight("GET", "http");
    let (status, kind, text) = get_as(address, "/metrics", "application/openmetrics-text;version=1.0.0").await;
    assert_eq!(status, 200);
    assert_eq!(kind.as_deref(), Some("application/openmetrics-text; version=1.0.0; charset=utf-8"));
    assert!(text.contains(&format!("{ACTIVE} 1\n")), "{text}");
    assert!(text.ends_with("# EOF\n"));
    let (status, kind, text) = get(address, "/metrics").await;
    assert_eq!((status, kind.as_deref()), (200, Some("text/plain; version=0.0.4; charset=utf-8")));
    assert!(text.contains("\n# TYPE portcullis_worker_restarts_total counter\nportcullis_worker_restarts_total 0\n"));
    assert!(text.contains(&format!("{ACTIVE} 1\n")) && !text.contains("# EOF"), "{text}");
    drop(one);
    assert!(get(address, "/metrics").await.2.contains(&format!("{ACTIVE} 0\n")));
    let (_, kind, _) = get_as(address, "/metrics", "application/openmetrics-text;q=0, text/plain").await;
    assert_eq!(kind.as_deref(), Some("text/plain; version=0.0.4; charset=utf-8"));
    assert_eq!(get(address, "/anything").await.0, 404);
}

#[tokio::test]
async fn connections_that_say_nothing_do_not_add_up() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(admin::serve(listener, state(), std::future::pending()));
    let mut silent = Vec::new();
    for _ in 0..64 {
        silent.push(TcpStream::connect(address).await.expect("a connection"));
    }
    assert_eq!(get(address, "/policies").await.0, 503, "a 65th connection was served more than the probes");
    drop(silent);
    let begun = Instant::now();
    while get(address, "/policies").await.0 != 200 {
        assert!(begun.elapsed() < Duration::from_secs(10), "closed connections hold their places");
    }
}

#[tokio::test]
async fn a_head_without_an_end_is_cut_off() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(admin::serve(listener, state(), std::future::pending()));
    let mut slow = TcpStream::connect(address).await.expect("a connection");
    slow.write_all(b"GET /livez HTTP/1.1\r\nhost: admin\r\n").await.expect("an open connection");
    let begun = Instant::now();
    let mut answer = Vec::new();
    let closed = pingora_timeout::timeout(Duration::from_secs(20), slow.read_to_end(&mut answer)).await;
    assert!(closed.is_ok(), "held for {:?}", begun.elapsed());
    assert!(!String::from_utf8_lossy(&answer).contains("200 OK") && begun.elapsed() > Duration::from_secs(5));
    assert_eq!(get(address, "/livez").await.0, 200);
}

#[tokio::test]
async fn policies_and_waivers_in_force_are_shown_with_days_left() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    let state = state();
    let revision = state.gate.bundle.load().revision.to_string();
    tokio::spawn(admin::serve(listener, state, std::future::pending()));

    let (status, kind, text) = get(address, "/policies").await;
    assert_eq!((status, kind.as_deref()), (200, Some("application/json")));
    let told: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(told["revision"], revision);
    let policies = told["policies"].as_array().expect("policies").iter();
    let skip = policies.clone().find(|it| it["name"] == "no-skip-password-checks").expect("a shipped policy");
    assert_eq!((&skip["action"], &skip["environments"][0]), (&"deny".into(), &"production".into()));
    let waiver = serde_json::json!({
        "name": "migration", "policy": "no-skip-password-checks", "owner": "identity-security", "ticket": "MIG-42",
        "reason": "users come with their old passwords", "expires": "9999-12-31T00:00:00Z", "expired": false,
    });
    assert_eq!(told["waivers"], serde_json::json!([waiver]));
    let versions = told["contract"]["versions"].as_array().expect("versions");
    assert_eq!(versions.len(), 7);
    let newest = versions.iter().find(|it| it["version"] == "2026-05-12").expect("the newest version");
    assert_eq!((&newest["family"], &newest["specDate"]), (&"backend".into(), &"2026-08-14".into()));
    let digest = newest["specSha256"].as_str().expect("a digest");

    let (_, _, metrics) = get(address, "/metrics").await;
    let days = metrics.lines().find_map(|line| line.strip_prefix("portcullis_waiver_days_left{waiver=\"migration\"} "));
    assert!(days.expect("the waiver").parse::<f64>().expect("days") > 365.0, "{metrics}");
    assert!(metrics.contains("# TYPE portcullis_waiver_days_left gauge\n"), "{metrics}");

    let info = format!("portcullis_contract_info{{version=\"2026-05-12\",family=\"backend\",digest=\"{digest}\"}} 1\n");
    assert!(metrics.contains(&info), "{metrics}");
    assert!(
        metrics.contains("portcullis_contract_info{version=\"platform-beta\",family=\"platform\",digest=\""),
        "{metrics}"
    );
    let age = "portcullis_contract_age_seconds{version=\"2026-05-12\",family=\"backend\"} ";
    let age =
        metrics.lines().find_map(|line| line.strip_prefix(age)).expect("the age").parse::<f64>().expect("seconds");
    // the clock of a build machine may be behind the day of the spec
    assert!(age >= 0.0, "{age}");
}

#[tokio::test]
async fn a_probe_is_answered_however_many_connections_there_are() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    let state = state();
    state.readiness.ready();
    tokio::spawn(admin::serve(listener, state, std::future::pending()));
    let mut idle = Vec::new();
    for _ in 0..150 {
        idle.push(TcpStream::connect(address).await.expect("a connection"));
    }
    for path in ["/livez", "/readyz", "/startupz"] {
        let answer = pingora_timeout::timeout(Duration::from_secs(5), get(address, path)).await;
        assert_eq!(answer.expect("an answer before any timeout").0, 200, "{path}");
    }
    assert_eq!(get(address, "/metrics").await.0, 503);
}

/// A socket whose buffers hold less than a few responses.
fn small_socket() -> TcpSocket {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(4096).expect("an option");
    socket.set_send_buffer_size(4096).expect("an option");
    socket
}

#[tokio::test]
async fn metrics_that_nobody_reads_stop_no_probe_and_are_given_up() {
    let socket = small_socket();
    socket.bind("127.0.0.1:0".parse().expect("an address")).expect("a free port");
    let listener = socket.listen(256).expect("a listener");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(admin::serve(listener, state(), std::future::pending()));
    // more than the program buffers for a connection, too
    let requests = "GET /metrics HTTP/1.1\r\nhost: localhost\r\n\r\n".repeat(100);
    let mut unread = Vec::new();
    for _ in 0..80 {
        let mut client = small_socket().connect(address).await.expect("a connection");
        client.write_all(requests.as_bytes()).await.expect("an open connection");
        unread.push(client);
    }
    let begun = Instant::now();
    let probe = pingora_timeout::timeout(Duration::from_secs(5), get(address, "/livez")).await;
    assert_eq!(probe.expect("an answer before any timeout").0, 200);
    assert_eq!(get(address, "/metrics").await.0, 503, "more than 64 are served");
    // far less than the longest time of a connection
    while get(address, "/metrics").await.0 != 200 {
        assert!(begun.elapsed() < Duration::from_secs(60), "connections that read nothing hold their places");
        pingora_timeout::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(get(address, "/livez").await.0, 200);
    drop(unread);
}

#[tokio::test]
async fn a_saturated_gateway_is_not_ready() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    let state = state();
    state.readiness.ready();
    let budget = Arc::clone(&state.gate.budget);
    tokio::spawn(admin::serve(listener, state, std::future::pending()));
    let all = budget.account(portcullis::budget::ClientKey::Unnamed).memory(Limits::default().memory_bytes);
    let (status, _, body) = get(address, "/readyz").await;
    assert!(status == 503 && body.starts_with("saturated"), "{status} {body}");
    drop(all);
    assert_eq!(get(address, "/readyz").await.0, 200);
}

/// A reload compares by what is shown, which key waits for a restart: one that is missing would be changed without a word.
#[tokio::test]
async fn the_configuration_that_is_shown_has_every_option() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(admin::serve(listener, state(), std::future::pending()));
    let shown: serde_json::Value = serde_json::from_str(&get(address, "/config").await.2).expect("JSON");
    let page = std::fs::read_to_string("docs/configuration.md").expect("the page");
    let table = page.split("\n## ").find(|part| part.starts_with("Options\n")).expect("the table");
    let options = table.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next()).collect::<Vec<_>>();
    assert!(options.len() > 40, "{options:?}");
    let missing = options.into_iter().filter(|option| {
        // a part that is off is null, and compared as a whole
        let mut part = Some(&shown);
        for key in option.split('.') {
            part = part.filter(|part| part.is_object()).and_then(|part| part.get(key));
            if part.is_none_or(|part| !part.is_object()) {
                break;
            }
        }
        part.is_none()
    });
    // consents, which have no effect of their own
    let missing: Vec<_> = missing.filter(|option| !option.ends_with(".plaintext")).collect();
    assert_eq!(missing, [""; 0]);
}
