//! Heads that more than one reading fits, and such as never end: told apart before hyper reads them.

use crate::support::client::Client;
use crate::support::gateway::{Gateway, Setup, head, json, patch};
use crate::support::recorder::Recorder;
use std::time::{Duration, Instant};

const LONG: Duration = Duration::from_secs(10);
const BODY: &str = r#"{"first_name":"a"}"#;

/// A gateway, and the upstream behind it.
async fn gateway(change: impl FnOnce(&mut Setup)) -> (Gateway, Recorder) {
    let recorder = Recorder::answering(200, "{}").await;
    let mut setup = Setup::before(recorder.address());
    change(&mut setup);
    (setup.start(), recorder)
}

/// The request is refused in words of ours, with this status and reason; its connection closes, and that is recorded.
async fn refused(gateway: &mut Gateway, request: impl AsRef<[u8]>, status: u16, reason: &str) {
    let shown = String::from_utf8_lossy(request.as_ref()).chars().take(200).collect::<String>();
    let mut client = Client::connect(gateway.address).await;
    client.send(request).await;
    let answer = client.answer().await.unwrap_or_else(|| panic!("no answer to {shown:?}"));
    assert_eq!(answer.status(), status, "{shown:?}");
    assert_eq!(answer.header("connection"), Some("close"), "{shown:?}");
    let document: serde_json::Value = serde_json::from_slice(&answer.body).expect("JSON");
    assert_eq!(document["errors"][0]["code"], format!("gateway_{reason}"), "{shown:?}");
    assert!(client.closed().await.is_empty(), "{shown:?}");
    let line = gateway.line().await;
    assert_eq!((&line["status"], &line["reason"]), (&status.into(), &reason.into()), "{shown:?}");
}

fn with(fields: &str) -> Vec<u8> {
    let body = "12\r\n{\"first_name\":\"a\"}\r\n0\r\n\r\n";
    (head("PATCH /v1/users/user_1", &format!("content-type: application/json\r\n{fields}")) + body).into_bytes()
}

#[tokio::test]
async fn a_head_that_servers_read_in_two_ways_is_refused_and_recorded() {
    let (mut gateway, recorder) = gateway(|_| {}).await;
    for fields in [
        "content-length: 5\r\ntransfer-encoding: chunked\r\n",
        "transfer-encoding: chunked\r\ncontent-length: 5\r\n",
        "content-length: 18\r\ncontent-length: 18\r\n",
        "content-length: 18, 18\r\n",
        "content-length: +18\r\n",
        "content-length:\r\n",
        "transfer-encoding: gzip, chunked\r\n",
        "transfer-encoding: identity\r\n",
        "transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n",
        "transfer-encoding : chunked\r\n",
        "x: y\ntransfer-encoding: chunked\r\n",
        "x: y\r\n folded\r\ncontent-length: 18\r\n",
        "x: y\rz\r\ncontent-length: 18\r\n",
        "x\0y: z\r\ncontent-length: 18\r\n",
        "no colon\r\ncontent-length: 18\r\n",
        ": no name\r\ncontent-length: 18\r\n",
    ] {
        refused(&mut gateway, with(fields), 400, "ambiguous_request").await;
    }
    for line in [
        "GET /v1/users HTTP/1.2",
        "GET /v1/users HTTP/2.0",
        "GET /v1/users http/1.1",
        "GET /v1/users",
        "GET /v1/users#a HTTP/1.1",
        "GET /<> HTTP/1.1",
        "GET  /v1/users HTTP/1.1",
        "\u{1}GET / HTTP/1.1",
    ] {
        refused(&mut gateway, format!("{line}\r\nhost: a\r\n\r\n"), 400, "ambiguous_request").await;
    }
    assert_eq!(recorder.connections(), 0);
}

#[tokio::test]
async fn a_head_is_refused_however_its_bytes_come() {
    let (mut gateway, recorder) = gateway(|_| {}).await;
    let request = with("content-length: 5\r\ntransfer-encoding: chunked\r\n");
    let mut client = Client::connect(gateway.address).await;
    for byte in &request[..request.len() - 30] {
        client.send([*byte]).await;
    }
    client.send(&request[request.len() - 30..]).await;
    assert_eq!(client.answer().await.unwrap().status(), 400);
    assert_eq!(gateway.line().await["reason"], "ambiguous_request");
    assert_eq!(recorder.connections(), 0);
}

#[tokio::test]
async fn a_request_that_comes_byte_by_byte_is_forwarded() {
    let (gateway, recorder) = gateway(|_| {}).await;
    let mut client = Client::connect(gateway.address).await;
    for byte in patch(BODY) {
        client.send([byte]).await;
    }
    assert_eq!(client.answer().await.unwrap().status(), 200);
    assert_eq!(recorder.request().await.body, BODY.as_bytes());
}

#[tokio::test]
async fn the_second_of_two_requests_in_one_piece_is_looked_at_too() {
    let (gateway, recorder) = gateway(|_| {}).await;
    let chunked = head("POST /v1/users/user_1/profile_image", "transfer-encoding: chunked\r\n")
        + "3;a=b\r\nabc\r\n0\r\nx: y\r\n\r\n";
    for first in [patch(BODY), chunked.into_bytes()] {
        let seen = recorder.seen();
        let mut client = Client::connect(gateway.address).await;
        let second = with("content-length: 5\r\ntransfer-encoding: chunked\r\n");
        client.send([first.clone(), first, second].concat()).await;
        assert_eq!(client.answer().await.unwrap().status(), 200);
        assert_eq!(client.answer().await.unwrap().status(), 200);
        assert_eq!(client.answer().await.unwrap().status(), 400);
        assert!(client.closed().await.is_empty());
        assert_eq!(recorder.seen(), seen + 2);
    }
}

#[tokio::test]
async fn what_is_pipelined_behind_a_refusal_is_judged_alone() {
    let (gateway, recorder) = gateway(|_| {}).await;
    let mut client = Client::connect(gateway.address).await;
    client.send([patch(r#"{"skip_password_checks":true}"#), patch(BODY)].concat()).await;
    assert_eq!(client.answer().await.unwrap().status(), 422);
    assert_eq!(client.answer().await.unwrap().status(), 200);
    assert_eq!(recorder.seen(), 1);
}

#[tokio::test]
async fn a_head_without_end_is_refused_at_the_limit() {
    let (mut gateway, recorder) = gateway(|_| {}).await;
    let padded = |bytes: usize| head("GET /v1/users", &format!("x-a: {}\r\n", "a".repeat(bytes)));
    assert_eq!(gateway.ask(padded(32 * 1024 - 200)).await.status(), 200);
    gateway.line().await;
    refused(&mut gateway, padded(32 * 1024), 431, "head_too_large").await;
    refused(&mut gateway, padded(1024 * 1024), 431, "head_too_large").await;
    refused(&mut gateway, head(&format!("GET /{}", "a".repeat(64 * 1024)), ""), 431, "head_too_large").await;
    refused(&mut gateway, head("GET /v1/users", &"x: y\r\n".repeat(5000)), 431, "head_too_large").await;
    assert_eq!(recorder.seen(), 1);
}

#[tokio::test]
async fn a_head_that_dribbles_in_is_cut_off_whatever_its_pace() {
    let (mut gateway, _recorder) = gateway(|setup| setup.limits.header_timeout = Duration::from_millis(300)).await;
    let mut client = Client::connect(gateway.address).await;
    let begun = Instant::now();
    let (mut reader, mut writer) = client.stream.split();
    let dribble = async {
        use tokio::io::AsyncWriteExt;
        while writer.write_all(b"x").await.is_ok() {
            pingora_timeout::sleep(Duration::from_millis(20)).await;
        }
    };
    let read = async {
        use tokio::io::AsyncReadExt;
        let mut answer = [0; 12];
        reader.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"HTTP/1.1 408");
    };
    tokio::select! { () = read => {}, () = dribble => {} }
    assert!(begun.elapsed() >= Duration::from_millis(250) && begun.elapsed() < LONG / 2, "{:?}", begun.elapsed());
    assert_eq!(gateway.line().await["reason"], "body_timeout");
}

#[tokio::test]
async fn a_query_of_thousands_of_parameters_is_refused_on_every_path() {
    let (gateway, upstream) = gateway(|_| {}).await;
    let get = |path: &str, query: String| format!("GET {path}?{query} HTTP/1.1\r\nhost: a\r\n\r\n");
    for path in ["/v1/users", "/v1/jwks", "/v1/no_operation"] {
        assert_eq!(gateway.ask(get(path, "a&".repeat(999) + "a")).await.status(), 200, "{path}");
        for query in ["a&".repeat(1_000), "&".repeat(1_000), "a=b&c;".repeat(500)] {
            let answer = gateway.ask(get(path, query)).await;
            assert!(answer.status() == 400 && answer.text().contains("1000 parameters"), "{path}: {}", answer.text());
        }
    }
    assert_eq!(upstream.seen(), 3);
}

#[tokio::test]
async fn names_with_underscores_do_not_pass_for_the_fields_they_resemble() {
    let (mut gateway, recorder) = gateway(|_| {}).await;
    for field in
        ["content_length: 0", "Transfer_Encoding: chunked", "clerk_api-version: x", "x_http_method_override: PUT"]
    {
        let answer = gateway.ask(json("PATCH /v1/users/user_1", &format!("{field}\r\n"), BODY)).await;
        assert_eq!(answer.status(), 400, "{field}");
        assert_eq!(gateway.line().await["reason"], "ambiguous_request");
    }
    assert_eq!(gateway.ask(json("PATCH /v1/users/user_1", "x_custom: y\r\n", BODY)).await.status(), 200);
    assert_eq!(recorder.seen(), 1);
}

#[tokio::test]
async fn a_client_that_breaks_off_its_body_is_recorded_as_gone() {
    let (mut gateway, recorder) = gateway(|_| {}).await;
    let inspected = head("PATCH /v1/users/user_1", "content-type: application/json\r\ncontent-length: 18\r\n") + "{\"";
    let streamed = head("POST /v1/users/user_1/profile_image", "content-length: 18\r\n") + "{\"";
    for request in [inspected, streamed] {
        let mut client = Client::connect(gateway.address).await;
        client.send(request).await;
        drop(client);
        let line = gateway.line().await;
        assert_eq!((&line["decision"], &line["reason"]), (&"abort".into(), &serde_json::Value::Null), "{line}");
    }
    assert_eq!(recorder.seen(), 0);
}
