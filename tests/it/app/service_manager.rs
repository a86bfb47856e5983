//! What systemd is informed of: a test takes its place.

use crate::support::program::Program;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;
use tempfile::TempDir;
use tokio::net::UnixDatagram;

/// Longest time until a notification arrives. Far longer than any takes on a busy machine.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

const POLICY: &str = "apiVersion: portcullis/v1
kind: RequestPolicy
metadata: { name: the-policy }
spec:
  match: { operations: [UpdateUser] }
  validations: [{ expression: body.first_name != 'refused', message: no }]
  actions: [Audit]
";

/// A socket for notifications, beside a configuration with one policy.
struct ServiceManager {
    socket: UnixDatagram,
    folder: TempDir,
}

impl ServiceManager {
    fn new() -> Self {
        Self::with_reload("{ watch: false }")
    }

    fn with_reload(settings: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let socket = UnixDatagram::bind(folder.path().join("notify.sock")).unwrap();
        let gateway = format!(
            "apiVersion: portcullis/v1\nkind: Gateway\nlisten: 127.0.0.1:0\nadmin: {{ listen: 127.0.0.1:0 }}\n\
             upstream: {{ url: embedded }}\npolicies: [policy.yaml]\nworkers: 1\nreload: {settings}\n"
        );
        fs::write(folder.path().join("gateway.yaml"), gateway).unwrap();
        fs::write(folder.path().join("policy.yaml"), POLICY).unwrap();
        Self { socket, folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    async fn start(&self, variables: &[(&str, String)]) -> Program {
        let socket = ("NOTIFY_SOCKET", self.path("notify.sock").to_string_lossy().into_owned());
        Program::start(&self.path("gateway.yaml"), &[&[socket], variables].concat()).await
    }

    /// The assignments of the next notification.
    async fn next(&self) -> Vec<String> {
        let mut bytes = [0; 4096];
        let received = pingora_timeout::timeout(LONGEST_WAIT, self.socket.recv(&mut bytes)).await;
        let length = received.expect("a notification").unwrap();
        String::from_utf8_lossy(&bytes[..length]).lines().map(str::to_owned).collect()
    }

    /// Asserts that a reload begins and ends; its status.
    async fn reload(&self, program: &Program) -> String {
        program.signal("HUP");
        let begun = self.next().await;
        assert_eq!(begun[0], "RELOADING=1");
        let time = begun[1].strip_prefix("MONOTONIC_USEC=").expect("the time of the reload");
        assert!(time.parse::<u64>().unwrap() > 0);
        let mut ended = self.next().await;
        assert_eq!(ended[0], "READY=1");
        ended.remove(1)
    }
}

#[tokio::test]
async fn systemd_is_informed_of_start_reload_and_stop() {
    let manager = ServiceManager::new();
    let program = manager.start(&[]).await;
    let ready = manager.next().await;
    assert_eq!(ready[0], "READY=1");
    let revision = ready[1].strip_prefix("STATUS=enforces revision ").expect("a revision").to_owned();

    fs::write(manager.path("policy.yaml"), POLICY.replace("'refused'", "'forbidden'")).unwrap();
    let status = manager.reload(&program).await;
    let replaced = status.strip_prefix("STATUS=enforces revision ").expect("a revision").to_owned();
    assert_ne!(replaced, revision);

    fs::write(manager.path("policy.yaml"), "kind: RequestPolicy").unwrap();
    let status = manager.reload(&program).await;
    assert_eq!(status, format!("STATUS=enforces revision {replaced}; the last reload failed, the log has the reasons"));

    program.signal("TERM");
    assert_eq!(manager.next().await, ["STOPPING=1"]);
    assert!(program.ended().await.status.success());
}

#[tokio::test]
async fn systemd_is_informed_of_what_a_watch_loads() {
    let manager = ServiceManager::with_reload("{ interval: 100ms }");
    let _program = manager.start(&[]).await;
    let started = manager.next().await;
    fs::write(manager.path("policy.yaml"), POLICY.replace("'refused'", "'forbidden'")).unwrap();
    let status = manager.next().await;
    assert!(status.len() == 1 && status[0].starts_with("STATUS=enforces revision "), "{status:?}");
    assert_ne!(status[0], started[1]);
    fs::write(manager.path("policy.yaml"), "kind: RequestPolicy").unwrap();
    assert_eq!(manager.next().await, [format!("{}; the last reload failed, the log has the reasons", status[0])]);
}

#[tokio::test]
async fn the_watchdog_is_fed_until_the_end() {
    let manager = ServiceManager::new();
    let program = manager.start(&[("WATCHDOG_USEC", "100000".to_owned())]).await;
    let mut fed = 0;
    while fed < 5 {
        fed += usize::from(manager.next().await == ["WATCHDOG=1"]);
    }
    program.signal("TERM");
    while manager.next().await != ["STOPPING=1"] {}
    assert!(program.ended().await.status.success());
}

#[tokio::test]
async fn the_watchdog_of_another_process_is_not_fed() {
    let manager = ServiceManager::new();
    let other = std::process::id().to_string();
    let program = manager.start(&[("WATCHDOG_USEC", "2000".to_owned()), ("WATCHDOG_PID", other)]).await;
    assert_eq!(manager.next().await[0], "READY=1");
    manager.reload(&program).await;
    program.signal("TERM");
    assert_eq!(manager.next().await, ["STOPPING=1"]);
    assert!(program.ended().await.status.success());
}
