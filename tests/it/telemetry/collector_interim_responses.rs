//! Interim (1xx) responses of a collector: few are passed over, many end the connection, and none delay anyone else.

use crate::support::client::Client;
use crate::support::gateway::patch;
use crate::support::program::Program;
use crate::support::recorder::Recorder;
use crate::support::telemetry::{LONG, allowed, called, telemetry};
use portcullis::config::gateway::Sampler;
use std::fs;
use std::future::Future;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// Header of a frame (RFC 9113 section 4.1), without its length and stream.
const HEADERS: u8 = 1;
const PREFACE: usize = 24;

/// A collector that serves each connection with `serve`; the variables that send spans alone to it, with a deadline far beyond
/// what a test waits for.
async fn collector<S: Future<Output = ()> + Send + 'static>(
    protocol: &str,
    mut serve: impl FnMut(TcpStream) -> S + Send + 'static,
) -> Vec<(&'static str, String)> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a free port");
    let endpoint = format!("http://{}", listener.local_addr().expect("an address"));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream));
        }
    });
    vec![
        ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", protocol.to_owned()),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", String::from("600000")),
        ("OTEL_BSP_SCHEDULE_DELAY", String::from("10")),
        ("OTEL_LOGS_EXPORTER", String::from("none")),
        ("OTEL_METRICS_EXPORTER", String::from("none")),
    ]
}

fn hint(length: usize) -> String {
    format!("HTTP/1.1 103 Early Hints\r\nlink: {}\r\n\r\n", "a".repeat(length))
}

/// Reads a request in HTTP/1.1. Returns whether there was one.
async fn read_request(stream: &mut TcpStream) -> bool {
    let mut read = Vec::new();
    let (end, length) = loop {
        if let Some(end) = read.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&read[..end]).to_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).expect("a length");
            break (end + 4, length.parse::<usize>().expect("a number"));
        }
        if stream.read_buf(&mut read).await.is_ok_and(|count| count == 0) {
            return false;
        }
    };
    while read.len() < end + length {
        stream.read_buf(&mut read).await.expect("the rest of a body");
    }
    true
}

/// Reads the start of a connection in HTTP/2, up to the head of the first request.
async fn read_first_head(stream: &mut TcpStream) {
    stream.read_exact(&mut [0; PREFACE]).await.expect("a preface");
    loop {
        let mut header = [0; 9];
        stream.read_exact(&mut header).await.expect("a frame");
        let length = u32::from_be_bytes([0, header[0], header[1], header[2]]);
        stream.read_exact(&mut vec![0; length as usize]).await.expect("a payload");
        if header[3] == HEADERS {
            return;
        }
    }
}

/// A head with status 103 on stream 1, with a field of `length` bytes below 16 KiB.
fn hint_frame(length: u16) -> Vec<u8> {
    // `:status` is entry 8 of the static table of HPACK; the field is a literal that is not indexed
    let mut block = b"\x08\x03103\x00\x01a\x7f".to_vec();
    // an integer with a prefix of 7 bits (RFC 7541 section 5.1), of two more bytes
    let rest = length - 127;
    block.extend([u8::try_from(rest & 127).expect("7 bits") | 128, u8::try_from(rest >> 7).expect("7 bits")]);
    block.extend(std::iter::repeat_n(b'a', length.into()));
    let size = u32::try_from(block.len()).expect("small").to_be_bytes();
    [&size[1..], &[HEADERS, 4, 0, 0, 0, 1], &block].concat()
}

/// Has spans sent to a collector that sends `interim`, and nothing after it, in response to each request. Panics unless the
/// connection ends.
async fn assert_broken_off(protocol: &'static str, interim: Vec<u8>) {
    let (sender, mut ended) = tokio::sync::mpsc::unbounded_channel();
    let variables = collector(protocol, move |mut stream| {
        let (interim, sender) = (interim.clone(), sender.clone());
        async move {
            if protocol == "grpc" {
                // empty settings
                stream.write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0]).await.expect("an open connection");
                read_first_head(&mut stream).await;
            } else {
                assert!(read_request(&mut stream).await);
            }
            // the client may close while it is written
            let _ = stream.write_all(&interim).await;
            while stream.read_buf(&mut Vec::with_capacity(1024)).await.is_ok_and(|count| count > 0) {}
            let _ = sender.send(());
        }
    })
    .await;
    let telemetry = telemetry(&variables, Sampler::AlwaysOn);
    telemetry.finish(&allowed(&telemetry, &called()));
    let broken = pingora_timeout::timeout(LONG, ended.recv()).await;
    assert!(broken.is_ok(), "{protocol}: the connection goes on");
}

#[tokio::test]
async fn a_connection_with_too_many_interim_responses_ends() {
    for many in [hint(9).repeat(17), hint(30_000).repeat(3), hint(9).repeat(40_000)] {
        assert_broken_off("http/protobuf", many.into_bytes()).await;
    }
    for many in [hint_frame(200).repeat(18), hint_frame(15_000).repeat(6), hint_frame(200).repeat(20_000)] {
        assert_broken_off("grpc", many).await;
    }
}

#[tokio::test]
async fn a_batch_is_delivered_after_few_interim_responses_and_not_after_many() {
    for (count, is_delivered) in [(16, true), (17, false)] {
        let response = hint(9).repeat(count) + "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
        let (sender, mut requests) = tokio::sync::mpsc::unbounded_channel();
        let mut connections = 0;
        let variables = collector("http/protobuf", move |mut stream| {
            let (response, sender) = (response.clone(), sender.clone());
            connections += 1;
            let connection = connections;
            async move {
                while read_request(&mut stream).await {
                    let _ = sender.send(connection);
                    let _ = stream.write_all(response.as_bytes()).await;
                }
            }
        })
        .await;
        let telemetry = telemetry(&variables, Sampler::AlwaysOn);
        // a second batch on the same connection, or the first again on another
        for (expected, is_new) in [(1, true), if is_delivered { (1, true) } else { (2, false) }] {
            if is_new {
                telemetry.finish(&allowed(&telemetry, &called()));
            }
            let connection = pingora_timeout::timeout(LONG, requests.recv()).await.expect("a request in time");
            assert_eq!(connection, Some(expected), "{count} interim responses");
        }
    }
}

#[tokio::test]
async fn interim_responses_without_end_delay_neither_probes_nor_connections() {
    let (sender, mut floods) = tokio::sync::mpsc::unbounded_channel();
    let variables = collector("http/protobuf", move |mut stream| {
        let sender = sender.clone();
        async move {
            assert!(read_request(&mut stream).await);
            let _ = sender.send(());
            let flood = hint(9).repeat(10_000);
            while stream.write_all(flood.as_bytes()).await.is_ok() {}
        }
    })
    .await;
    let upstream = Recorder::answering(200, "{}").await;
    let folder = tempfile::tempdir().expect("a folder");
    let configuration = folder.path().join("gateway.yaml");
    let text = format!(
        "apiVersion: portcullis/v1\nkind: Gateway\nlisten: 127.0.0.1:0\nadmin: {{ listen: 127.0.0.1:0 }}\n\
         upstream: {{ url: \"http://{}\" }}\npolicies: []\nworkers: 1\n",
        upstream.address()
    );
    fs::write(&configuration, text).expect("a configuration");
    let program = Program::start(&configuration, &variables).await;
    let switches = exporter_switches(program.id());
    for _ in 0..4 {
        let mut client = Client::connect(program.listen).await;
        client.send(patch("{}")).await;
        assert_eq!(client.answer().await.expect("an answer").status(), 200);
        // the retries make floods without more requests
        pingora_timeout::timeout(LONG, floods.recv()).await.expect("a flood in time");
        let begun = Instant::now();
        assert_eq!(Client::connect(program.admin).await.get("/livez").await.status(), 200);
        assert!(begun.elapsed() < Duration::from_secs(2), "/livez took {:?}", begun.elapsed());
    }
    assert!(exporter_switches(program.id()) > switches, "the thread of the exporters exports nothing");
}

/// How often the thread of the exporters of a process has waited for something.
fn exporter_switches(process: u32) -> u64 {
    let threads =
        fs::read_dir(format!("/proc/{process}/task")).expect("a process").map(|entry| entry.expect("a thread"));
    let is_exporter =
        |folder: &PathBuf| fs::read_to_string(folder.join("comm")).is_ok_and(|name| name == "exporters\n");
    let thread = threads.map(|thread| thread.path()).find(is_exporter).expect("a thread of the exporters");
    let status = fs::read_to_string(thread.join("status")).expect("a status");
    let switches = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:")).expect("a number");
    switches.trim().parse().expect("a number")
}
