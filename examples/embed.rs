//! The judge inside a program: `PolicyLayer` in front of an axum handler, on loopback. Sends one request that is allowed and
//! one that is refused, prints both responses with their records, and ends.
//!
//! `cargo run --example embed`

use axum::extract::{ConnectInfo, Path, Request};
use axum::routing::patch;
use axum::{Router, middleware};
use bytes::Bytes;
use portcullis::config::gateway::Limits;
use portcullis::contract::Contract;
use portcullis::contract::strictness::Strictness;
use portcullis::gateway::{Gate, PolicyLayer};
use portcullis::judge::{Bundle, PolicyText};
use portcullis::peer::Client;
use portcullis::telemetry::record::RequestRecord;
use std::error::Error;
use std::io::Write;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::unbounded_channel;

pub(crate) fn main() -> Result<(), Box<dyn Error>> {
    run(&mut std::io::stdout())
}

/// Runs the service and its two requests, and writes what happened to `output`.
pub(crate) fn run(output: &mut impl Write) -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(serve_and_ask(output))
}

async fn serve_and_ask(output: &mut impl Write) -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;

    // The rules: a contract, the policies compiled against it, and limits. The addresses are those by which a client may
    // name this server in an absolute request target.
    let policy = PolicyText {
        file: "no-skip-password-checks.yaml".into(),
        text: include_str!("../policies/no-skip-password-checks.yaml").to_owned(),
    };
    let bundle = Bundle::compile(Contract::built_in("2026-05-12")?, &[policy], Strictness::default())?;
    let gate = Gate::new(Arc::new(bundle), Limits::default(), None, &[address]);

    // Each request ends with one record. An observer must not block, so this one only hands a line on.
    let (sender, mut records) = unbounded_channel();
    let policies = PolicyLayer::new(gate).with_observer(move |record: &RequestRecord| {
        // fails only when this program has ended
        let _ = sender.send(summary(record));
    });

    let app = Router::new()
        .route("/v1/users/{user_id}", patch(update_user))
        // the last layer is the outermost: a request gets its client before it is judged
        .layer(policies)
        .layer(middleware::map_request(insert_client));
    let service = app.into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, service).await });

    for body in [r#"{"first_name":"Ada"}"#, r#"{"first_name":"Ada","skip_password_checks":true}"#] {
        let response = send(address, body).await?;
        let status = response.lines().next().unwrap_or_default();
        let content = response.rsplit("\r\n\r\n").next().unwrap_or_default();
        writeln!(output, "{status}\n{content}")?;
        writeln!(output, "record: {}\n", records.recv().await.ok_or("no record")?)?;
    }
    Ok(())
}

/// What the layer protects: a handler that would call Clerk. It never sees the second request.
async fn update_user(Path(user_id): Path<String>, body: Bytes) -> String {
    format!("updated {user_id} with {} judged bytes", body.len())
}

/// Names the client of a request, which policies and limits may ask for. Only this program can set the extension.
async fn insert_client(mut request: Request) -> Request {
    if let Some(ConnectInfo(address)) = request.extensions().get::<ConnectInfo<SocketAddr>>().copied() {
        request.extensions_mut().insert(Arc::new(Client { address: Some(address), ..Client::default() }));
    }
    request
}

/// A record as one line. It holds nothing of the request that must not be logged.
fn summary(record: &RequestRecord) -> String {
    let timing = record.judging.map(|timing| timing.total()).unwrap_or_default();
    let violations: Vec<_> = record.violations.iter().map(|violation| violation.message.as_ref()).collect();
    format!(
        "{} {} reason={} status={} judged_in={timing:?} violations={violations:?}",
        record.outcome.as_str(),
        record.operation_id(),
        record.reason.map_or("none", |reason| reason.as_str()),
        record.status,
    )
}

/// Sends a `PATCH` as a Clerk SDK would, and returns the whole response.
async fn send(address: SocketAddr, body: &str) -> Result<String, Box<dyn Error>> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!(
        "PATCH /v1/users/user_1 HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer sk_live_example\r\n\
         content-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await?;
    let mut response = String::new();
    stream.read_to_string(&mut response).await?;
    Ok(response)
}
