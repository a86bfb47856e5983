//! Files with secrets that others than the gateway can read: a warning of `check` and of a start.

use crate::support::authority::Authority;
use crate::support::program::Program;
use rcgen::{KeyPair, PKCS_ED25519};
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::{Command, Output};
use tempfile::TempDir;

/// Every file of the configuration that has a secret.
const SECRETS: [(&str, &str); 3] = [
    ("tls.key", "listen[0].tls.privateKeyFile"),
    ("signing.key", "decisionLog.signing.key.file"),
    ("fingerprint.key", "decisionLog.fingerprints.key.file"),
];
const SETTINGS: &str = "apiVersion: portcullis/v1\nkind: Gateway\npolicies: []\n\
    upstream: { url: embedded }\nadmin: { listen: 127.0.0.1:0 }\n\
    listen: [{ address: 127.0.0.1:0, tls: { certificateFile: tls.crt, privateKeyFile: tls.key } }]\n\
    decisionLog:\n  file: log.jsonl\n  chain: true\n  signing: { key: { file: signing.key } }\n  \
    fingerprints: { key: { file: fingerprint.key }, params: [user_id] }\n";

fn set_mode(file: &Path, mode: u32) {
    fs::set_permissions(file, Permissions::from_mode(mode)).unwrap();
}

/// A folder with a configuration that names every kind of secret, all of this mode.
fn folder(mode: u32) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key) = Authority::new("ours").issue(&["localhost"]);
    let signing = KeyPair::generate_for(&PKCS_ED25519).unwrap().serialize_pem();
    for (name, text) in [
        ("gateway.yaml", SETTINGS),
        ("tls.crt", &certificate),
        ("tls.key", &key),
        ("signing.key", &signing),
        ("fingerprint.key", "0123456789abcdef0123456789abcdef"),
    ] {
        fs::write(folder.path().join(name), text).unwrap();
    }
    for (name, _) in SECRETS {
        set_mode(&folder.path().join(name), mode);
    }
    folder
}

fn check(folder: &TempDir, flags: &[&str], variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
    command.env_clear().envs(variables.iter().copied()).current_dir(folder.path());
    command.args(["check", "--config", "gateway.yaml"]).args(flags).output().unwrap()
}

fn errors(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn each_secret_that_others_can_read_is_a_warning_of_check() {
    let open = folder(0o644);
    let output = check(&open, &[], &[]);
    let told = errors(&output);
    assert_eq!(output.status.code(), Some(0), "{told}");
    for (name, key) in SECRETS {
        let warning = format!("warning: `{key}` {}", open.path().join(name).display());
        assert!(told.contains(&warning), "{warning}: {told}");
    }
    assert_eq!(told.matches("has the mode 0644: every user of this machine can read it").count(), 3, "{told}");
    assert!(told.contains("gateway.yaml:6:") && told.contains("`chmod 0400 ") && told.contains("3 warnings"), "{told}");
    assert_eq!(check(&open, &["--strict"], &[]).status.code(), Some(3));
    assert_eq!(check(&open, &["--strict", "--no-files"], &[]).status.code(), Some(0));
    for mode in [0o400, 0o600] {
        let output = check(&folder(mode), &["--strict"], &[]);
        assert_eq!(output.status.code(), Some(0), "{mode:o}: {}", errors(&output));
    }
}

#[test]
fn the_key_for_a_collector_is_a_secret_too() {
    let folder = folder(0o600);
    let variables = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "https://localhost"),
        ("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", "tls.crt"),
        ("OTEL_EXPORTER_OTLP_CLIENT_KEY", "tls.key"),
    ];
    assert_eq!(errors(&check(&folder, &[], &variables)), "");
    set_mode(&folder.path().join("tls.key"), 0o604);
    let told = errors(&check(&folder, &[], &variables));
    assert!(told.contains("warning: `OTEL_EXPORTER_OTLP_CLIENT_KEY` tls.key has the mode 0604"), "{told}");
}

#[test]
fn a_volume_of_kubernetes_is_judged_by_its_file() {
    let folder = folder(0o600);
    let at = |name: &str| folder.path().join(name);
    fs::create_dir(at("..2026_05_12")).unwrap();
    fs::rename(at("tls.key"), at("..2026_05_12/tls.key")).unwrap();
    symlink("..2026_05_12", at("..data")).unwrap();
    symlink("..data/tls.key", at("tls.key")).unwrap();
    assert_eq!(errors(&check(&folder, &[], &[])), "", "the links are 0777, and are not the file");
    set_mode(&at("..2026_05_12/tls.key"), 0o644);
    let told = errors(&check(&folder, &[], &[]));
    assert!(told.contains("set `defaultMode: 0400` for the volume") && !told.contains("chmod"), "{told}");
}

#[tokio::test]
async fn a_start_warns_of_secrets_and_starts() {
    let folder = folder(0o644);
    let program = Program::start(&folder.path().join("gateway.yaml"), &[]).await;
    program.signal("TERM");
    let ended = program.ended().await;
    assert!(ended.status.success(), "{}", ended.stderr);
    assert_eq!(ended.stderr.matches("has the mode 0644").count(), 3, "{}", ended.stderr);
}
