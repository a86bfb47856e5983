//! An upstream at a Unix socket.

use crate::support::client::Client;
use crate::support::program::Program;
use crate::support::proxy::upstream_settings;
use http::Request;
use http_body_util::BodyExt as _;
use portcullis::config::gateway::{UpstreamConfig as Settings, UpstreamTarget};
use portcullis::telemetry::record::UnconnectedCause;
use portcullis::upstream::{Origin, Unreachable, UpstreamBody, UpstreamClient, UpstreamConnector};
use std::path::Path;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};

/// A server at `path` that responds to each request, and keeps their heads.
fn serve(path: &Path) -> Arc<Mutex<Vec<String>>> {
    let (listener, heads) = (UnixListener::bind(path).unwrap(), Arc::<Mutex<Vec<String>>>::default());
    let seen = Arc::clone(&heads);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(respond(stream, Arc::clone(&seen)));
        }
    });
    heads
}

async fn respond(mut stream: UnixStream, seen: Arc<Mutex<Vec<String>>>) {
    let mut head = Vec::new();
    while let Ok(byte) = stream.read_u8().await {
        head.push(byte);
        if head.ends_with(b"\r\n\r\n") {
            seen.lock().unwrap().push(String::from_utf8(std::mem::take(&mut head)).unwrap());
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}").await.unwrap();
        }
    }
}

fn upstream(path: &Path) -> UpstreamClient {
    let settings = Settings { target: UpstreamTarget::Unix { path: path.to_owned() }, ..upstream_settings() };
    let origin = Origin::of(&settings.target).unwrap().unwrap();
    UpstreamClient::new(UpstreamConnector::new(origin, &settings).unwrap())
}

#[tokio::test]
async fn requests_reach_a_socket_and_its_connection_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("egress.sock");
    let (upstream, request) = (upstream(&path), || Request::get("/v1/users").body(UpstreamBody::Empty).unwrap());
    let (error, call) = upstream.send(request()).await.unwrap_err();
    assert_eq!((error, call.unconnected), (Unreachable::NoSocket.into(), Some(UnconnectedCause::Refused)));
    let heads = serve(&path);
    pingora_timeout::sleep(std::time::Duration::from_millis(50)).await;
    for is_reused in [false, true] {
        let (response, call) = upstream.send(request()).await.unwrap();
        assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "{}");
        assert_eq!((call.peer, call.reused), (None, is_reused));
    }
    assert_eq!(*heads.lock().unwrap(), ["GET /v1/users HTTP/1.1\r\nhost: localhost\r\n\r\n"; 2]);
}

#[tokio::test]
async fn a_gateway_forwards_to_a_socket() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("egress.sock");
    let heads = serve(&path);
    let file = folder.path().join("gateway.yaml");
    let text = format!(
        "apiVersion: portcullis/v1\nkind: Gateway\nlisten: 127.0.0.1:0\nadmin: {{ listen: 127.0.0.1:0 }}\npolicies: []\n\
         upstream: {{ url: 'unix:{}' }}\n",
        path.display()
    );
    std::fs::write(&file, text).unwrap();
    let program = Program::start(&file, &[]).await;
    assert_eq!(Client::connect(program.listen).await.get("/v1/users").await.status(), 200);
    assert_eq!(heads.lock().unwrap().len(), 1);
    let metrics = Client::connect(program.admin).await.get("/metrics").await.text().to_owned();
    let expected = format!("http_client_request_duration_seconds_count{{server_address=\"{}\"", path.display());
    assert!(metrics.contains(&expected), "{metrics}");
}
