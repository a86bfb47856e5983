//! Memory stays within `limits.memoryBytes`, whatever clients send or leave unread.

use crate::support::gateway::head;
use crate::support::http2::{HEADERS, frame};
use crate::support::program::Program;
use crate::support::recorder::Recorder;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};

const MIB: usize = 1024 * 1024;
const BUDGET: usize = 32 * MIB;
/// What the program may take besides: policies, and what the allocator keeps. With the code of a release build, which is 20 MiB, it
/// is the 64 MiB that `check` reserves.
const BESIDES: usize = 44 * MIB;
const LONG: Duration = Duration::from_secs(60);

/// A gateway with a small budget, all of it for one client.
struct Small {
    program: Program,
    _upstream: Recorder,
    _folder: tempfile::TempDir,
}

impl Small {
    async fn start(answer: &str) -> Self {
        let upstream = Recorder::answering(200, answer).await;
        let folder = tempfile::tempdir().unwrap();
        let text = format!(
            "apiVersion: portcullis/v1\nkind: Gateway\nlisten: 127.0.0.1:0\nadmin: {{ listen: 127.0.0.1:0 }}\n\
             upstream: {{ url: \"http://{}\" }}\nworkers: 1\nlogs: {{ access: off, level: error }}\n\
             limits: {{ memoryBytes: {BUDGET}, perClientShare: 1.0 }}\npolicies: []\n",
            upstream.address(),
        );
        let configuration = folder.path().join("gateway.yaml");
        std::fs::write(&configuration, text).unwrap();
        let program = Program::start(&configuration, &[]).await;
        Self { program, _upstream: upstream, _folder: folder }
    }

    fn address(&self) -> SocketAddr {
        self.program.listen
    }

    /// The most resident memory so far, in bytes.
    fn peak(&self) -> usize {
        self.status("VmHWM:")
    }

    fn resident(&self) -> usize {
        self.status("VmRSS:")
    }

    fn status(&self, key: &str) -> usize {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.program.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(key)).unwrap();
        line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1024
    }

    /// Waits until half of what was taken since `before` is given back, without any request.
    async fn assert_given_back(&self, before: usize) {
        let (begun, taken) = (Instant::now(), self.peak() - before);
        while self.resident() > before + taken / 2 {
            assert!(begun.elapsed() < LONG, "{} of {} MiB", (self.resident() - before) / MIB, taken / MIB);
            pingora_timeout::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Waits until the gateway has done what it does with all that was sent: its peak stays the same.
    async fn settle(&self) -> usize {
        let (begun, mut peak, mut same) = (Instant::now(), 0, 0);
        while same < 10 && begun.elapsed() < LONG {
            pingora_timeout::sleep(Duration::from_millis(50)).await;
            let now = self.peak();
            same = if now == peak { same + 1 } else { 0 };
            peak = now;
        }
        peak
    }

    async fn assert_bounded(&self) {
        // without its code, which in a test build is twice that of a release build
        let peak = self.settle().await - self.status("RssFile:");
        assert!(peak < BUDGET + BESIDES, "{} MiB", peak / MIB);
    }
}

/// A connection whose kernel holds little of what is not read.
async fn narrow(address: SocketAddr) -> Option<TcpStream> {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    socket.connect(address).await.ok()
}

/// A head with `fields` references to one entry of HPACK's table, each a byte long. Its request has a body that never comes.
fn references(stream: u32, fields: usize) -> Vec<u8> {
    // POST, http, /v1/x, host a, and the entry `a: b`, which is the first of the dynamic table
    let mut block = b"\x83\x86\x04\x05/v1/x\x01\x01a\x40\x01a\x01b".to_vec();
    block.extend(std::iter::repeat_n(0xbe, fields));
    frame(HEADERS, 4, stream, &block)
}

async fn references_on(connections: usize, fields: usize) {
    let small = Small::start("{}").await;
    let mut sent = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".to_vec();
    sent.extend((0..100).flat_map(|number| references(number * 2 + 1, fields)));
    let mut open = Vec::new();
    for _ in 0..connections {
        let Ok(client) = TcpStream::connect(small.address()).await else { continue };
        open.push(client);
    }
    // all at once, so that the gateway accepts the requests of the next connections before it has refused those of the first
    for client in &mut open {
        let _ = client.write_all(&sent).await;
    }
    small.assert_bounded().await;
}

#[tokio::test]
async fn references_to_the_table_of_http2_are_bounded() {
    references_on(60, 900).await;
}

#[tokio::test]
async fn heads_of_as_many_fields_as_pass_are_bounded() {
    references_on(60, 90).await;
}

#[tokio::test]
async fn half_heads_are_bounded_in_both_versions() {
    let small = Small::start("{}").await;
    let mut open = Vec::new();
    for number in 0..2400 {
        let Ok(mut client) = TcpStream::connect(small.address()).await else { continue };
        let half = if number % 3 == 0 {
            // the first of two frames, with all the references that a head can have
            let mut begun = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".to_vec();
            let mut head = references(1, 900);
            head[4] = 0;
            begun.extend(head);
            begun
        } else {
            format!("GET /v1/users HTTP/1.1\r\nhost: a\r\nx: {}", "a".repeat(30_000)).into_bytes()
        };
        let _ = client.write_all(&half).await;
        open.push(client);
    }
    small.assert_bounded().await;
}

#[tokio::test]
async fn responses_that_are_not_read_are_bounded_and_their_memory_is_given_back() {
    let small = Small::start(&"x".repeat(2 * MIB)).await;
    let before = small.resident();
    let mut open = Vec::new();
    for _ in 0..600 {
        let Some(mut client) = narrow(small.address()).await else { continue };
        let _ = client.write_all(head("GET /v1/users", "").as_bytes()).await;
        open.push(client);
    }
    small.assert_bounded().await;
    drop(open);
    small.assert_given_back(before).await;
}

#[tokio::test]
async fn bodies_that_do_not_end_are_bounded_and_the_next_request_is_served() {
    let small = Small::start("{}").await;
    let mut open = Vec::new();
    let begun = head("PATCH /v1/users/user_1", "content-type: application/json\r\ncontent-length: 250000\r\n");
    let body = format!("[{}", "1,".repeat(124_000));
    for _ in 0..400 {
        let Ok(mut client) = TcpStream::connect(small.address()).await else { continue };
        let _ = client.write_all(begun.as_bytes()).await;
        let _ = client.write_all(body.as_bytes()).await;
        open.push(client);
    }
    small.assert_bounded().await;
    drop(open);
    let started = Instant::now();
    loop {
        let mut client = TcpStream::connect(small.address()).await.unwrap();
        let _ = client.write_all(head("GET /v1/users", "connection: close\r\n").as_bytes()).await;
        let mut got = Vec::new();
        let _ = client.read_to_end(&mut got).await;
        if got.starts_with(b"HTTP/1.1 200 ") {
            return;
        }
        assert!(started.elapsed() < LONG, "{}", String::from_utf8_lossy(&got));
    }
}
