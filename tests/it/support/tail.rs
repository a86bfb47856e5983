//! `portcullis tail`, as an operator runs it.

use super::program::{Written, signal};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

/// A running `portcullis tail`. Dropping it kills it.
pub(crate) struct Tail {
    child: Child,
    pub(crate) stdout: Written,
    pub(crate) stderr: Written,
}

impl Tail {
    /// Starts it and waits until it watches.
    pub(crate) async fn start(admin: SocketAddr, arguments: &[&str]) -> Self {
        let mut child = tail(&format!("http://{admin}"), arguments).spawn().unwrap();
        let (stdout, mut stderr) =
            (Written::of(child.stdout.take().unwrap()), Written::of(child.stderr.take().unwrap()));
        stderr.line("watching http://").await;
        Self { child, stdout, stderr }
    }

    /// Everything it printed until Ctrl-C, after which it ends well.
    pub(crate) fn interrupted(mut self) -> String {
        signal(&self.child, "INT");
        assert_eq!(self.child.wait().unwrap().code(), Some(0));
        self.stdout.take()
    }
}

impl Drop for Tail {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The command.
pub(crate) fn tail(admin: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
    command.args(["tail", "--admin", admin]).args(arguments).env_clear();
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}
