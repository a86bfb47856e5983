//! The real program, as an operator runs it, with everything it writes.

use std::io::{BufRead as _, BufReader, Read};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// Longest time until the program writes what a test waits for. Far longer than any takes on a busy machine.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// A running `portcullis run`. Dropping it kills it.
pub(crate) struct Program {
    pub(crate) listen: SocketAddr,
    pub(crate) admin: SocketAddr,
    pub(crate) stdout: Written,
    pub(crate) stderr: Written,
    child: Child,
}

/// What the program writes to one of its streams.
pub(crate) struct Written {
    all: Arc<Mutex<String>>,
    lines: UnboundedReceiver<String>,
    reader: Option<JoinHandle<()>>,
}

/// How the program ended, with everything it wrote.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// `portcullis run` with this configuration, and none of the test's environment but `variables`.
pub(crate) fn command(configuration: &Path, variables: &[(&str, String)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
    command.args(["run", "--config"]).arg(configuration).env_clear();
    command.envs(variables.iter().map(|(name, value)| (*name, value)));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

impl Program {
    /// Starts the program and waits until it says where it listens. The configuration has an admin listener.
    pub(crate) async fn start(configuration: &Path, variables: &[(&str, String)]) -> Self {
        Self::run(command(configuration, variables)).await
    }

    /// As [`Program::start`], by a command of its own.
    pub(crate) async fn run(mut command: Command) -> Self {
        let mut child = command.spawn().unwrap();
        let stdout = child.stdout.take().map_or_else(|| Written::of(std::io::empty()), Written::of);
        let mut stderr = Written::of(child.stderr.take().unwrap());
        let listen = stderr.address("  listens on   ").await;
        let admin = stderr.address("  admin        ").await;
        Self { listen, admin, stdout, stderr, child }
    }

    /// The id of its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends the signal, such as `TERM`.
    pub(crate) fn signal(&self, name: &str) {
        signal(&self.child, name);
    }

    /// Waits for the end.
    pub(crate) async fn ended(mut self) -> Ended {
        while self.stdout.lines.recv().await.is_some() {}
        while self.stderr.lines.recv().await.is_some() {}
        let status = self.child.wait().unwrap();
        Ended { status, stdout: self.stdout.take(), stderr: self.stderr.take() }
    }
}

/// Runs a program that is to end by itself, and waits for that. One that goes on fails the test.
pub(crate) async fn ended(mut command: Command) -> Ended {
    let mut child = command.spawn().unwrap();
    let stdout = Written::of(child.stdout.take().unwrap());
    let stderr = Written::of(child.stderr.take().unwrap());
    let mut program = Program { listen: NOWHERE, admin: NOWHERE, stdout, stderr, child };
    let written = async { while program.stderr.lines.recv().await.is_some() {} };
    let ends = pingora_timeout::timeout(LONGEST_WAIT, written).await.is_ok();
    assert!(ends, "the program does not end; it wrote:\n{}", program.stderr.all.lock().unwrap());
    program.ended().await
}

const NOWHERE: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED), 0);

/// Sends `child` the signal, such as `TERM`.
pub(crate) fn signal(child: &Child, name: &str) {
    let sent = Command::new("kill").args(["-s", name, &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Written {
    pub(crate) fn of(stream: impl Read + Send + 'static) -> Self {
        let (sender, lines) = unbounded_channel();
        let all = Arc::new(Mutex::new(String::new()));
        let kept = Arc::clone(&all);
        let reader = thread::spawn(move || {
            let mut stream = BufReader::new(stream);
            let mut line = Vec::new();
            while stream.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
                let text = String::from_utf8_lossy(&line).into_owned();
                kept.lock().unwrap().push_str(&text);
                let _ = sender.send(text);
                line.clear();
            }
        });
        Self { all, lines, reader: Some(reader) }
    }

    /// The next line that holds `part`.
    pub(crate) async fn line(&mut self, part: &str) -> String {
        let found = async {
            while let Some(line) = self.lines.recv().await {
                if line.contains(part) {
                    return Some(line);
                }
            }
            None
        };
        // a line that never comes has to fail the test and not to stop the run
        let found = pingora_timeout::timeout(LONGEST_WAIT, found).await.ok().flatten();
        found.unwrap_or_else(|| panic!("no line with `{part}`; the program wrote:\n{}", self.all.lock().unwrap()))
    }

    async fn address(&mut self, before: &str) -> SocketAddr {
        let line = self.line(before).await;
        let url = line.trim_end().strip_prefix(before).unwrap();
        url.split_once("://").expect("a URL").1.parse().unwrap()
    }

    /// Everything, once the stream ended.
    pub(crate) fn take(&mut self) -> String {
        self.reader.take().unwrap().join().unwrap();
        std::mem::take(&mut self.all.lock().unwrap())
    }
}
