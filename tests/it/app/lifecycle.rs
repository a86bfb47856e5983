//! How the program starts, takes new policies, and ends.

use crate::support::authority::Authority;
use crate::support::client::Client;
use crate::support::closed_port::port_to_name;
use crate::support::gateway::{head, patch};
use crate::support::program::{Program, command};
use crate::support::recorder::{Recorder, Reply};
use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use tempfile::TempDir;
use tokio::net::{TcpStream, UnixStream};

const ALLOWING: &str = "apiVersion: portcullis/v1
kind: RequestPolicy
metadata: { name: the-policy }
spec:
  match: { operations: [UpdateUser] }
  validations: [{ expression: body.first_name != 'refused', message: no }]
  actions: [Audit]
";

/// A folder with a configuration in front of `upstream` and one policy.
fn folder(listen: &str, upstream: SocketAddr, policy: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let text = format!(
        "apiVersion: portcullis/v1\nkind: Gateway\nlisten: {listen}\nadmin: {{ listen: 127.0.0.1:0 }}\n\
         upstream: {{ url: \"http://{upstream}\" }}\npolicies: [policy.yaml]\nworkers: 1\n"
    );
    fs::write(folder.path().join("gateway.yaml"), text).unwrap();
    fs::write(folder.path().join("policy.yaml"), policy).unwrap();
    let configuration = folder.path().join("gateway.yaml");
    (folder, configuration)
}

/// Sends one body that the policy is about; its status and log line.
async fn judged(program: &mut Program) -> (u16, serde_json::Value) {
    let mut client = Client::connect(program.listen).await;
    client.send(patch(r#"{"first_name":"refused"}"#)).await;
    let status = client.answer().await.expect("an answer").status();
    let line = program.stdout.line("decision_id").await;
    (status, serde_json::from_str(&line).unwrap())
}

#[tokio::test]
async fn sigterm_lets_the_request_under_way_finish_and_ends_with_0() {
    let (release, released) = std::sync::mpsc::channel::<()>();
    let released = std::sync::Mutex::new(released);
    let recorder = Recorder::start(move |_| {
        tokio::task::block_in_place(|| released.lock().unwrap().recv().unwrap());
        Reply::json(200, "{\"id\":\"user_1\"}")
    });
    // the recorder blocks a thread, so it has a runtime of its own
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let recorder = runtime.spawn(recorder).await.unwrap();
    let (_folder, configuration) = folder("127.0.0.1:0", recorder.address(), ALLOWING);
    let program = Program::start(&configuration, &[]).await;
    let mut client = Client::connect(program.listen).await;
    client.send(patch("{}")).await;
    let mut idle = Client::connect(program.listen).await;
    idle.send(head("PUT /v1/users/user_1", "")).await;
    assert_eq!(idle.answer().await.expect("an answer").status(), 405);
    while recorder.connections() == 0 {
        tokio::task::yield_now().await;
    }
    program.signal("TERM");
    assert!(idle.closed().await.is_empty(), "idle connections end at once");
    release.send(()).unwrap();
    let answer = client.answer().await.expect("the answer of the request under way");
    assert_eq!((answer.status(), answer.text()), (200, "{\"id\":\"user_1\"}"));
    assert_eq!(answer.header("connection"), Some("close"));
    let ended = program.ended().await;
    assert_eq!(ended.status.code(), Some(0), "{}", ended.stderr);
    assert_eq!(ended.stdout.matches("\"decision\":\"allow\"").count(), 1, "{}", ended.stdout);
    drop(recorder);
    runtime.shutdown_background();
}

#[tokio::test]
async fn sighup_takes_sound_policies_and_keeps_the_old_ones_in_place_of_broken_ones() {
    let recorder = Recorder::answering(200, "{}").await;
    let (folder, configuration) = folder("127.0.0.1:0", recorder.address(), ALLOWING);
    let mut program = Program::start(&configuration, &[]).await;
    let (status, first) = judged(&mut program).await;
    assert_eq!(status, 200);

    fs::write(folder.path().join("policy.yaml"), ALLOWING.replace("first_name", "frist_name")).unwrap();
    program.signal("HUP");
    let why = program.stderr.line("frist_name").await;
    let event: serde_json::Value = serde_json::from_str(&why).expect("one event a line");
    assert_eq!((&event["level"], &event["line"], &event["column"]), (&"ERROR".into(), &6.into(), &36.into()));
    assert!(event["file"].as_str().unwrap().ends_with("policy.yaml"), "{event}");
    let (status, kept) = judged(&mut program).await;
    assert_eq!((status, &kept["revision"]), (200, &first["revision"]));

    fs::write(folder.path().join("policy.yaml"), ALLOWING.replace("Audit", "Deny")).unwrap();
    program.signal("HUP");
    program.stderr.line("policies reloaded").await;
    let (status, swapped) = judged(&mut program).await;
    assert_eq!(status, 422);
    assert_ne!(swapped["revision"], first["revision"]);
    let metrics = Client::connect(program.admin).await.get("/metrics").await.text().to_owned();
    assert!(metrics.contains(swapped["revision"].as_str().unwrap()), "{metrics}");
}

#[tokio::test]
async fn a_port_that_is_taken_ends_with_1_and_one_line() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let (_folder, configuration) = folder(&address.to_string(), ([127, 0, 0, 1], 1).into(), ALLOWING);
    let output = command(&configuration, &[]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.starts_with("error: ") && said.contains(&address.to_string()), "{said}");
    assert!(output.stdout.is_empty());
}

#[tokio::test]
async fn a_broken_policy_ends_with_3_and_its_place() {
    let nowhere = ([127, 0, 0, 1], 1).into();
    let (_folder, configuration) = folder("127.0.0.1:0", nowhere, &ALLOWING.replace("first_name", "frist_name"));
    let output = command(&configuration, &[]).output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("policy.yaml:6:") && said.contains("first_name") && said.ends_with("1 error\n"), "{said}");
}

/// Writes a new certificate and its key; the one who trusts it.
fn certify(folder: &TempDir) -> Authority {
    let authority = Authority::new("ours");
    let (certificate, key) = authority.issue(&["localhost"]);
    fs::write(folder.path().join("tls.crt"), certificate).unwrap();
    fs::write(folder.path().join("tls.key"), key).unwrap();
    authority
}

const BY_TLS: &str = "[{ address: '127.0.0.1:0', tls: { certificateFile: tls.crt, privateKeyFile: tls.key } }]";

/// Whether `authority` vouches for what the program shows.
async fn vouches(authority: &Authority, program: &Program) -> bool {
    let stream = TcpStream::connect(program.listen).await.unwrap();
    authority.client(&[], None).connect("localhost".try_into().unwrap(), stream).await.is_ok()
}

#[tokio::test]
async fn a_certificate_that_changes_is_taken_unasked_and_a_broken_one_is_not() {
    let (folder, configuration) = folder(BY_TLS, ([127, 0, 0, 1], 1).into(), ALLOWING);
    let first = certify(&folder);
    let mut program = Program::start(&configuration, &[]).await;
    assert!(vouches(&first, &program).await);
    fs::write(folder.path().join("tls.crt"), "broken").unwrap();
    program.signal("HUP");
    let line = program.stderr.line("a certificate could not be reloaded").await;
    assert!(line.contains("tls.certificateFile") && !line.contains("broken\""), "{line}");
    assert!(vouches(&first, &program).await);
    let second = certify(&folder);
    program.stderr.line("certificate reloaded").await;
    assert!(vouches(&second, &program).await && !vouches(&first, &program).await);
}

#[tokio::test]
async fn a_certificate_that_is_not_there_ends_with_1_and_one_line() {
    let (_folder, configuration) = folder(BY_TLS, ([127, 0, 0, 1], 1).into(), ALLOWING);
    let output = command(&configuration, &[]).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), said.lines().count()), (Some(1), 1), "{said}");
    assert!(said.starts_with("error: `tls.certificateFile` ") && said.contains("cannot be read"), "{said}");
}

#[tokio::test]
async fn a_unix_socket_is_there_while_the_program_is() {
    let recorder = Recorder::answering(200, "{}").await;
    let sockets = tempfile::tempdir().unwrap();
    let path = sockets.path().join("gateway.sock");
    let listen = format!("[{{ address: 'unix:{}', mode: '0600' }}, {{ address: '127.0.0.1:0' }}]", path.display());
    let (_folder, configuration) = folder(&listen, recorder.address(), ALLOWING);
    let mut child = command(&configuration, &[]).spawn().unwrap();
    while !path.exists() {
        tokio::task::yield_now().await;
    }
    let stream = loop {
        // it is bound before it is listened on
        if let Ok(stream) = UnixStream::connect(&path).await {
            break stream;
        }
    };
    let mut client = Client::over(stream);
    client.send(patch("{}")).await;
    assert_eq!(client.answer().await.expect("an answer").status(), 200);
    let second = command(&configuration, &[]).output().unwrap();
    let said = String::from_utf8(second.stderr).unwrap();
    assert!(second.status.code() == Some(1) && said.contains("socket in use"), "{said}");
    assert!(std::process::Command::new("kill").arg(child.id().to_string()).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert!(!path.exists());
}

/// From a downloaded binary to Clerk it is one command: no file is needed.
#[tokio::test]
async fn without_any_file_the_built_in_policies_guard_the_upstream() {
    let upstream = Recorder::answering(200, "{}").await;
    let folder = tempfile::tempdir().unwrap();
    let url = format!("http://{}", upstream.address());
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_portcullis"));
    command.current_dir(folder.path()).env_clear();
    command.args(["run", "--upstream", &url, "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"]);
    command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::piped());
    let program = Program::run(command).await;
    let mut client = Client::connect(program.listen).await;
    client.send(patch(r#"{"skip_password_checks":true}"#)).await;
    assert_eq!(client.answer().await.expect("a response").status(), 422);
    program.signal("TERM");
    assert!(program.ended().await.status.success());
}

#[tokio::test]
async fn wildcards_of_both_families_can_be_listed_with_one_port() {
    let upstream = Recorder::answering(200, "{}").await;
    let port = port_to_name();
    let listen = ["[::]", "0.0.0.0"].map(|ip| format!("{{ address: '{ip}:{port}', plaintext: allowed }}")).join(", ");
    let (_folder, configuration) = folder(&format!("[{listen}]"), upstream.address(), ALLOWING);
    let program = Program::start(&configuration, &[]).await;
    for address in [format!("127.0.0.1:{port}"), format!("[::1]:{port}")] {
        let mut client = Client::connect(address.parse().unwrap()).await;
        client.send(patch("{}")).await;
        assert_eq!(client.answer().await.expect("an answer").status(), 200, "{address}");
    }
    drop(program);
}

#[tokio::test]
async fn user_signals_are_ignored_and_a_second_sigterm_ends_at_once() {
    let upstream = Recorder::start(|_| Reply::Nothing).await;
    let (_folder, configuration) = folder("127.0.0.1:0", upstream.address(), ALLOWING);
    let mut program = Program::start(&configuration, &[]).await;
    for signal in ["USR1", "USR2"] {
        program.signal(signal);
        program.stderr.line(&format!("SIG{signal}")).await;
    }
    let mut client = Client::connect(program.listen).await;
    client.send(patch("{}")).await;
    upstream.request().await;
    let begun = std::time::Instant::now();
    program.signal("TERM");
    // refused once the first signal is handled; two pending ones would count as one
    while TcpStream::connect(program.listen).await.is_ok() {
        tokio::task::yield_now().await;
    }
    program.signal("TERM");
    assert!(program.ended().await.status.success());
    assert!(begun.elapsed() < std::time::Duration::from_secs(9), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn check_sees_the_variables_that_run_sees() {
    let upstream = Recorder::answering(200, "{}").await;
    let (_folder, configuration) = folder("127.0.0.1:0", upstream.address(), ALLOWING);
    let check = |listen: &str, config: &str| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_portcullis"));
        command.args(["check", "--config"]).arg(&configuration).env_clear();
        command.env("PORTCULLIS_LISTEN", listen).env("PORTCULLIS_CONFIG", config);
        let output = command.output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, printed, _) = check("127.0.0.1:18787", "");
    assert!(code == Some(0) && printed.contains("would listen on 127.0.0.1:18787"), "{printed}");
    let (code, _, errors) = check("elsewhere", "");
    assert!(code == Some(3) && errors.contains("PORTCULLIS_LISTEN"), "{errors}");
    assert_eq!(check("", "").0, Some(0), "an empty variable is as unset");
}

#[test]
fn an_empty_variable_names_no_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_portcullis"));
    command.arg("check").current_dir(&folder).env_clear().env("PORTCULLIS_CONFIG", "");
    assert_eq!(command.output().unwrap().status.code(), Some(0));
}
