//! The upstream client: one request is one request, connections are kept, failures have names, memory is bounded.

use crate::support::client::Client;
use crate::support::closed_port::ClosedPort;
use crate::support::proxy::{proxy, proxy_on, upstream, upstream_settings, upstream_with};
use crate::support::recorder::{Recorder, Reply};
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::BodyExt;
use portcullis::config::gateway::UpstreamConfig as Settings;
use portcullis::telemetry::record::UpstreamCall;
use portcullis::upstream::{Answered, Failed, Unreachable, UpstreamBody, UpstreamClient, UpstreamError};
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

fn patch(body: &'static str) -> Request<UpstreamBody> {
    let body = UpstreamBody::Buffered(Bytes::from_static(body.as_bytes()).into());
    Request::patch("/v1/users/user_1?a=%20b").header("x-mine", "kept").body(body).unwrap()
}

async fn send(upstream: &UpstreamClient) -> Result<Answered, Failed> {
    upstream.send(patch(r#"{"first_name":"Ada"}"#)).await
}

/// Sends and reads the answer to its end.
async fn finish(upstream: &UpstreamClient) -> (Response<Bytes>, UpstreamCall) {
    let (answer, call) = send(upstream).await.unwrap();
    let (head, body) = answer.into_parts();
    (Response::from_parts(head, body.collect().await.unwrap().to_bytes()), call)
}

async fn failure_of(reply: Reply) -> (UpstreamError, Recorder) {
    let recorder = Recorder::start(move |_| reply.clone()).await;
    let (error, call) = send(&upstream(recorder.address())).await.unwrap_err();
    assert_eq!(call.status, None);
    (error, recorder)
}

#[tokio::test]
async fn a_judged_body_arrives_byte_for_byte_in_one_framing() {
    let recorder = Recorder::answering(201, r#"{"id":"user_1"}"#).await;
    let (answer, call) = finish(&upstream(recorder.address())).await;
    assert_eq!((answer.status().as_u16(), &answer.body()[..]), (201, &br#"{"id":"user_1"}"#[..]));
    assert_eq!((call.status, call.reused, call.peer), (Some(201), false, Some(recorder.address())));
    assert!(call.connect.unwrap() <= call.elapsed);
    let request = recorder.request().await;
    assert_eq!(request.line(), "PATCH /v1/users/user_1?a=%20b HTTP/1.1");
    assert_eq!(request.raw_body, br#"{"first_name":"Ada"}"#);
    assert_eq!(request.header("content-length"), ["20"]);
    assert_eq!(request.header("host"), [recorder.address().to_string()]);
    assert_eq!(request.header("x-mine"), ["kept"]);
    assert!(request.header("transfer-encoding").is_empty());
}

#[tokio::test]
async fn an_empty_patch_says_that_it_is_empty() {
    let recorder = Recorder::answering(200, "{}").await;
    let upstream = upstream(recorder.address());
    for body in [UpstreamBody::Empty, UpstreamBody::Buffered(Bytes::new().into())] {
        upstream.send(Request::patch("/").body(body).unwrap()).await.unwrap();
        assert_eq!(recorder.request().await.header("content-length"), ["0"]);
    }
}

#[tokio::test]
async fn a_connection_is_used_again() {
    let recorder = Recorder::answering(200, "{}").await;
    let upstream = upstream(recorder.address());
    assert!(!finish(&upstream).await.1.reused);
    for _ in 0..5 {
        let (_, call) = finish(&upstream).await;
        assert!(call.reused && call.connect.is_none());
        assert_eq!(call.peer, Some(recorder.address()));
    }
    assert_eq!((recorder.seen(), recorder.connections()), (6, 1));
}

#[tokio::test]
async fn chunked_and_empty_answers_keep_the_connection() {
    let recorder = Recorder::start(|request| match request.body.len() {
        20 => Reply::Bytes(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n".to_vec()),
        _ => Reply::Bytes(b"HTTP/1.1 204 No Content\r\n\r\n".to_vec()),
    })
    .await;
    let upstream = upstream(recorder.address());
    for _ in 0..2 {
        assert_eq!(&finish(&upstream).await.0.body()[..], b"{}");
        // as a server does with a body that has ended before it began
        drop(upstream.send(patch("")).await.unwrap());
    }
    assert_eq!((recorder.seen(), recorder.connections()), (4, 1));
}

#[tokio::test]
async fn an_answer_that_ends_with_the_connection_is_whole() {
    let recorder = Recorder::start(|_| Reply::BytesThenClose(b"HTTP/1.0 200 OK\r\n\r\nthe whole of it".to_vec())).await;
    let upstream = upstream(recorder.address());
    for _ in 0..2 {
        assert_eq!(&finish(&upstream).await.0.body()[..], b"the whole of it");
    }
    assert_eq!(recorder.connections(), 2);
}

#[tokio::test]
async fn an_answer_that_is_cut_short_is_an_error_not_an_end() {
    let cut = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nonly this".to_vec();
    let recorder = Recorder::start(move |_| Reply::BytesThenClose(cut.clone())).await;
    let upstream = upstream(recorder.address());
    let (answer, _) = send(&upstream).await.unwrap();
    assert!(answer.into_body().collect().await.is_err());
}

#[tokio::test]
async fn an_idle_connection_that_the_upstream_closed_is_replaced() {
    let recorder = Recorder::answering(200, "{}").await;
    let upstream = upstream(recorder.address());
    for round in 1..=20 {
        assert_eq!(finish(&upstream).await.0.status(), 200);
        recorder.close_connections().await;
        assert_eq!((recorder.seen(), recorder.connections()), (round, round), "a request was lost or sent twice");
    }
}

/// An upstream on a thread of its own: answers a request a connection, closes when told, and counts what arrived.
struct Closing {
    upstream: UpstreamClient,
    /// Tells it to close the connection, and blocks until the close is in the kernel.
    close: Box<dyn Fn()>,
    /// Gets a byte right before each close.
    doorbell: TcpStream,
    served: Arc<AtomicUsize>,
}

async fn closing() -> Closing {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let upstream = upstream(listener.local_addr().unwrap());
    let bell = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut ringer = std::net::TcpStream::connect(bell.local_addr().unwrap()).unwrap();
    let (doorbell, _) = bell.accept().await.unwrap();
    // without this the first read does not wait for the kernel's event, which the tests are about
    assert!(doorbell.try_read(&mut [0]).is_err());
    let (tell, told) = mpsc::channel();
    let (closed, wait) = mpsc::channel();
    let served = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&served);
    std::thread::spawn(move || {
        loop {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 4096];
            let mut read = 0;
            while !request[..read].ends_with(b"}") {
                read += stream.read(&mut request[read..]).unwrap();
            }
            count.fetch_add(1, Ordering::SeqCst);
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").unwrap();
            if told.recv().is_err() {
                return;
            }
            ringer.write_all(b"!").unwrap();
            drop(stream);
            closed.send(()).unwrap();
        }
    });
    let close = Box::new(move || {
        tell.send(()).unwrap();
        wait.recv().unwrap();
    });
    Closing { upstream, close, doorbell, served }
}

#[tokio::test]
async fn a_request_that_hyper_hands_back_unsent_goes_out_once_on_a_new_connection() {
    let Closing { upstream, close, mut doorbell, served } = closing().await;
    drop(send(&upstream).await.unwrap());
    close();
    // the bell and the close come in one batch of events, and we wake before the connection's driver has run
    doorbell.read_u8().await.unwrap();
    let (answer, call) = send(&upstream).await.expect("the request was handed back unsent");
    assert_eq!((answer.status().as_u16(), call.reused, served.load(Ordering::SeqCst)), (200, false, 2));
    assert_eq!(call.unsent.map(|unsent| unsent.protocol_version), Some(Some("1.1")), "the attempt that never left");
    assert!(call.connect.is_some());
}

#[tokio::test]
async fn a_request_written_before_the_close_was_seen_is_not_repeated() {
    let Closing { upstream, close, served, .. } = closing().await;
    drop(send(&upstream).await.unwrap());
    close();
    // the runtime has not asked the kernel since the close, so the bytes do leave
    let (error, call) = send(&upstream).await.unwrap_err();
    assert_eq!((error, call.reused), (Unreachable::BrokenOff.into(), true));
    assert_eq!(served.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_request_that_may_have_arrived_is_never_sent_again() {
    for reply in [Reply::Reset, Reply::Close] {
        let recorder = Recorder::start(
            move |request| {
                if request.body.is_empty() { Reply::json(200, "{}") } else { reply.clone() }
            },
        )
        .await;
        let upstream = upstream(recorder.address());
        let (answer, _) = upstream.send(patch("")).await.unwrap();
        answer.into_body().collect().await.unwrap();
        let (error, call) = send(&upstream).await.unwrap_err();
        assert_eq!(error, Unreachable::BrokenOff.into());
        assert!(call.reused, "the case is about a connection that is used again");
        assert_eq!((recorder.seen(), recorder.connections()), (2, 1));
        assert_eq!([recorder.request().await.connection, recorder.request().await.connection], [0, 0]);
    }
}

#[tokio::test]
async fn a_reset_on_a_new_connection_is_one_request_and_an_error() {
    let (error, recorder) = failure_of(Reply::Reset).await;
    assert_eq!((error, recorder.seen()), (Unreachable::BrokenOff.into(), 1));
}

#[tokio::test]
async fn an_upstream_that_is_down_refuses() {
    let closed = ClosedPort::bind();
    let (error, call) = send(&upstream(closed.address())).await.unwrap_err();
    assert_eq!(error, Unreachable::Refused.into());
    assert_eq!((call.peer, call.connect, call.reused), (None, None, false));
}

#[tokio::test]
async fn an_upstream_that_hangs_in_the_handshake_is_a_connect_timeout() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let authority = crate::support::authority::Authority::new("ours");
    let settings = Settings {
        ca_file: Some(authority.file().to_owned()),
        connect_timeout: Duration::from_millis(200),
        ..upstream_settings()
    };
    let origin = portcullis::upstream::Origin::new(true, "127.0.0.1", address.port()).unwrap();
    let connector = portcullis::upstream::UpstreamConnector::new(origin, &settings).unwrap();
    let begun = Instant::now();
    let (error, _) = send(&UpstreamClient::new(connector)).await.unwrap_err();
    assert_eq!(error, Unreachable::ConnectTimeout.into());
    assert!(begun.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn a_silent_upstream_is_a_timeout_and_its_connection_is_closed() {
    let recorder = Recorder::start(|_| Reply::Nothing).await;
    let settings = Settings { response_timeout: Duration::from_millis(200), ..upstream_settings() };
    let upstream = upstream_with(recorder.address(), &settings);
    for round in 1..=2 {
        let (error, call) = send(&upstream).await.unwrap_err();
        assert_eq!(error, UpstreamError::Timeout);
        assert!(call.elapsed >= Duration::from_millis(190), "{:?}", call.elapsed);
        assert_eq!((recorder.seen(), recorder.connections()), (round, round));
    }
}

#[tokio::test]
async fn garbage_is_not_an_answer() {
    let huge = format!("HTTP/1.1 200 OK\r\nx-a: {}\r\n\r\n", "a".repeat(300 * 1024));
    for garbage in
        ["SSH-2.0-OpenSSH_9.6\r\n", "HTTP/1.1 nonsense\r\n\r\n", "HTTP/1.1 200 OK\r\nno colon\r\n\r\n", &huge]
    {
        let (error, _recorder) = failure_of(Reply::Bytes(garbage.as_bytes().to_vec())).await;
        assert_eq!(error, Unreachable::Garbage.into());
    }
}

#[tokio::test]
async fn contradicting_lengths_in_an_answer_are_garbage() {
    let two = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n{} ".to_vec();
    assert_eq!(failure_of(Reply::Bytes(two)).await.0, Unreachable::Garbage.into());
}

#[tokio::test]
async fn a_length_in_an_answer_is_one_number_in_one_spelling() {
    for (head, length) in [
        ("200 OK\r\ncontent-length: 2, 2", Some("2")),
        ("200 OK\r\ncontent-length: 02", Some("2")),
        ("200 OK\r\ncontent-length: 2\r\ncontent-length: 2", Some("2")),
        ("304 Not Modified\r\ncontent-length: 02\r\ncontent-length: 2", Some("2")),
        ("304 Not Modified\r\ncontent-length: 2\r\ncontent-length: 3", None),
        ("304 Not Modified\r\ncontent-length: +2", None),
        ("304 Not Modified\r\ncontent-length: 9223372036854775808", None),
    ] {
        let body = if head.starts_with("200") { "{}" } else { "" };
        let answer = format!("HTTP/1.1 {head}\r\n\r\n{body}").into_bytes();
        let recorder = Recorder::start(move |_| Reply::Bytes(answer.clone())).await;
        match (send(&upstream(recorder.address())).await, length) {
            (Ok((answer, _)), Some(length)) => {
                let lengths: Vec<_> = answer.headers().get_all("content-length").iter().collect();
                assert_eq!(lengths, [length], "{head}");
            }
            (Err((error, _)), None) => assert_eq!(error, Unreachable::ContentLength.into(), "{head}"),
            (other, _) => panic!("{head}: {:?}", other.map(|(answer, _)| answer.into_parts().0)),
        }
    }
    let two = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n".to_vec();
    let recorder = Recorder::start(move |_| Reply::Bytes(two.clone())).await;
    let head = Request::head("/v1/users/user_1").body(UpstreamBody::Empty).unwrap();
    let (error, _) = upstream(recorder.address()).send(head).await.unwrap_err();
    assert_eq!(error, Unreachable::ContentLength.into());
}

#[tokio::test]
async fn a_large_head_within_reason_passes() {
    let head = format!("HTTP/1.1 200 OK\r\nx-a: {}\r\ncontent-length: 0\r\n\r\n", "a".repeat(48 * 1024));
    let recorder = Recorder::start(move |_| Reply::Bytes(head.clone().into_bytes())).await;
    assert_eq!(finish(&upstream(recorder.address())).await.0.headers()["x-a"].len(), 48 * 1024);
}

#[tokio::test]
async fn switching_protocols_is_refused() {
    let switch = b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n".to_vec();
    assert_eq!(failure_of(Reply::Bytes(switch)).await.0, Unreachable::SwitchedProtocols.into());
}

#[tokio::test]
async fn informational_answers_are_skipped() {
    let hints =
        b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}".to_vec();
    let recorder = Recorder::start(move |_| Reply::Bytes(hints.clone())).await;
    let (answer, _) = finish(&upstream(recorder.address())).await;
    assert_eq!((answer.status().as_u16(), &answer.body()[..]), (200, &b"{}"[..]));
}

#[tokio::test]
async fn informational_answers_are_bounded() {
    let hint = |length: usize| format!("HTTP/1.1 103 Early Hints\r\nlink: {}\r\n\r\n", "a".repeat(length));
    let last = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";
    let recorder = Recorder::start(move |_| Reply::Bytes(format!("{}{last}", hint(9).repeat(16)).into_bytes())).await;
    let upstream = upstream(recorder.address());
    // as many for each request of a connection
    for _ in 0..3 {
        assert_eq!(finish(&upstream).await.0.status().as_u16(), 200);
    }
    assert_eq!(recorder.connections(), 1);
    // without a final one, too: the connection ends, and not the deadline
    for many in [hint(9).repeat(17), hint(9).repeat(40_000), hint(30_000).repeat(3)] {
        for end in ["", last] {
            let (error, _) = failure_of(Reply::Bytes(format!("{many}{end}").into_bytes())).await;
            assert!(error == Unreachable::InterimResponses.into(), "{error:?}: {} bytes", many.len());
        }
    }
}

#[tokio::test]
async fn an_answer_dropped_half_read_does_not_poison_the_pool() {
    let recorder = Recorder::start(|request| {
        let length = if request.body.is_empty() { 2 } else { 8 * 1024 * 1024 };
        Reply::json(200, &"a".repeat(length))
    })
    .await;
    let upstream = upstream(recorder.address());
    for _ in 0..3 {
        let (mut answer, _) = send(&upstream).await.unwrap();
        answer.body_mut().frame().await.unwrap().unwrap();
        drop(answer);
        let (answer, call) = upstream.send(patch("")).await.unwrap();
        assert!(!call.reused, "a connection with half an answer in it was used again");
        assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "aa");
        // that one was read to its end; take it out of the pool for the next round
        recorder.close_connections().await;
    }
}

#[tokio::test]
async fn bytes_after_an_answer_are_not_the_next_answer() {
    let two =
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil".to_vec();
    let recorder = Recorder::start(move |_| Reply::Bytes(two.clone())).await;
    let upstream = upstream(recorder.address());
    for round in 1..=3 {
        assert_eq!(&finish(&upstream).await.0.body()[..], b"{}");
        assert_eq!(recorder.connections(), round);
    }
}

#[tokio::test]
async fn a_streamed_upload_of_unknown_length_goes_out_chunked() {
    let recorder = Recorder::answering(200, "{}").await;
    let (_server, address) = proxy(recorder.address(), &upstream_settings());
    let mut client = Client::connect(address).await;
    client.send("POST /up HTTP/1.1\r\nhost: gateway\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n").await;
    client.send("6\r\n world\r\n0\r\n\r\n").await;
    assert_eq!(client.answer().await.unwrap().status(), 200);
    let request = recorder.request().await;
    assert_eq!(request.body, b"hello world");
    assert_eq!(request.header("transfer-encoding"), ["chunked"]);
    assert!(request.header("content-length").is_empty());
}

#[tokio::test]
async fn a_slow_uploader_is_not_taken_for_a_silent_upstream() {
    let recorder = Recorder::answering(200, "{}").await;
    let settings = Settings { response_timeout: Duration::from_millis(200), ..upstream_settings() };
    let (_server, address) = proxy(recorder.address(), &settings);
    let mut client = Client::connect(address).await;
    client.send("POST /up HTTP/1.1\r\nhost: gateway\r\ncontent-length: 4\r\n\r\n").await;
    for byte in ["s", "l", "o", "w"] {
        pingora_timeout::sleep(Duration::from_millis(150)).await;
        client.send(byte).await;
    }
    assert_eq!(client.answer().await.unwrap().status(), 200);
    assert_eq!(recorder.request().await.body, b"slow");
}

#[tokio::test]
async fn an_upload_that_breaks_off_is_the_client_s_doing() {
    let recorder = Recorder::answering(200, "{}").await;
    let (_server, address) = proxy(recorder.address(), &upstream_settings());
    let mut client = Client::connect(address).await;
    client.send("POST /up HTTP/1.1\r\nhost: gateway\r\ntransfer-encoding: chunked\r\n\r\nnot a size\r\n").await;
    let answer = client.answer().await.unwrap();
    assert_eq!((answer.status(), answer.text()), (502, "the client broke off its upload"));
    assert_eq!(recorder.seen(), 0);
}

/// More than every buffer on the way holds together, so that only back-pressure can stop the sender.
const LARGE: usize = 64 * 1024 * 1024;

/// What the kernel and we may hold of it: each socket's buffers, of which the ones we cannot set grow to a few MiB,
/// and our own of some 100 KiB.
const HELD: usize = 24 * 1024 * 1024;

/// A socket with small buffers.
fn small_listener() -> TcpListener {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(64 * 1024).unwrap();
    socket.set_send_buffer_size(64 * 1024).unwrap();
    socket.bind(([127, 0, 0, 1], 0).into()).unwrap();
    socket.listen(16).unwrap()
}

async fn small_connect(address: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(64 * 1024).unwrap();
    socket.set_send_buffer_size(64 * 1024).unwrap();
    socket.connect(address).await.unwrap()
}

/// Writes until nothing moves for a while, or all of `total` is written; how much was written.
async fn write_until_stuck(stream: &mut TcpStream, total: usize) -> usize {
    let chunk = vec![b'x'; 64 * 1024];
    let mut written = 0;
    while written < total {
        let part = &chunk[..chunk.len().min(total - written)];
        match pingora_timeout::timeout(Duration::from_millis(500), stream.write(part)).await {
            Ok(count) => written += count.unwrap(),
            Err(_) => break,
        }
    }
    written
}

async fn read_head(stream: &mut TcpStream) -> Vec<u8> {
    let mut read = Vec::new();
    while !read.ends_with(b"\r\n\r\n") {
        read.push(stream.read_u8().await.unwrap());
    }
    read
}

async fn read_x(stream: &mut TcpStream, count: usize) {
    let mut chunk = vec![0; 64 * 1024];
    let mut left = count;
    while left > 0 {
        let limit = chunk.len().min(left);
        let read = stream.read(&mut chunk[..limit]).await.unwrap();
        assert!(read > 0 && chunk[..read].iter().all(|&byte| byte == b'x'));
        left -= read;
    }
}

#[tokio::test]
async fn an_upload_is_read_no_faster_than_the_upstream_takes_it() {
    let upstream = small_listener();
    let (_server, address) = proxy_on(small_listener(), upstream.local_addr().unwrap(), &upstream_settings());
    let mut client = small_connect(address).await;
    let head = format!("POST /up HTTP/1.1\r\nhost: gateway\r\ncontent-length: {LARGE}\r\n\r\n");
    client.write_all(head.as_bytes()).await.unwrap();
    let (mut upstream, _) = upstream.accept().await.unwrap();
    read_head(&mut upstream).await;
    let taken = write_until_stuck(&mut client, LARGE).await;
    assert!(taken < HELD, "{taken} bytes went in although nobody read them");
    let ((), rest) = tokio::join!(read_x(&mut upstream, LARGE), write_until_stuck(&mut client, LARGE - taken));
    assert_eq!(taken + rest, LARGE);
    upstream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.unwrap();
    assert!(read_head(&mut client).await.starts_with(b"HTTP/1.1 204"));
}

#[tokio::test]
async fn an_answer_is_read_no_faster_than_the_client_takes_it() {
    let upstream = small_listener();
    let (_server, address) = proxy_on(small_listener(), upstream.local_addr().unwrap(), &upstream_settings());
    let mut client = small_connect(address).await;
    client.write_all(b"GET /down HTTP/1.1\r\nhost: gateway\r\n\r\n").await.unwrap();
    let (mut upstream, _) = upstream.accept().await.unwrap();
    read_head(&mut upstream).await;
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {LARGE}\r\n\r\n");
    upstream.write_all(head.as_bytes()).await.unwrap();
    let taken = write_until_stuck(&mut upstream, LARGE).await;
    assert!(taken < HELD, "{taken} bytes went in although nobody read them");
    read_head(&mut client).await;
    let ((), rest) = tokio::join!(read_x(&mut client, LARGE), write_until_stuck(&mut upstream, LARGE - taken));
    assert_eq!(taken + rest, LARGE);
}

#[tokio::test]
async fn a_response_of_one_that_reads_no_further_is_read() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let upstream = upstream(listener.local_addr().unwrap());
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.read_u8().await.unwrap();
            stream.write_all(b"HTTP/1.1 413 Payload Too Large\r\ncontent-length: 2\r\n\r\n{}").await.unwrap();
            // closed with unread bytes, which resets the connection
        }
    });
    for _ in 0..50 {
        let body = UpstreamBody::Buffered(vec![b' '; 4 << 20].into());
        let (answer, _) = upstream.send(Request::post("/").body(body).unwrap()).await.expect("the response is there");
        assert_eq!(answer.status(), 413);
        assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "{}");
    }
}

#[tokio::test]
async fn a_response_that_ends_before_its_body_is_refused() {
    let head = b"HTTP/1.1 200 OK\r\ncontent-length: 20\r\n\r\n".to_vec();
    let recorder = Recorder::start(move |_| Reply::BytesThenClose(head.clone())).await;
    let (error, call) = send(&upstream(recorder.address())).await.unwrap_err();
    assert_eq!((error, call.status, recorder.seen()), (Unreachable::ShortBody.into(), Some(200), 1));
}
