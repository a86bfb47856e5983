//! Connections that outlive the pools of clients: half-closed ones, idle ones at their limit, and how the limit is announced.

use crate::support::client::Client;
use crate::support::gateway::{Gateway, Setup, patch};
use crate::support::recorder::{Recorder, Reply};
use std::net::Ipv4Addr;
use std::time::Duration;
use tokio::io::AsyncWriteExt as _;
use tokio::task::JoinSet;

const BODY: &str = r#"{"first_name":"Ada"}"#;

async fn gateway(idle: Duration) -> (Gateway, Recorder) {
    let upstream = Recorder::answering(200, "{}").await;
    let mut setup = Setup::before(upstream.address());
    setup.limits.idle_timeout = idle;
    (setup.start(), upstream)
}

#[tokio::test]
async fn a_half_closed_client_gets_its_response() {
    let (mut gateway, upstream) = gateway(Duration::from_secs(60)).await;
    for _ in 0..20 {
        let mut client = Client::connect(gateway.address).await;
        client.send(patch(BODY)).await;
        client.stream.shutdown().await.unwrap();
        let answer = client.answer().await.expect("a response");
        assert_eq!(answer.status(), 200);
        assert!(client.closed().await.is_empty(), "and then the connection ends");
        assert_eq!(gateway.line().await["status"], 200);
    }
    assert_eq!(upstream.seen(), 20);
}

#[tokio::test]
async fn every_request_before_a_half_close_gets_its_response() {
    let large = "a".repeat(4 << 20);
    let upstream = Recorder::start(move |_| Reply::json(200, &format!("\"{large}\""))).await;
    let mut gateway = Setup::before(upstream.address()).start();
    let mut client = Client::connect(gateway.address).await;
    client.send([patch(BODY), patch("{"), patch(BODY)].concat()).await;
    client.stream.shutdown().await.unwrap();
    let mut statuses = Vec::new();
    while let Some(answer) = client.answer().await {
        statuses.push(answer.status());
    }
    assert_eq!(statuses, [200, 400, 200]);
    for status in [200, 400, 200] {
        assert_eq!(gateway.line().await["status"], status);
    }
}

#[tokio::test]
async fn a_half_close_within_a_body_has_a_refusal_and_a_line() {
    let (mut gateway, upstream) = gateway(Duration::from_secs(60)).await;
    let whole = patch(BODY);
    for left in [1, BODY.len()] {
        let mut client = Client::connect(gateway.address).await;
        client.send(&whole[..whole.len() - left]).await;
        client.stream.shutdown().await.unwrap();
        let status = client.answer().await.map(|answer| answer.status());
        assert_eq!((status, gateway.line().await["status"].as_u64()), (Some(400), Some(400)), "{left}");
    }
    assert_eq!(upstream.seen(), 0);
}

#[tokio::test]
async fn the_time_for_which_a_connection_can_idle_is_announced() {
    let (gateway, _upstream) = gateway(Duration::from_secs(61)).await;
    let mut client = Client::connect(gateway.address).await;
    for body in [BODY, "{"] {
        client.send(patch(body)).await;
        let answer = client.answer().await.expect("a response");
        assert_eq!(
            (answer.header("keep-alive"), answer.header("connection")),
            (Some("timeout=61"), Some("keep-alive"))
        );
    }
    let answer = client.get_with("/v1/users", "connection: close\r\n").await;
    assert_eq!((answer.header("keep-alive"), answer.header("connection")), (None, Some("close")));
    let mut client = Client::connect(gateway.address).await;
    client.send("GET /v1/users HTTP/1.0\r\nhost: gateway\r\n\r\n").await;
    assert_eq!(client.answer().await.expect("a response").header("keep-alive"), None);
}

/// Node closes a second before the announced end, the JDK and Go by clocks of their own: some requests are sent at the limit.
#[tokio::test]
async fn requests_sent_at_the_idle_limit_are_served() {
    let idle = Duration::from_secs(2);
    let (gateway, upstream) = gateway(idle).await;
    let mut clients = JoinSet::new();
    for number in 0..300_u32 {
        // from 150 ms before the limit to 150 ms after it
        let pause = idle + Duration::from_millis(1) * number;
        let pause = pause.saturating_sub(Duration::from_millis(150));
        let address = (Ipv4Addr::LOCALHOST, gateway.address.port()).into();
        clients.spawn(async move {
            let mut client = Client::connect(address).await;
            client.send(patch(BODY)).await;
            client.answer().await.expect("the first response");
            pingora_timeout::sleep(pause).await;
            let sent = client.stream.write_all(&patch(BODY)).await;
            sent.is_ok() && client.answer().await.is_some()
        });
    }
    let served = clients.join_all().await;
    assert_eq!(served.iter().filter(|served| !**served).count(), 0);
    assert_eq!(upstream.seen(), 600);
}

#[tokio::test]
async fn an_old_connection_ends_with_a_response_and_not_while_it_idles() {
    let upstream = Recorder::answering(200, "{}").await;
    let mut setup = Setup::before(upstream.address());
    setup.limits.connection_age = Duration::from_millis(100);
    let gateway = setup.start();
    let mut client = Client::connect(gateway.address).await;
    client.send(patch(BODY)).await;
    client.answer().await.expect("a response");
    pingora_timeout::sleep(Duration::from_millis(300)).await;
    client.send(patch(BODY)).await;
    let answer = client.answer().await.expect("a response");
    assert_eq!((answer.status(), answer.header("connection")), (200, Some("close")));
    assert!(client.closed().await.is_empty());
}
