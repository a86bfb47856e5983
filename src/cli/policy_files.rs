//! Finds the files of policies that paths name, and the tests beside them.

use crate::diagnostic::Diagnostic;
use std::collections::BTreeSet;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Component, Path, PathBuf};

/// The files that paths name, each once.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Policies.
    pub(super) policies: Vec<PathBuf>,
    /// The tests beside them.
    pub(super) tests: Vec<PathBuf>,
    /// What is in a folder of policies and by its name none: nobody should believe that it is in force.
    pub(super) unread: Vec<PathBuf>,
    /// What cannot be looked at.
    pub(super) mistakes: Vec<Diagnostic>,
    /// Files and folders that were met, by where they really are: links may lead to them again, and around in circles.
    met: BTreeSet<PathBuf>,
}

/// The policy files of `paths`, with the tests beside them: a file is itself, and the `NAME.test.yaml` of a `NAME.yaml`; a
/// folder is every `.yaml` and `.yml` in it and in its folders, by name, but for what is hidden (as what Kubernetes mounts
/// beside its links is) and for the contract: `contract_folder`, and folders called `contract` that hold one.
pub(super) fn find(paths: &[PathBuf], contract_folder: Option<&Path>) -> Found {
    let mut found = Found::default();
    found.met.extend(contract_folder.and_then(|folder| folder.canonicalize().ok()));
    for path in paths {
        found.take(&clean(path), true);
    }
    found
}

impl Found {
    fn take(&mut self, path: &Path, is_named: bool) {
        let (kind, real) = match path.metadata().and_then(|about| Ok((about.file_type(), path.canonicalize()?))) {
            Ok(known) => known,
            Err(error) => return self.mistakes.push(unreadable(path, &error)),
        };
        if kind.is_dir() {
            if (is_named || !is_contract(path)) && self.met.insert(real) {
                self.take_all_in(path);
            }
        } else if !kind.is_file() {
            // to read a pipe would wait for whoever writes it
            self.mistakes.push(Diagnostic::of_file(path, "is neither a file nor a folder"));
        } else if is_named || is_yaml(path) {
            if self.met.insert(real) {
                self.add(path, is_named);
            }
        } else if !is_for_people(path) {
            self.unread.push(path.to_owned());
        }
    }

    fn take_all_in(&mut self, folder: &Path) {
        let entries = fs::read_dir(folder).and_then(|all| all.map(|entry| Ok(entry?.path())).collect());
        let mut entries: Vec<PathBuf> = match entries {
            Ok(entries) => entries,
            Err(error) => return self.mistakes.push(unreadable(folder, &error)),
        };
        entries.sort();
        for entry in entries.iter().filter(|entry| !is_hidden(entry)) {
            self.take(entry, false);
        }
    }

    fn add(&mut self, file: &Path, is_named: bool) {
        if !is_named && policy_of(file).is_some() {
            return self.tests.push(file.to_owned());
        }
        self.policies.push(file.to_owned());
        if is_named {
            let twins = ["test.yaml", "test.yml"].map(|end| file.with_extension(end));
            for twin in twins.into_iter().filter(|twin| twin.is_file()) {
                if twin.canonicalize().is_ok_and(|real| self.met.insert(real)) {
                    self.tests.push(twin);
                }
            }
        }
    }
}

/// The policy file that the test file `file` is beside: `NAME.yaml` for `NAME.test.yaml`; none where it is no test file.
pub(super) fn policy_of(file: &Path) -> Option<PathBuf> {
    let (name, end) = (file.file_stem()?.to_str()?.strip_suffix(".test")?, file.extension()?.to_str()?);
    is_yaml(file).then(|| file.with_file_name(format!("{name}.{end}")))
}

/// `path` cannot be read, in words of ours: those of the system differ from one to the next.
pub(super) fn unreadable(path: &Path, error: &io::Error) -> Diagnostic {
    let what = match error.kind() {
        ErrorKind::NotFound => format!("`{}`: there is no such file or folder", path.display()),
        ErrorKind::PermissionDenied => format!("`{}`: this process may not read it", path.display()),
        _ => format!("`{}` cannot be read: {error}", path.display()),
    };
    Diagnostic::of_file(path, what)
}

fn is_yaml(file: &Path) -> bool {
    file.extension().is_some_and(|end| end.eq_ignore_ascii_case("yaml") || end.eq_ignore_ascii_case("yml"))
}

fn is_hidden(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."))
}

/// What lies beside policies and is meant for people and their editors.
fn is_for_people(file: &Path) -> bool {
    let name = file.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    let begins = ["readme", "license"].iter().any(|begin| name.starts_with(begin));
    begins || [".md", ".schema.json"].iter().any(|end| name.ends_with(end))
}

/// Whether a folder is called `contract` and has versions of one (`*.json`) in it, or in a folder in it.
fn is_contract(folder: &Path) -> bool {
    let entries = |folder: &Path| fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let is_version = |file: &Path| file.extension().is_some_and(|end| end == "json");
    folder.file_name().is_some_and(|name| name == "contract")
        && entries(folder).any(|entry| is_version(&entry) || entries(&entry).any(|inner| is_version(&inner)))
}

/// `path` without `..`, where that leads to the same place: so it is shown to people.
fn clean(path: &Path) -> PathBuf {
    let mut clean = PathBuf::new();
    for part in path.components() {
        let goes_back =
            part == Component::ParentDir && matches!(clean.components().next_back(), Some(Component::Normal(_)));
        if goes_back {
            clean.pop();
        } else {
            clean.push(part);
        }
    }
    let is_same = clean.canonicalize().is_ok_and(|one| path.canonicalize().is_ok_and(|other| one == other));
    if is_same { clean } else { path.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::{Found, find};
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::path::{Path, PathBuf};

    fn names(folder: &Path, paths: &[PathBuf]) -> Vec<String> {
        paths.iter().map(|path| path.strip_prefix(folder).unwrap_or(path).display().to_string()).collect()
    }

    fn with(files: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for file in files {
            fs::create_dir_all(folder.path().join(file).parent().unwrap()).unwrap();
            fs::write(folder.path().join(file), "").unwrap();
        }
        folder
    }

    fn found(folder: &Path, paths: &[&str]) -> Found {
        find(&paths.iter().map(|path| folder.join(path)).collect::<Vec<_>>(), None)
    }

    #[test]
    fn nothing_in_a_folder_is_passed_over_in_silence() {
        let folder = with(&[
            "p/a.yaml",
            "p/a.test.yaml",
            "p/b.json",
            "p/c.YAML",
            "p/notes.txt",
            "p/team/d.Yml",
            "p/.a.yaml",
            "p/.git/e.yaml",
            "p/README",
            "p/License.txt",
            "p/x.md",
            "p/policy.schema.json",
            "p/contract/overlay.yaml",
            "p/contract/clerk/1.json",
            "p/old/contract/f.yaml",
        ]);
        let found = found(folder.path(), &["p"]);
        let p = folder.path().join("p");
        assert_eq!(names(&p, &found.policies), ["a.yaml", "c.YAML", "old/contract/f.yaml", "team/d.Yml"]);
        assert_eq!(names(&p, &found.tests), ["a.test.yaml"]);
        assert_eq!(names(&p, &found.unread), ["b.json", "notes.txt"]);
        assert!(found.mistakes.is_empty());
    }

    #[test]
    fn a_file_is_found_once_however_it_is_named() {
        let folder = with(&["p/a.yaml", "p/a.test.yaml", "p/q/b.yaml"]);
        let found = found(folder.path(), &["p/a.yaml", "p", "p/q/../a.yaml", "p/q"]);
        assert_eq!(names(folder.path(), &found.policies), ["p/a.yaml", "p/q/b.yaml"]);
        assert_eq!(names(folder.path(), &found.tests), ["p/a.test.yaml"]);
    }

    #[test]
    fn links_are_followed_as_kubernetes_mounts_them_and_never_in_circles() {
        let folder = with(&["p/..2026/a.yaml", "elsewhere/b.yaml"]);
        let p = folder.path().join("p");
        symlink("..2026", p.join("..data")).unwrap();
        symlink("..data/a.yaml", p.join("a.yaml")).unwrap();
        symlink("../elsewhere", p.join("team")).unwrap();
        symlink("..", folder.path().join("elsewhere/up")).unwrap();
        let found = found(folder.path(), &["p"]);
        assert_eq!(names(&p, &found.policies), ["a.yaml", "team/b.yaml"]);
        symlink("nowhere", p.join("z.yaml")).unwrap();
        assert!(self::found(folder.path(), &["p"]).mistakes[0].message.ends_with("there is no such file or folder"));
    }

    #[test]
    fn what_is_no_file_is_a_mistake_and_nobody_waits_for_it() {
        let folder = with(&["p/a.yaml"]);
        let _listener = std::os::unix::net::UnixListener::bind(folder.path().join("p/b.yaml")).unwrap();
        for paths in [&["p"][..], &["p/b.yaml"]] {
            let found = found(folder.path(), paths);
            assert_eq!(found.mistakes[0].message, "is neither a file nor a folder");
        }
    }

    #[test]
    fn the_folder_of_the_contract_holds_no_policies() {
        let folder = with(&["p/a.yaml", "p/bapi/overlay.yaml"]);
        let found = find(&[folder.path().join("p")], Some(&folder.path().join("p/bapi")));
        assert_eq!(names(folder.path(), &found.policies), ["p/a.yaml"]);
    }

    #[test]
    fn paths_are_shown_without_detours() {
        let folder = with(&["config/gateway.yaml", "p/a.yaml"]);
        let found = found(folder.path(), &["config/../p"]);
        assert_eq!(names(folder.path(), &found.policies), ["p/a.yaml"]);
    }
}
