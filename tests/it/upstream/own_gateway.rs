//! An upstream that leads back to the gateway: an error, not a loop.

use crate::support::client::Client;
use crate::support::gateway::{head, patch};
use crate::support::program::Program;
use crate::support::proxy::upstream_settings;
use crate::support::recorder::Recorder;
use bytes::Bytes;
use http::Request;
use portcullis::upstream::{Origin, Unreachable, UpstreamBody, UpstreamClient, UpstreamConnector, UpstreamError};
use std::net::SocketAddr;
use std::path::PathBuf;
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

#[tokio::test]
async fn a_connection_to_an_own_listener_is_not_used() {
    let listener = Recorder::answering(200, "{}").await;
    let address = listener.address();
    // by a name, which only the connection shows to be this address
    let origin = Origin::new(false, "localhost", address.port()).unwrap();
    for (listeners, is_own) in [(vec![address], true), (vec![([127, 0, 0, 2], address.port()).into()], false)] {
        let connector = UpstreamConnector::new(origin.clone(), &upstream_settings()).unwrap().beside(listeners);
        let request = Request::get("/v1/users").body(UpstreamBody::Buffered(Bytes::new().into())).unwrap();
        let result = UpstreamClient::new(connector).send(request).await;
        let expected = is_own.then_some(UpstreamError::Unreachable(Unreachable::Itself));
        assert_eq!(result.err().map(|(error, _)| error), expected);
    }
    assert_eq!(listener.seen(), 1);
}

/// A proxy that forwards bytes to whatever address it gets.
async fn proxy() -> (SocketAddr, watch::Sender<Option<SocketAddr>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, (sender, target)) = (listener.local_addr().unwrap(), watch::channel(None));
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let mut target = target.clone();
            tokio::spawn(async move {
                let address = target.wait_for(Option::is_some).await.unwrap().unwrap();
                let mut server = TcpStream::connect(address).await.unwrap();
                tokio::io::copy_bidirectional(&mut client, &mut server).await
            });
        }
    });
    (address, sender)
}

fn gateway_before(upstream: SocketAddr) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("gateway.yaml");
    let text = format!(
        "apiVersion: portcullis/v1\nkind: Gateway\npolicies: []\nlisten: 127.0.0.1:0\nadmin: {{ listen: 127.0.0.1:0 }}\n\
         upstream: {{ url: 'http://{upstream}' }}\n"
    );
    std::fs::write(&file, text).unwrap();
    (folder, file)
}

#[tokio::test]
async fn a_request_that_comes_back_through_others_is_refused() {
    let (address, target) = proxy().await;
    let (_inner_folder, inner) = gateway_before(address);
    let inner = Program::start(&inner, &[]).await;
    // two gateways and a proxy in a ring
    let (_outer_folder, outer) = gateway_before(inner.listen);
    let outer = Program::start(&outer, &[]).await;
    target.send(Some(outer.listen)).unwrap();
    for request in [patch("{}"), head("GET /v1/users", "via: 1.1 another\r\n").into_bytes()] {
        let mut client = Client::connect(outer.listen).await;
        client.send(request).await;
        let response = client.answer().await.expect("a response");
        assert_eq!(response.status(), 502, "{}", response.text());
        assert!(response.text().contains("leads back to this gateway"), "{}", response.text());
    }
    outer.signal("TERM");
    let ended = outer.ended().await;
    assert_eq!(ended.stdout.lines().count(), 4, "each passes it twice: {}", ended.stdout);
}

#[tokio::test]
async fn gateways_behind_each_other_are_no_loop() {
    let upstream = Recorder::answering(200, "{}").await;
    let (_inner_folder, inner) = gateway_before(upstream.address());
    let inner = Program::start(&inner, &[]).await;
    let (_outer_folder, outer) = gateway_before(inner.listen);
    let outer = Program::start(&outer, &[]).await;
    let mut client = Client::connect(outer.listen).await;
    client.send(patch("{}")).await;
    assert_eq!(client.answer().await.expect("a response").status(), 200);
    assert_eq!(upstream.request().await.header("via").len(), 2);
}
