//! What the program sets for its own process at the start: the limit on open files, and no core dumps.

use crate::support::program::{Program, command};
use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// A user other than root, which owns no file here.
const NO_ONE: u32 = 65_534;

/// A folder that every user may read, with a configuration that has `more`.
fn folder(more: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let configuration = folder.path().join("gateway.yaml");
    let text = "apiVersion: portcullis/v1\nkind: Gateway\nlisten: 127.0.0.1:0\nadmin: { listen: 127.0.0.1:0 }\n\
                upstream: { url: embedded }\npolicies: []\nworkers: 1\n";
    fs::write(&configuration, format!("{text}{more}")).unwrap();
    (folder, configuration)
}

/// The program with this configuration, after `limit` was executed by a shell.
fn limited(limit: &str, verb: &str, configuration: &Path) -> Command {
    let program = env!("CARGO_BIN_EXE_portcullis");
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("{limit} && exec {program} {verb} --config {}", configuration.display())]).env_clear();
    shell.stdin(std::process::Stdio::null()).stdout(std::process::Stdio::piped());
    shell.stderr(std::process::Stdio::piped());
    shell
}

/// The soft and the hard limit of a process, by its name in `/proc/PID/limits`.
fn limits_of(process: u32, name: &str) -> [String; 2] {
    let limits = fs::read_to_string(format!("/proc/{process}/limits")).unwrap();
    let line = limits.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    let mut values = line.split_whitespace().map(str::to_owned);
    [values.next().unwrap(), values.next().unwrap()]
}

#[tokio::test]
async fn the_soft_limit_on_open_files_is_raised_to_the_hard_one() {
    let (_folder, configuration) = folder("");
    let program = Program::run(limited("ulimit -S -n 200 && ulimit -H -n 2400", "run", &configuration)).await;
    assert_eq!(limits_of(program.id(), "Max open files"), ["2400", "2400"]);
}

#[tokio::test]
async fn connections_that_do_not_fit_the_limit_on_open_files_are_a_warning() {
    let (_folder, configuration) = folder("limits: { connections: 5000 }\n");
    let (limit, warning) = ("ulimit -n 2400", "`limits.connections` is 5000, but this process may open 2400 files");
    let checked = limited(limit, "check", &configuration).output().unwrap();
    let text = String::from_utf8(checked.stderr).unwrap();
    assert!(checked.status.code() == Some(0) && text.contains(&format!("warning: {warning}")), "{text}");
    assert!(text.contains("gateway.yaml:8:"), "{text}");
    let mut program = Program::run(limited(limit, "run", &configuration)).await;
    program.signal("TERM");
    assert!(program.stderr.take().contains(warning));
    // as many as are left by default are enough for anyone
    let (_folder, configuration) = folder("");
    let checked = limited(limit, "check", &configuration).output().unwrap();
    assert!(checked.stderr.is_empty(), "{}", String::from_utf8_lossy(&checked.stderr));
}

#[tokio::test]
async fn no_process_of_the_same_user_reads_its_memory_and_no_core_is_dumped() {
    let (_folder, configuration) = folder("");
    let mut run = command(&configuration, &[]);
    // of root nothing is kept away
    if fs::metadata("/proc/self").unwrap().uid() == 0 {
        run.uid(NO_ONE);
    }
    let program = Program::run(run).await;
    assert_eq!(limits_of(program.id(), "Max core file size"), ["0", "0"]);
    // the kernel gives what is in the memory of such a process to root (proc(5), PR_SET_DUMPABLE)
    let process = format!("/proc/{}", program.id());
    let owner = |file: &str| fs::metadata(format!("{process}/{file}")).unwrap().uid();
    assert_eq!((owner("mem"), owner("environ")), (0, 0));
    assert_ne!(owner(""), 0, "it is not run by root");
}
