//! The Dockerfile, and what it is built from.

use super::{document, root, text};
use crate::support::source::{around, src};
use std::path::{Component, Path, PathBuf};

/// The value of the last instruction with this name in the Dockerfile, its continuation lines joined.
pub(super) fn instruction(name: &str) -> String {
    let joined = text("Dockerfile").replace("\\\n", " ");
    let mut values = joined.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    values.next_back().unwrap_or_else(|| panic!("no {name}")).to_owned()
}

/// The words of an instruction in its JSON form.
pub(super) fn words(instruction: &str) -> Vec<String> {
    let list = instruction.split_at(instruction.find('[').expect("a list")).1;
    serde_json::from_str(list).expect("words")
}

/// Where the image has its configuration.
pub(super) fn configuration_file() -> PathBuf {
    instruction("ENV").strip_prefix("PORTCULLIS_CONFIG=").expect("the variable").into()
}

/// `path` without `..`, which it has after other components only.
pub(super) fn resolve(path: &Path) -> PathBuf {
    let mut resolved = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir => assert!(resolved.pop(), "{}", path.display()),
            other => resolved.push(other),
        }
    }
    resolved
}

/// The files that the compiler reads besides the modules of `src`, and those that cargo requires of targets.
fn read_by_a_build() -> Vec<PathBuf> {
    let mut found = vec![PathBuf::from("Cargo.toml"), "Cargo.lock".into()];
    for file in src() {
        for (_, after) in around(&file.text, "include_str!(\"") {
            let path = after.split('"').next().unwrap();
            found.push(resolve(&Path::new(&file.path).parent().unwrap().join(path)));
        }
    }
    let manifest = text("Cargo.toml");
    for (_, after) in around(&manifest, "[[bench]]\nname = \"") {
        found.push(format!("benches/{}.rs", after.split('"').next().unwrap()).into());
    }
    found.push("tests/it/main.rs".into());
    found
}

#[test]
fn the_build_context_has_what_a_build_reads() {
    let ignored = text(".dockerignore");
    assert!(ignored.lines().any(|line| line == "*"));
    let kept: Vec<_> = ignored.lines().filter_map(|line| line.strip_prefix('!')).collect();
    let is_kept = |path: &Path| {
        kept.iter().any(|pattern| match pattern.split_once('*') {
            Some((folder, end)) => path.starts_with(folder) && path.to_string_lossy().ends_with(end),
            None => path.starts_with(pattern),
        })
    };
    let read = read_by_a_build();
    assert!(read.len() > 12, "the files were not found");
    for path in &read {
        assert!(root().join(path).exists() && is_kept(path), ".dockerignore keeps out {}", path.display());
    }
    for pattern in kept {
        let folder = pattern.split('*').next().unwrap();
        assert!(root().join(folder).exists(), ".dockerignore: there is no {pattern}");
        let is_read = read.iter().any(|path| path.starts_with(folder)) || folder == "src";
        assert!(is_read, ".dockerignore: no build reads {pattern}");
    }
}

#[test]
fn the_image_is_built_by_the_oldest_supported_compiler() {
    let manifest = text("Cargo.toml");
    let version = manifest.split("rust-version = \"").nth(1).unwrap().split('"').next().unwrap();
    assert!(text("Dockerfile").contains(&format!("ARG BUILD_IMAGE=docker.io/library/rust:{version}-bookworm\n")));
    assert!(text(".github/workflows/ci.yml").contains(&format!("cargo +{version} check --locked --all-targets\n")));
    assert!(text(".ci/release").contains(&format!("cargo +{version} check --locked --all-targets\n")));
    // the same release of Debian: its C library must not be older than the one that the program is linked to
    assert!(text("Dockerfile").contains("ARG BASE_IMAGE=gcr.io/distroless/cc-debian12:nonroot\n"));
}

#[test]
fn the_image_runs_the_program_as_a_user_without_rights() {
    assert_eq!(instruction("USER"), "65532:65532");
    let program = words(&instruction("ENTRYPOINT"));
    assert_eq!(program, ["/usr/local/bin/portcullis"]);
    assert_eq!(words(&instruction("CMD")), ["run"]);
    assert_eq!(words(&instruction("HEALTHCHECK")), [&program[0], "health", "--ready"]);
}

#[test]
fn the_image_exposes_the_ports_of_the_sidecar() {
    let gateway = document("config/kubernetes/sidecar/gateway.yaml");
    let port = |address: &serde_json::Value| address.as_str().unwrap().rsplit(':').next().unwrap().to_owned();
    let ports = format!("{} {}", port(&gateway["listen"]), port(&gateway["admin"]["listen"]));
    assert_eq!(instruction("EXPOSE"), ports);
}
