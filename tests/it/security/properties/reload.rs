//! Whatever happens to the files and whenever a reload comes: the rules in force are those of one complete version, and a rule that
//! denies goes only if its name was given up.

use portcullis::app::{Configuration, load_replacement};
use portcullis::config::overrides::Overrides;
use portcullis::judge::Bundle;
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use tempfile::TempDir;

/// The policies of each version that is published. Some lack one that others have.
const VERSIONS: [&[&str]; 5] =
    [&["one", "two"], &["one", "two"], &["one", "two", "three"], &["one"], &["two", "three"]];

/// A volume as Kubernetes mounts it, with a gateway that reads it.
struct Volume {
    folder: TempDir,
    configuration: Configuration,
    in_force: Bundle,
    /// The names that `removed` holds.
    given_up: BTreeSet<&'static str>,
}

/// Takes the steps, one for each byte.
pub(crate) fn holds(steps: &[u8]) {
    let mut volume = Volume::new();
    for step in steps.iter().take(24) {
        volume.take(*step);
    }
}

impl Volume {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        fs::create_dir(folder.path().join("policies")).expect("a folder");
        for (number, names) in VERSIONS.iter().enumerate() {
            let version = folder.path().join(format!("policies/..{number}"));
            fs::create_dir(&version).expect("a folder");
            for name in *names {
                fs::write(version.join(format!("{name}.yaml")), policy(name, number)).expect("a file");
            }
        }
        let broken = folder.path().join("policies/..broken");
        fs::create_dir(&broken).expect("a folder");
        fs::write(broken.join("one.yaml"), policy("one", 0)).expect("a file");
        fs::write(broken.join("two.yaml"), "apiVersion: portcullis/v1\nkind: RequestPol").expect("a file");
        fs::create_dir(folder.path().join("policies/..empty")).expect("a folder");
        publish(folder.path(), "..0");
        for name in ["one", "two", "three"] {
            let link = folder.path().join(format!("policies/{name}.yaml"));
            symlink(format!("..data/{name}.yaml"), link).expect("a link");
        }
        // a volume has a link for each file of the version that is mounted
        fs::remove_file(folder.path().join("policies/three.yaml")).expect("a link");
        let mut this_given_up = BTreeSet::new();
        configure(folder.path(), &mut this_given_up, None);
        let file = folder.path().join("gateway.yaml");
        let configuration = Configuration::load(Some(&file), &Overrides::default()).expect("a configuration");
        let in_force = portcullis::app::compile_tested_policies(&configuration).expect("policies").bundle;
        Self { folder, configuration, in_force, given_up: this_given_up }
    }

    fn take(&mut self, step: u8) {
        let root = self.folder.path().to_owned();
        match step % 14 {
            number @ 0..5 => mount(&root, &format!("..{number}")),
            5 => mount(&root, "..broken"),
            6 => mount(&root, "..empty"),
            7 => configure(&root, &mut self.given_up, Some("one")),
            8 => configure(&root, &mut self.given_up, Some("three")),
            9 => configure(&root, &mut self.given_up, None),
            10 => self.reload_while_versions_change(),
            _ => self.reload(),
        }
    }

    fn reload(&mut self) {
        let before = names(&self.in_force);
        if let Ok(bundle) = load_replacement(&self.configuration, &self.in_force) {
            let lost: BTreeSet<_> = before.difference(&names(&bundle)).cloned().collect();
            assert!(lost.iter().all(|name| self.given_up.contains(name.as_str())), "lost {lost:?}");
            self.in_force = bundle;
        }
        self.assert_one_version();
    }

    fn reload_while_versions_change(&mut self) {
        let root = self.folder.path().to_owned();
        mount(&root, "..0");
        let stop = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    // both have the same files, so that the links need no change
                    publish(&root, "..1");
                    publish(&root, "..0");
                }
            });
            self.reload();
            stop.store(true, Ordering::Relaxed);
        });
    }

    fn assert_one_version(&self) {
        let rules = self.in_force.policies.all();
        let versions: BTreeSet<&str> = rules.iter().map(|rule| rule.validations[0].message.as_ref()).collect();
        assert_eq!(versions.len(), 1, "rules of several versions are in force: {versions:?}");
        let number: usize = versions.first().and_then(|version| version.parse().ok()).expect("a version");
        let complete: BTreeSet<String> = VERSIONS[number].iter().map(|name| (*name).to_owned()).collect();
        assert_eq!(names(&self.in_force), complete, "a part of version {number} is in force");
    }
}

fn names(bundle: &Bundle) -> BTreeSet<String> {
    bundle.policies.all().iter().map(|policy| policy.name.to_string()).collect()
}

/// Swaps the one link by which all files of a volume change at once.
fn publish(root: &Path, version: &str) {
    let (new, data) = (root.join("policies/..new"), root.join("policies/..data"));
    let _ = fs::remove_file(&new);
    symlink(version, &new).expect("a link");
    fs::rename(&new, &data).expect("a link");
}

/// As [`publish`], with links to the files of this version alone.
fn mount(root: &Path, version: &str) {
    publish(root, version);
    for name in ["one", "two", "three"] {
        let file = format!("{name}.yaml");
        let link = root.join("policies").join(&file);
        let _ = fs::remove_file(&link);
        if root.join("policies").join(version).join(&file).exists() {
            symlink(format!("..data/{file}"), link).expect("a link");
        }
    }
}

/// Writes the configuration, which gives up the name, or none.
fn configure(root: &Path, given_up: &mut BTreeSet<&'static str>, name: Option<&'static str>) {
    given_up.clear();
    given_up.extend(name);
    let removed = name.unwrap_or_default();
    let text = format!(
        "apiVersion: portcullis/v1\nkind: Gateway\nupstream: {{ url: https://a.example }}\n\
         policies: [policies]\nremoved: [{removed}]\n"
    );
    fs::write(root.join("gateway.yaml"), text).expect("a file");
}

fn policy(name: &str, version: usize) -> String {
    format!(
        "apiVersion: portcullis/v1\nkind: RequestPolicy\nmetadata: {{ name: {name} }}\nspec:\n  \
         match: {{ operations: [UpdateUser] }}\n  \
         validations: [{{ expression: body.first_name != 'x', message: '{version}' }}]\n  actions: [Deny]\n"
    )
}
