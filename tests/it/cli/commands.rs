//! The program as a person or a probe runs it: what it prints where, and how it ends.

use crate::support::authority::Authority;
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::thread;
use tempfile::TempDir;

const GOOD: &str = "apiVersion: portcullis/v1\nkind: Gateway\nlisten: 127.0.0.1:0\nupstream: { url: embedded }\npolicies: [../policies]\n";

/// A folder as a fresh clone has it, with `text` as its quickstart.
fn clone_with(text: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for name in ["config", "policies"] {
        fs::create_dir(folder.path().join(name)).unwrap();
    }
    fs::write(folder.path().join("config/quickstart.yaml"), text).unwrap();
    // a folder without a policy is an error
    let policy = "apiVersion: portcullis/v1\nkind: RequestPolicy\nmetadata: { name: harmless }\nspec:\n  match: { operations: [LockUser] }\n  validations: [{ expression: request.params.user_id != 'x', message: no }]\n  actions: [Audit]\n";
    fs::write(folder.path().join("policies/harmless.yaml"), policy).unwrap();
    folder
}

/// The program, without what the environment of the tests would tell it.
fn portcullis(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
    command.current_dir(folder).args(arguments).stdin(Stdio::null()).env_clear();
    command
}

fn run(folder: &Path, arguments: &[&str]) -> Output {
    portcullis(folder, arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// Answers one request with `answer` and gives what was asked.
fn answering(answer: &'static str) -> (SocketAddr, thread::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let served = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let (mut asked, mut part) = (String::new(), [0; 256]);
        while !asked.ends_with("\r\n\r\n") {
            let read = stream.read(&mut part).unwrap();
            asked.push_str(text(&part[..read]));
        }
        stream.write_all(answer.as_bytes()).unwrap();
        asked
    });
    (address, served)
}

#[test]
fn check_of_a_sound_configuration_ends_with_0() {
    let folder = clone_with(GOOD);
    let output = run(folder.path(), &["check"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("127.0.0.1:0"));
    assert!(output.stderr.is_empty(), "{}", text(&output.stderr));
}

/// What is valid starts: `check` opens what the start does.
#[test]
fn what_only_a_start_opens_is_checked() {
    let head = "apiVersion: portcullis/v1\nkind: Gateway\npolicies: [../policies]\n";
    let tls = |certificate: &str, key: &str| {
        format!(
            "listen: [{{ address: 127.0.0.1:0, tls: {{ certificateFile: {certificate}, privateKeyFile: {key} }} }}]\n"
        )
    };
    let (authority, other) = (Authority::new("ours"), Authority::new("ours"));
    let (ours, theirs) = (authority.issue(&["localhost"]), other.issue(&["localhost"]));
    let embedded = "upstream: { url: embedded }\n";
    let trusting = "upstream: { url: 'https://localhost', caFile: trusted.pem }\n";
    let none: &[(&str, &str)] = &[];
    for (settings, variables, place, message) in [
        (tls("none.crt", "tls.key") + embedded, none, ":4:", "`tls.certificateFile`"),
        (tls("empty.pem", "tls.key") + embedded, none, ":4:", "holds no certificate in PEM"),
        (tls("tls.crt", "none.key") + embedded, none, ":4:", "`tls.privateKeyFile`"),
        (tls("tls.crt", "other.key") + embedded, none, ":4:", "cannot be used"),
        (trusting.replace("trusted", "empty"), none, ":4:", "`upstream.caFile`"),
        (
            trusting.to_owned(),
            &[("OTEL_EXPORTER_OTLP_ENDPOINT", "https://localhost"), ("OTEL_EXPORTER_OTLP_CERTIFICATE", "none.pem")],
            "environment",
            "the certificates for the OTLP collector can't be used",
        ),
        (
            trusting.to_owned(),
            &[("OTEL_EXPORTER_OTLP_ENDPOINT", "no url")],
            "environment",
            "OTEL_EXPORTER_OTLP_ENDPOINT",
        ),
    ] {
        let folder = clone_with(&format!("{head}{settings}"));
        let config = folder.path().join("config");
        for (name, content) in [
            ("tls.crt", ours.0.as_str()),
            ("tls.key", &ours.1),
            ("other.key", &theirs.1),
            ("empty.pem", ""),
            ("trusted.pem", &fs::read_to_string(authority.file()).unwrap()),
        ] {
            fs::write(config.join(name), content).unwrap();
        }
        let check = |arguments: &[&str]| portcullis(folder.path(), arguments).envs(variables.iter().copied()).output();
        let broken = check(&["check"]).unwrap();
        let errors = text(&broken.stderr);
        assert_eq!(broken.status.code(), Some(3), "{settings}: {errors}");
        assert!(errors.contains(message) && errors.contains(place), "{settings}: {errors}");
        let unopened = check(&["check", "--no-files"]).unwrap();
        assert_eq!(unopened.status.code(), Some(0), "{settings}: {}", text(&unopened.stderr));
    }
}

#[test]
fn broken_policies_end_with_3_and_all_mistakes_of_all_files_with_their_snippets() {
    let folder = clone_with(GOOD);
    let policy = |expression: &str| {
        format!(
            "apiVersion: portcullis/v1\nkind: RequestPolicy\nmetadata: {{ name: rule }}\nspec:\n  match: {{ operations: [UpdateUser] }}\n  validations:\n    - expression: {expression}\n      message: no\n  actions: [Deny]\n"
        )
    };
    let wrong = policy("body.frist_name != null && body.skip_legal_checks == \"true\"");
    for (file, text) in [("a.yaml", wrong), ("b.yaml", policy("body.locale == null"))] {
        fs::write(folder.path().join("policies").join(file), text).unwrap();
    }
    let output = run(folder.path(), &["check"]);
    assert_eq!(output.status.code(), Some(3));
    let told = text(&output.stderr).replace(&folder.path().display().to_string(), "FOLDER");
    insta::assert_snapshot!(told, @r#"
    warning: `CreateUser`, `PlatformCreateInstanceUser` take `locale` too, and `rule` does not match them
     --> FOLDER/policies/b.yaml:5:24
      |
    5 |   match: { operations: [UpdateUser] }
      |                        ^^^^^^^^^^^^
      |
      = help: add `CreateUser`, `PlatformCreateInstanceUser` to `operations`; if they are left out on purpose, add them to `match.except` with a `reason`

    1 warning; `--strict` makes it an error
    error: `frist_name` is not a field of any operation that this policy matches
     --> FOLDER/policies/a.yaml:7:24
      |
    7 |     - expression: body.frist_name != null && body.skip_legal_checks == "true"
      |                        ^^^^^^^^^^
      |
      = help: did you mean `first_name`?

    error: `body.skip_legal_checks` is a bool or null, never a string: the comparison is always false
     --> FOLDER/policies/a.yaml:7:72
      |
    7 |     - expression: body.frist_name != null && body.skip_legal_checks == "true"
      |                                                                        ^^^^^^
      |
      = help: write `true` without quotes

    error: `rule` is the name of another policy, in FOLDER/policies/a.yaml
     --> FOLDER/policies/b.yaml:3:19
      |
    3 | metadata: { name: rule }
      |                   ^^^^

    3 errors
    "#);
}

#[test]
fn a_broken_configuration_ends_with_3_and_all_errors_on_stderr() {
    let folder = clone_with(
        "apiVersion: portcullis/v1\nkind: Gateway\npolicies: [../policies]\nlisten: a\nworkers: 0\nlogs: {}\nadmin: { listen: b }\n",
    );
    for arguments in [&["check"][..], &["run"], &["explain", "--path", "/v1/users/user_1"], &[]] {
        let output = run(folder.path(), arguments);
        assert_eq!(output.status.code(), Some(3), "{arguments:?}");
        assert!(output.stdout.is_empty(), "{arguments:?}");
        insta::allow_duplicates! {
            insta::assert_snapshot!(text(&output.stderr), @r"
            error: `listen` must be an IP address and a port, or a Unix socket
             --> config/quickstart.yaml:4:9
              |
            4 | listen: a
              |         ^
              |
              = help: write an IP address and a port, such as `127.0.0.1:8787`, or `unix:` and an absolute path

            error: `admin.listen` must be an IP address and a port
             --> config/quickstart.yaml:7:18
              |
            7 | admin: { listen: b }
              |                  ^
              |
              = help: write an IP address and a port, such as `127.0.0.1:9465`, or `off`

            2 errors
            ");
        }
    }
}

#[test]
fn one_error_is_counted_as_one() {
    let folder = clone_with(&format!("{GOOD}worker: 1\n"));
    let output = run(folder.path(), &["check"]);
    assert_eq!(output.status.code(), Some(3));
    assert!(text(&output.stderr).ends_with("\n\n1 error\n"), "{}", text(&output.stderr));
}

#[test]
fn a_file_that_is_not_there_ends_with_3() {
    let folder = clone_with(GOOD);
    let output = run(folder.path(), &["check", "--config", "config/none.yaml"]);
    assert_eq!(output.status.code(), Some(3));
    insta::assert_snapshot!(text(&output.stderr), @r"
    error: cannot be read: there is no such file or folder
    --> config/none.yaml

    1 error
    ");
}

#[test]
fn without_a_configuration_the_built_in_one_is_checked() {
    let folder = tempfile::tempdir().unwrap();
    let output = run(folder.path(), &["check"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("no-skip-password-checks"), "{}", text(&output.stdout));
}

#[test]
fn init_writes_a_folder_that_checks_and_tests_and_is_never_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let output = run(folder.path(), &["init", "gateway"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    for verb in ["check", "test"] {
        let output = run(folder.path(), &[verb, "--config", "gateway/config/gateway.yaml"]);
        assert_eq!(output.status.code(), Some(0), "{verb}: {}{}", text(&output.stdout), text(&output.stderr));
    }
    let changed = folder.path().join("gateway/policies/metadata-size.yaml");
    fs::write(&changed, "mine").unwrap();
    fs::remove_file(folder.path().join("gateway/config/gateway.yaml")).unwrap();
    let output = run(folder.path(), &["init", "gateway"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("gateway/policies/metadata-size.yaml"), "{}", text(&output.stderr));
    assert_eq!(fs::read_to_string(changed).unwrap(), "mine");
    assert!(!folder.path().join("gateway/config/gateway.yaml").exists(), "something was written");
}

/// The commands that `--help` lists.
fn verbs(folder: &Path) -> Vec<String> {
    let overview = run(folder, &["--help"]);
    let overview = text(&overview.stdout);
    let verbs = overview.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let verbs = verbs.filter_map(|line| line.strip_prefix("  ")?.split(' ').next());
    let verbs: Vec<String> = verbs.filter(|verb| !verb.is_empty() && *verb != "help").map(str::to_owned).collect();
    assert!(verbs.len() >= 15, "{verbs:?}");
    verbs
}

#[test]
fn every_help_fits_80_columns_and_has_examples_and_exit_codes() {
    let folder = tempfile::tempdir().unwrap();
    for verb in verbs(folder.path()) {
        let output = run(folder.path(), &[&verb, "--help"]);
        let help = text(&output.stdout);
        assert!(help.contains("\nExamples:\n  portcullis ") && help.contains("\nExit codes:\n  0 "), "{verb}:\n{help}");
        // clap does not wrap the line of usage
        let wide = help.lines().find(|line| !line.starts_with("Usage:") && line.chars().count() > 80);
        assert_eq!(wide, None, "{verb}");
    }
}

#[test]
fn version_names_the_target_and_the_features() {
    let folder = tempfile::tempdir().unwrap();
    let output = run(folder.path(), &["version"]);
    let version = text(&output.stdout);
    assert!(version.starts_with(concat!("portcullis ", env!("CARGO_PKG_VERSION"), "\n")), "{version}");
    assert!(version.contains("features  sandbox"), "{version}");
    let output = run(folder.path(), &["version", "--json"]);
    let version: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&version["version"], &version["features"][0]), (&env!("CARGO_PKG_VERSION").into(), &"sandbox".into()));
    let script = run(folder.path(), &["completions", "bash"]);
    assert!(text(&script.stdout).contains("verify-log"));
}

#[test]
fn each_command_has_a_manual_page() {
    let folder = tempfile::tempdir().unwrap();
    let output = run(folder.path(), &["man", "pages/man1"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let page = |name: &str| fs::read_to_string(folder.path().join("pages/man1").join(name)).expect(name);
    assert!(page("portcullis.1").contains("policy gateway"));
    for verb in verbs(folder.path()) {
        let page = page(&format!("portcullis-{verb}.1"));
        assert!(page.contains(".SH SYNOPSIS") && page.contains("Exit codes"), "{verb}: {page}");
    }
    fs::write(folder.path().join("file"), "").unwrap();
    let output = run(folder.path(), &["man", "file"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("`file` cannot be written"), "{}", text(&output.stderr));
}

#[test]
fn the_variable_names_the_configuration_and_the_flag_wins() {
    let folder = clone_with("nonsense");
    fs::write(folder.path().join("config/good.yaml"), GOOD).unwrap();
    let by_variable = |file: &str, arguments: &[&str]| {
        portcullis(folder.path(), arguments).env("PORTCULLIS_CONFIG", file).output().unwrap().status.code()
    };
    assert_eq!(by_variable("config/good.yaml", &["check"]), Some(0));
    assert_eq!(by_variable("config/quickstart.yaml", &["check"]), Some(3));
    assert_eq!(by_variable("config/quickstart.yaml", &["check", "--config", "config/good.yaml"]), Some(0));
}

#[test]
fn a_wrong_flag_or_variable_is_told_by_its_name() {
    let folder = clone_with(GOOD);
    let output = portcullis(folder.path(), &["run", "--listen", "8787"])
        .env("PORTCULLIS_UPSTREAM", "api.clerk.com")
        .env("PORTCULLIS_LISTEN", "the flag wins")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(3));
    let said = text(&output.stderr);
    assert!(said.contains("`--listen` must be an IP address and a port"), "{said}");
    assert!(said.contains("`PORTCULLIS_UPSTREAM` must be a URL"), "{said}");
    assert!(said.ends_with("2 errors\n"), "{said}");
}

#[test]
fn variables_of_the_environment_are_put_into_the_file() {
    let folder = clone_with(&format!("{GOOD}workers: ${{WORKERS}}\n"));
    assert_eq!(run(folder.path(), &["check"]).status.code(), Some(3));
    let set = portcullis(folder.path(), &["check"]).env("WORKERS", "3").output().unwrap();
    assert_eq!(set.status.code(), Some(0), "{}", text(&set.stderr));
}

#[test]
fn a_command_that_does_not_exist_ends_with_2() {
    let folder = clone_with(GOOD);
    for arguments in [&["serve"][..], &["run", "--port", "1"], &["schema", "user"]] {
        let output = run(folder.path(), arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(output.stdout.is_empty());
    }
    assert_eq!(run(folder.path(), &["--help"]).status.code(), Some(0));
    assert_eq!(run(folder.path(), &["--version"]).stdout, b"portcullis 0.1.0\n");
}

#[test]
fn a_target_that_is_none_ends_with_2() {
    let folder = clone_with(GOOD);
    for target in ["127.0.0.1:1", "ftp://127.0.0.1:1", "http://no such host"] {
        let output = run(folder.path(), &["selftest", "--target", target, "--upstream-listen", "127.0.0.1:0"]);
        assert_eq!(output.status.code(), Some(2), "{target}");
        assert!(text(&output.stderr).starts_with("error: `--target` "), "{}", text(&output.stderr));
    }
}

#[test]
fn help_does_not_show_what_variables_hold() {
    let folder = clone_with(GOOD);
    let output =
        portcullis(folder.path(), &["run", "--help"]).env("PORTCULLIS_UPSTREAM", "canary-0451").output().unwrap();
    assert!(text(&output.stdout).contains("PORTCULLIS_UPSTREAM"));
    assert!(!text(&output.stdout).contains("canary"));
}

#[test]
fn the_schema_is_printed_as_it_is_kept() {
    let folder = clone_with(GOOD);
    for (of, kept) in [
        ("gateway", include_str!("../../../config/gateway.schema.json")),
        ("policy", include_str!("../../../policies/policy.schema.json")),
        ("policy-test", include_str!("../../../policies/policy-test.schema.json")),
    ] {
        let output = run(folder.path(), &["schema", of]);
        assert_eq!(output.status.code(), Some(0), "{of}");
        assert_eq!(text(&output.stdout), kept, "{of}");
    }
}

#[test]
fn a_well_gateway_is_told_well() {
    let folder = clone_with(GOOD);
    for (flags, path, word) in [(&[][..], "/livez", "live\n"), (&["--ready"], "/readyz", "ready\n")] {
        let (address, served) = answering("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
        let output = run(folder.path(), &[&["health", "--admin-listen", &address.to_string()], flags].concat());
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        assert_eq!(text(&output.stdout), word);
        assert!(served.join().unwrap().starts_with(&format!("GET {path} HTTP/1.1\r\nhost: {address}\r\n")));
    }
}

#[test]
fn an_unwell_gateway_is_told_unwell_in_one_line() {
    let folder = clone_with(GOOD);
    for (answer, why) in [
        ("HTTP/1.1 503 Service Unavailable\r\n\r\n", "/readyz on ADDRESS responded with 503"),
        ("SSH-2.0-OpenSSH\r\n", "ADDRESS gave no response: invalid data"),
        ("", "ADDRESS gave no response: invalid data"),
    ] {
        let (address, served) = answering(answer);
        let output = run(folder.path(), &["health", "--ready", "--admin-listen", &address.to_string()]);
        served.join().unwrap();
        assert_eq!(output.status.code(), Some(1));
        let expected = format!("error: not ready: {}\n", why.replace("ADDRESS", &address.to_string()));
        assert_eq!(text(&output.stderr), expected);
    }
}

#[test]
fn a_gateway_that_does_not_answer_is_told_unwell_within_the_deadline() {
    let folder = clone_with(GOOD);
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap().to_string();
    let asked = run(folder.path(), &["health", "--admin-listen", &address]);
    assert_eq!(asked.status.code(), Some(1));
    assert_eq!(text(&asked.stderr), format!("error: not live: {address} did not respond within 2 s\n"));
    drop(silent);
    let refused = run(folder.path(), &["health", "--admin-listen", &address]);
    assert_eq!(text(&refused.stderr), format!("error: not live: {address} gave no response: connection refused\n"));
}

#[test]
fn health_finds_the_admin_listener_in_the_configuration() {
    let (address, served) = answering("HTTP/1.1 200 OK\r\n\r\n");
    let folder = clone_with(&format!("{GOOD}admin: {{ listen: \"0.0.0.0:{}\" }}\n", address.port()));
    let output = run(folder.path(), &["health", "--config", "config/quickstart.yaml"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    served.join().unwrap();

    let folder = clone_with(&format!("{GOOD}admin: {{ listen: off }}\n"));
    let output = run(folder.path(), &["health", "--config", "config/quickstart.yaml"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(text(&output.stderr), "error: not live: the admin listener is `off`\n");
}
