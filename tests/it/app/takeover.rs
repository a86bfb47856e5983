//! Upgrades without a gap: sockets that the process before, or systemd, hands over.

use crate::support::client::Client;
use crate::support::gateway::{head, patch};
use crate::support::program::{Program, command, ended};
use crate::support::recorder::Recorder;
use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::os::unix::fs::chown;
use std::os::unix::net::UnixStream as StdUnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use tempfile::TempDir;
use tokio::net::UnixStream;

struct Service {
    folder: TempDir,
    upstream: SocketAddr,
}

impl Service {
    fn before(upstream: SocketAddr) -> Self {
        Self { folder: tempfile::tempdir().unwrap(), upstream }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes the configuration, with a decision log and these addresses.
    fn configure(&self, listen: SocketAddr, admin: SocketAddr, more: &str) -> PathBuf {
        let (unix, log) = (self.path("gateway.sock"), self.path("decisions.jsonl"));
        let text = format!(
            "apiVersion: portcullis/v1\nkind: Gateway\nlisten: [{{ address: '{listen}' }}, {{ address: 'unix:{}' }}]\n\
             admin: {{ listen: '{admin}' }}\nupstream: {{ url: 'http://{}' }}\npolicies: []\nworkers: 1\n\
             decisionLog: {{ file: '{}', chain: true }}\nlogs: {{ access: off }}\n{more}",
            unix.display(),
            self.upstream,
            log.display(),
        );
        let file = self.path("gateway.yaml");
        fs::write(&file, text).unwrap();
        file
    }

    fn takeover(&self, configuration: &Path) -> Command {
        let mut command = command(configuration, &[]);
        command.arg("--takeover").arg(self.path("takeover.sock"));
        command
    }

    /// What `verify-log` finds.
    fn verify_log(&self) -> (Option<i32>, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
        let output = command.arg("verify-log").arg(self.path("decisions.jsonl")).output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap() + &String::from_utf8_lossy(&output.stderr))
    }
}

/// A user with few rights on most systems; any number is a user.
const OTHER_USER: u32 = 65534;
const ANY: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

/// Sends requests, one after another, until it is asked to stop. A connection that the gateway announced to close is replaced.
async fn send_requests(listen: SocketAddr, ends: Arc<AtomicBool>, answered: Arc<AtomicUsize>) {
    let mut client = Client::connect(listen).await;
    while !ends.load(Ordering::Relaxed) {
        client.send(patch("{}")).await;
        let answer = client.answer().await.expect("an answer to each request");
        assert_eq!(answer.status(), 200, "{}", answer.text());
        answered.fetch_add(1, Ordering::Relaxed);
        if answer.header("connection") == Some("close") {
            client = Client::connect(listen).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn upgrades_under_load_lose_no_request_and_no_line_of_the_decision_log() {
    let recorder = Recorder::answering(200, "{}").await;
    let service = Service::before(recorder.address());
    let mut program = Program::run(service.takeover(&service.configure(ANY, ANY, ""))).await;
    let configuration = service.configure(program.listen, program.admin, "");
    let (ends, answered) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let clients: Vec<_> =
        (0..4).map(|_| tokio::spawn(send_requests(program.listen, Arc::clone(&ends), Arc::clone(&answered)))).collect();
    for upgrade in 0..3 {
        let before = answered.load(Ordering::Relaxed);
        let next = Program::run(service.takeover(&configuration)).await;
        assert_eq!((next.listen, next.admin), (program.listen, program.admin));
        let ended = std::mem::replace(&mut program, next).ended().await;
        assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);
        assert!(ended.stderr.contains("another process took over"), "{upgrade}: {}", ended.stderr);
        // the successor answers, by each of its sockets
        while answered.load(Ordering::Relaxed) < before + 20 {
            tokio::task::yield_now().await;
        }
        let mut unix = Client::over(UnixStream::connect(service.path("gateway.sock")).await.unwrap());
        unix.send(patch("{}")).await;
        assert_eq!(unix.answer().await.unwrap().status(), 200);
        answered.fetch_add(1, Ordering::Relaxed);
        assert_eq!(Client::connect(program.admin).await.get("/readyz").await.status(), 200);
    }
    ends.store(true, Ordering::Relaxed);
    for client in clients {
        client.await.expect("each request has its answer");
    }
    program.signal("TERM");
    let ended = program.ended().await;
    assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);
    let (code, report) = service.verify_log();
    assert_eq!(code, Some(0), "{report}");
    let log = fs::read_to_string(service.path("decisions.jsonl")).unwrap();
    assert_eq!(log.matches("\"decision_id\"").count(), answered.load(Ordering::Relaxed), "{report}");
    let left = ["gateway.sock", "takeover.sock"].map(|name| service.path(name).exists());
    assert_eq!(left, [false; 2], "the last one removes its sockets");
}

#[tokio::test]
async fn a_successor_that_does_not_start_changes_nothing() {
    let recorder = Recorder::answering(200, "{}").await;
    let service = Service::before(recorder.address());
    let mut program = Program::run(service.takeover(&service.configure(ANY, ANY, ""))).await;
    let point = StdUnixStream::connect(service.path("takeover.sock")).unwrap();
    drop(point);
    program.stderr.line("a takeover failed; this process goes on").await;
    // it has the sockets, and then finds a port that is taken
    let taken = TcpListener::bind(ANY).unwrap();
    let configuration = service.configure(program.listen, taken.local_addr().unwrap(), "");
    let output = ended(service.takeover(&configuration)).await;
    assert_eq!(output.status.code(), Some(1), "{}", output.stderr);
    program.stderr.line("a takeover failed; this process goes on").await;
    let mut client = Client::connect(program.listen).await;
    client.send(patch("{}")).await;
    assert_eq!(client.answer().await.unwrap().status(), 200);
    assert!(service.path("takeover.sock").exists() && service.path("gateway.sock").exists());
    let next = Program::run(service.takeover(&service.configure(program.listen, program.admin, ""))).await;
    assert_eq!(program.ended().await.status.code(), Some(0));
    assert_eq!(Client::connect(next.listen).await.get("/v1/users/user_1").await.status(), 200);
}

#[tokio::test]
async fn what_is_no_gateway_at_the_path_is_an_error_and_stays() {
    let service = Service::before(([127, 0, 0, 1], 1).into());
    let configuration = service.configure(ANY, ANY, "");
    let path = service.path("takeover.sock");
    fs::write(&path, "precious").unwrap();
    let output = ended(service.takeover(&configuration)).await;
    let error = output.stderr;
    assert_eq!(output.status.code(), Some(1), "{error}");
    assert!(error.contains("--takeover") && error.contains("no socket"), "{error}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "precious");

    fs::remove_file(&path).unwrap();
    let other = std::os::unix::net::UnixListener::bind(&path).unwrap();
    let answering = std::thread::spawn(move || {
        use std::io::Write as _;
        let (mut stream, _) = other.accept().unwrap();
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap();
    });
    let output = ended(service.takeover(&configuration)).await;
    answering.join().unwrap();
    let error = output.stderr;
    assert_eq!(output.status.code(), Some(1), "{error}");
    assert!(error.contains("no gateway"), "{error}");
}

/// `command` as another user, who may use the files of the folder.
fn as_other_user(service: &Service, command: &Command) -> Command {
    let program = service.path("portcullis");
    fs::copy(command.get_program(), &program).unwrap();
    for file in [service.folder.path(), &program, &service.path("gateway.yaml")] {
        chown(file, Some(OTHER_USER), Some(OTHER_USER)).unwrap();
    }
    let mut other = Command::new(program);
    other.args(command.get_args()).env_clear().uid(OTHER_USER).gid(OTHER_USER);
    other.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    other
}

#[tokio::test]
async fn a_process_of_another_user_hands_over_nothing() {
    if !rustix::process::geteuid().is_root() {
        println!("not tried: only root can start a process of another user");
        return;
    }
    let service = Service::before(([127, 0, 0, 1], 1).into());
    let configuration = service.configure(ANY, ANY, "");
    let other = Program::run(as_other_user(&service, &service.takeover(&configuration))).await;
    let configuration = service.configure(other.listen, ANY, "");
    let output = ended(service.takeover(&configuration)).await;
    assert_eq!(output.status.code(), Some(1), "{}", output.stderr);
    assert!(output.stderr.contains("the process there runs as another user"), "{}", output.stderr);
    other.signal("TERM");
    assert_eq!(other.ended().await.status.code(), Some(0));
}

/// The program as systemd starts it, with `socket` as its only one.
fn activated(configuration: &Path, socket: TcpListener, arguments: &[&str]) -> Command {
    let mut shell = Command::new("sh");
    // the process keeps its number, which systemd names
    shell.args(["-c", "exec 3<&0 </dev/null; LISTEN_PID=$$ LISTEN_FDS=1 exec \"$@\"", "sh"]);
    shell.arg(env!("CARGO_BIN_EXE_portcullis")).args(["run", "--config"]).arg(configuration).args(arguments);
    shell.stdin(Stdio::from(OwnedFd::from(socket))).stdout(Stdio::piped()).stderr(Stdio::piped());
    shell
}

#[tokio::test]
async fn sockets_of_systemd_are_used_and_outlive_the_gateway() {
    let recorder = Recorder::answering(200, "{}").await;
    let service = Service::before(recorder.address());
    let socket = TcpListener::bind(ANY).unwrap();
    let address = socket.local_addr().unwrap();
    let configuration = service.configure(address, ANY, "");
    let program = Program::run(activated(&configuration, socket.try_clone().unwrap(), &[])).await;
    assert_eq!(program.listen, address);
    program.signal("TERM");
    assert_eq!(program.ended().await.status.code(), Some(0));
    // while there is no gateway, a client waits in place of being refused
    let mut client = Client::connect(address).await;
    client.send(patch("{}")).await;
    let program = Program::run(activated(&configuration, socket.try_clone().unwrap(), &[])).await;
    assert_eq!(client.answer().await.unwrap().status(), 200);
    drop(program);

    let other = service.configure(ANY, ANY, "");
    let output = ended(activated(&other, socket.try_clone().unwrap(), &[])).await;
    let error = output.stderr;
    assert_eq!(output.status.code(), Some(1), "{error}");
    assert!(error.contains(&address.to_string()) && error.contains("ListenStream"), "{error}");
    let takeover = service.path("takeover.sock");
    let output = ended(activated(&configuration, socket, &["--takeover", takeover.to_str().unwrap()])).await;
    assert_eq!(output.status.code(), Some(1));
}

#[tokio::test]
async fn during_the_delay_requests_are_served_and_readiness_fails() {
    let recorder = Recorder::answering(200, "{}").await;
    let service = Service::before(recorder.address());
    let program = Program::run(service.takeover(&service.configure(ANY, ANY, "shutdown: { delay: 1h }\n"))).await;
    program.signal("TERM");
    while Client::connect(program.admin).await.get("/readyz").await.status() != 503 {
        tokio::task::yield_now().await;
    }
    let mut client = Client::connect(program.listen).await;
    for _ in 0..2 {
        client.send(head("GET /v1/users/user_1", "")).await;
        assert_eq!(client.answer().await.unwrap().status(), 200);
    }
    program.signal("TERM");
    let ended = program.ended().await;
    assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);
    assert!(ended.stderr.contains("by a second signal"), "{}", ended.stderr);
}
