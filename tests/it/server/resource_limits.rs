//! Bounds on what a client can hold, and that the gateway is well again once it lets go.

use crate::support::client::Client;
use crate::support::gateway::{Setup, head, json, patch};
use crate::support::recorder::{Recorder, Reply};
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

const BODY: &str = r#"{"first_name":"a"}"#;
const SHORT: Duration = Duration::from_millis(300);
const LONG: Duration = Duration::from_secs(5);

#[tokio::test]
async fn an_upload_that_is_not_inspected_must_end_too() {
    let recorder = Recorder::answering(200, "{}").await;
    let mut setup = Setup::before(recorder.address());
    setup.upload_timeout = SHORT;
    let mut gateway = setup.start();
    let begun = Instant::now();
    let answer = gateway.ask(head("POST /v1/users/user_1/profile_image", "content-length: 9\r\n") + "abc").await;
    assert_eq!(answer.status(), 408);
    assert!(begun.elapsed() >= SHORT * 4 / 5 && begun.elapsed() < LONG, "{:?}", begun.elapsed());
    assert_eq!(gateway.line().await["reason"], "body_timeout");
    assert_eq!(recorder.seen(), 0, "half a body is no request");
}

#[tokio::test]
async fn an_upload_within_its_time_waits_for_a_slow_client() {
    let recorder = Recorder::answering(200, "{}").await;
    let mut setup = Setup::before(recorder.address());
    setup.response_timeout = SHORT;
    let gateway = setup.start();
    let mut client = Client::connect(gateway.address).await;
    client.send(head("POST /v1/users/user_1/profile_image", "content-length: 4\r\n")).await;
    for byte in b"abcd" {
        pingora_timeout::sleep(SHORT / 2).await;
        client.send([*byte]).await;
    }
    assert_eq!(client.answer().await.unwrap().status(), 200);
}

#[tokio::test]
async fn a_client_that_takes_nothing_of_its_answer_is_cut_off() {
    let big = "x".repeat(32 * 1024 * 1024);
    let recorder = Recorder::answering(200, &big).await;
    let mut setup = Setup::before(recorder.address());
    setup.limits.idle_timeout = SHORT;
    let mut gateway = setup.start();
    let mut client = Client::connect(gateway.address).await;
    client.send(head("GET /v1/users", "")).await;
    let line = gateway.line().await;
    assert!(line["response_bytes"].as_u64().unwrap() < big.len() as u64, "{line}");
    assert!(client.closed().await.len() < big.len());
}

/// An upstream that answers at once, and then drips one byte at a time for as long as anybody listens.
async fn dripping() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        assert!(stream.read(&mut [0; 4096]).await.unwrap() > 0);
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n").await.unwrap();
        while stream.write_all(b"x").await.is_ok() {
            pingora_timeout::sleep(SHORT / 10).await;
        }
    });
    address
}

#[tokio::test]
async fn an_answer_that_drips_breaks_off_when_the_time_of_the_request_is_over() {
    let mut setup = Setup::before(dripping().await);
    setup.limits.request_timeout = SHORT;
    let mut gateway = setup.start();
    let mut client = Client::connect(gateway.address).await;
    let begun = Instant::now();
    client.send(head("GET /v1/users", "")).await;
    let got = client.closed().await;
    assert!(got.starts_with(b"HTTP/1.1 200 ") && got.ends_with(b"x"), "{}", String::from_utf8_lossy(&got));
    assert!(begun.elapsed() >= SHORT && begun.elapsed() < LONG, "{:?}", begun.elapsed());
    let line = gateway.line().await;
    assert_eq!((&line["decision"], &line["reason"]), (&"fail".into(), &"upstream_timeout".into()));
}

/// It always takes something before `limits.idleTimeout` is over.
#[tokio::test]
async fn a_client_that_sips_its_answer_is_cut_off_when_the_time_of_the_request_is_over() {
    let big = "x".repeat(32 * 1024 * 1024);
    let recorder = Recorder::answering(200, &big).await;
    let mut setup = Setup::before(recorder.address());
    setup.limits.request_timeout = SHORT;
    let gateway = setup.start();
    let mut client = Client::connect(gateway.address).await;
    let begun = Instant::now();
    client.send(head("GET /v1/users", "")).await;
    let mut sip = vec![0; 64 * 1024];
    // a reset ends it, as the client has not taken what was sent
    while client.stream.read(&mut sip).await.is_ok_and(|length| length > 0) && begun.elapsed() < LONG {
        pingora_timeout::sleep(SHORT / 10).await;
    }
    assert!(begun.elapsed() >= SHORT && begun.elapsed() < LONG, "{:?}", begun.elapsed());
}

#[tokio::test]
async fn after_too_many_requests_the_next_is_served() {
    let recorder = Recorder::start(|request| match request.line() {
        "GET /v1/users HTTP/1.1" => Reply::Nothing,
        _ => Reply::json(200, "{}"),
    })
    .await;
    let mut setup = Setup::before(recorder.address());
    setup.limits.in_flight = 1;
    let mut gateway = setup.start();
    let mut first = Client::connect(gateway.address).await;
    first.send(head("GET /v1/users", "")).await;
    recorder.request().await;
    let begun = Instant::now();
    let refused = gateway.ask(patch(BODY)).await;
    assert_eq!((refused.status(), refused.header("retry-after")), (429, Some("1")));
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    gateway.line().await;
    first.reset();
    assert_eq!(gateway.line().await["decision"], "abort");
    assert_eq!(gateway.ask(patch(BODY)).await.status(), 200);
}

/// It is told before a refused body would have been read away, and the connection is not used again.
#[tokio::test]
async fn too_many_requests_are_refused_at_once_though_their_bodies_stall() {
    let recorder = Recorder::start(|_| Reply::Nothing).await;
    let mut setup = Setup::before(recorder.address());
    setup.limits.in_flight = 1;
    let gateway = setup.start();
    let mut first = Client::connect(gateway.address).await;
    first.send(head("GET /v1/users", "")).await;
    recorder.request().await;
    for length in ["content-length: 1000", "transfer-encoding: chunked"] {
        let begun = Instant::now();
        let mut stalled = Client::connect(gateway.address).await;
        let fields = format!("content-type: application/json\r\n{length}\r\n");
        stalled.send(head("PATCH /v1/users/user_1", &fields)).await;
        let answer = stalled.answer().await.unwrap();
        assert_eq!((answer.status(), answer.header("retry-after")), (429, Some("1")));
        assert!(stalled.closed().await.is_empty());
        assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    }
}

#[tokio::test]
async fn after_too_many_bodies_the_next_is_served() {
    let recorder = Recorder::answering(200, "{}").await;
    let mut setup = Setup::before(recorder.address());
    // enough for two connections, but for one request
    (setup.limits.memory_bytes, setup.limits.per_client_share) = (210_000, 1.0);
    let mut gateway = setup.start();
    let mut first = Client::connect(gateway.address).await;
    first.send(head("PATCH /v1/users/user_1", "content-type: application/json\r\ncontent-length: 31\r\n")).await;
    first.send(&[b' '; 30]).await;
    // its bytes are counted as soon as they are read, which no one tells
    let begun = Instant::now();
    while gateway.ask(patch(BODY)).await.status() != 429 {
        assert!(begun.elapsed() < LONG);
    }
    drop(first);
    while gateway.line().await["decision"] != "abort" {}
    assert_eq!(gateway.ask(patch(BODY)).await.status(), 200);
}

#[tokio::test]
async fn a_refusal_lists_some_of_ten_thousand_mistakes_and_takes_no_time() {
    let recorder = Recorder::answering(200, "{}").await;
    let gateway = Setup::before(recorder.address()).start();
    let mut many = String::from("{");
    for number in 0..10_000 {
        let _ = write!(many, "\"k{number}\":1,");
    }
    let long = format!("{{\"{}\":1}}", "a".repeat(250_000));
    for body in [many + "\"z\":1}", long] {
        let begun = Instant::now();
        let answer = gateway.ask(patch(body)).await;
        assert_eq!(answer.status(), 422);
        let document: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
        assert!((1..=32).contains(&document["errors"].as_array().unwrap().len()));
        assert!(answer.body.len() < 64 * 1024, "{}", answer.body.len());
        assert!(begun.elapsed() < LONG, "{:?}", begun.elapsed());
    }
    assert_eq!(recorder.connections(), 0);
}

#[tokio::test]
async fn a_list_of_a_hundred_thousand_mistakes_gets_a_short_refusal() {
    let recorder = Recorder::answering(200, "{}").await;
    let gateway = Setup::before(recorder.address()).start();
    let body = format!("{{\"email_address\":[{}]}}", vec!["1"; 100_000].join(","));
    let answer = gateway.ask(json("POST /v1/users", "", body)).await;
    let document: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(answer.status(), 422);
    assert!((1..=32).contains(&document["errors"].as_array().unwrap().len()), "{document}");
    assert_eq!(recorder.connections(), 0);
}

#[tokio::test]
async fn a_path_with_a_thousand_readings_takes_no_time() {
    let recorder = Recorder::answering(200, "{}").await;
    let gateway = Setup::before(recorder.address()).start();
    let begun = Instant::now();
    let answer = gateway.ask(head(&format!("GET /v1/{}", ";.\\%2e%c0%af/".repeat(2000)), "")).await;
    assert_eq!(answer.status(), 400);
    assert!(begun.elapsed() < Duration::from_millis(500), "{:?}", begun.elapsed());
    let longest = gateway.ask(head(&format!("GET /v1/{}", ";.\\%2e%c0%af/".repeat(70)), "")).await;
    assert_eq!(longest.status(), 200);
    assert!(begun.elapsed() < LONG, "{:?}", begun.elapsed());
}

#[tokio::test]
async fn an_upload_that_stands_still_ends_before_its_time() {
    let recorder = Recorder::answering(200, "{}").await;
    let mut setup = Setup::before(recorder.address());
    setup.limits.body_timeout = SHORT;
    let mut gateway = setup.start();
    let begun = Instant::now();
    let answer = gateway.ask(head("POST /v1/users/user_1/profile_image", "content-length: 9\r\n") + "abc").await;
    assert_eq!(answer.status(), 408);
    assert!(begun.elapsed() < LONG, "{:?}", begun.elapsed());
    assert_eq!(gateway.line().await["reason"], "body_timeout");
}

/// Both clients are on this machine, with an address each.
#[tokio::test]
async fn one_client_holds_no_more_than_its_share_while_another_asks() {
    let recorder = Recorder::start(|_| Reply::Nothing).await;
    let mut setup = Setup::before(recorder.address());
    setup.limits.in_flight = 8;
    let gateway = setup.start();
    let mut held = Vec::new();
    // alone it has all but an eighth
    for _ in 0..7 {
        let mut client = Client::connect(gateway.address).await;
        client.send(head("GET /v1/users", "")).await;
        recorder.request().await;
        held.push(client);
    }
    assert_eq!(gateway.ask(head("GET /v1/users", "")).await.status(), 429);
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind(([127, 0, 0, 2], 0).into()).unwrap();
    let mut other = socket.connect(gateway.address).await.unwrap();
    other.write_all(head("GET /v1/users", "").as_bytes()).await.unwrap();
    recorder.request().await;
}
