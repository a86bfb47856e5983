//! Finds the policy files that paths name, and the tests beside them.

use crate::diagnostic::Diagnostic;
use std::collections::BTreeSet;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Component, Path, PathBuf};

/// The files that paths name, each once.
#[derive(Debug, Default)]
pub(super) struct PolicyFiles {
    /// Files that hold policies, limits or waivers, in the order in which they are compiled.
    pub(super) policies: Vec<PathBuf>,
    /// The tests beside them.
    pub(super) tests: Vec<PathBuf>,
    /// Other files in policy folders, to be warned of: their author may believe that they are in force.
    pub(super) unread: Vec<PathBuf>,
    /// Files and folders that cannot be read.
    pub(super) errors: Vec<Diagnostic>,
    /// The canonical paths of visited files and folders: symbolic links may lead to them again, or in circles.
    visited: BTreeSet<PathBuf>,
}

/// The policy files of `paths`, with the tests beside them. A file is a policy file, with its `NAME.test.yaml` if there is one.
/// A folder is every `.yaml` and `.yml` in it and below, sorted by name, except hidden entries and the contract:
/// `contract_folder`, and folders called `contract` that contain one.
pub(super) fn find(paths: &[PathBuf], contract_folder: Option<&Path>) -> PolicyFiles {
    let mut found = PolicyFiles::default();
    // as if visited: a contract inside of a policy folder must not be read as policies
    found.visited.extend(contract_folder.and_then(|folder| folder.canonicalize().ok()));
    for path in paths {
        found.visit(&clean(path), true);
    }
    found
}

impl PolicyFiles {
    fn visit(&mut self, path: &Path, is_named: bool) {
        let (kind, real) = match path.metadata().and_then(|about| Ok((about.file_type(), path.canonicalize()?))) {
            Ok(known) => known,
            Err(error) => return self.errors.push(unreadable(path, &error)),
        };
        if kind.is_dir() {
            if (is_named || !is_contract(path)) && self.visited.insert(real) {
                self.add_folder(path);
            }
        } else if !kind.is_file() {
            // reading a pipe would block until its writer closes it
            self.errors.push(Diagnostic::of_file(path, "is neither a file nor a folder"));
        } else if is_named || is_yaml(path) {
            if self.visited.insert(real) {
                self.add(path, is_named);
            }
        } else if !is_for_people(path) {
            self.unread.push(path.to_owned());
        }
    }

    fn add_folder(&mut self, folder: &Path) {
        let entries = fs::read_dir(folder).and_then(|all| all.map(|entry| Ok(entry?.path())).collect());
        let mut entries: Vec<PathBuf> = match entries {
            Ok(entries) => entries,
            Err(error) => return self.errors.push(unreadable(folder, &error)),
        };
        // `read_dir` has no order, and output must be the same on every machine
        entries.sort();
        for entry in entries.iter().filter(|entry| !is_hidden(entry)) {
            self.visit(entry, false);
        }
    }

    fn add(&mut self, file: &Path, is_named: bool) {
        if !is_named && policy_of_test(file).is_some() {
            return self.tests.push(file.to_owned());
        }
        self.policies.push(file.to_owned());
        if is_named {
            let twins = ["test.yaml", "test.yml"].map(|end| file.with_extension(end));
            for twin in twins.into_iter().filter(|twin| twin.is_file()) {
                if twin.canonicalize().is_ok_and(|real| self.visited.insert(real)) {
                    self.tests.push(twin);
                }
            }
        }
    }
}

/// The policy file that the test file `file` is beside: `NAME.yaml` for `NAME.test.yaml`; `None` if it is not a test file.
pub fn policy_of_test(file: &Path) -> Option<PathBuf> {
    let (name, end) = (file.file_stem()?.to_str()?.strip_suffix(".test")?, file.extension()?.to_str()?);
    is_yaml(file).then(|| file.with_file_name(format!("{name}.{end}")))
}

/// The error of a `path` that cannot be read. The common causes have fixed texts, because those of systems differ.
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

/// Kubernetes mounts the files of a volume in hidden folders, beside visible links to them.
fn is_hidden(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."))
}

/// Whether a file beside policies is documentation, a licence or a schema for editors.
fn is_for_people(file: &Path) -> bool {
    let name = file.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    let begins = ["readme", "license"].iter().any(|begin| name.starts_with(begin));
    begins || [".md", ".schema.json"].iter().any(|end| name.ends_with(end))
}

/// Whether a folder is called `contract` and has API versions (`*.json`) in it or in a folder of it.
fn is_contract(folder: &Path) -> bool {
    let entries = |folder: &Path| fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let is_version = |file: &Path| file.extension().is_some_and(|end| end == "json");
    folder.file_name().is_some_and(|name| name == "contract")
        && entries(folder).any(|entry| is_version(&entry) || entries(&entry).any(|inner| is_version(&inner)))
}

/// `path` without `..`, for error messages; unchanged if symbolic links make that another place.
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
    use super::{PolicyFiles, find};
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

    fn files(folder: &Path, paths: &[&str]) -> PolicyFiles {
        find(&paths.iter().map(|path| folder.join(path)).collect::<Vec<_>>(), None)
    }

    #[test]
    fn every_file_of_a_folder_is_read_or_reported() {
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
        let found = files(folder.path(), &["p"]);
        let p = folder.path().join("p");
        assert_eq!(names(&p, &found.policies), ["a.yaml", "c.YAML", "old/contract/f.yaml", "team/d.Yml"]);
        assert_eq!(names(&p, &found.tests), ["a.test.yaml"]);
        assert_eq!(names(&p, &found.unread), ["b.json", "notes.txt"]);
        assert!(found.errors.is_empty());
    }

    #[test]
    fn a_file_is_found_once() {
        let folder = with(&["p/a.yaml", "p/a.test.yaml", "p/q/b.yaml"]);
        let found = files(folder.path(), &["p/a.yaml", "p", "p/q/../a.yaml", "p/q"]);
        assert_eq!(names(folder.path(), &found.policies), ["p/a.yaml", "p/q/b.yaml"]);
        assert_eq!(names(folder.path(), &found.tests), ["p/a.test.yaml"]);
    }

    #[test]
    fn links_are_followed_but_not_in_circles() {
        let folder = with(&["p/..2026/a.yaml", "elsewhere/b.yaml"]);
        let p = folder.path().join("p");
        symlink("..2026", p.join("..data")).unwrap();
        symlink("..data/a.yaml", p.join("a.yaml")).unwrap();
        symlink("../elsewhere", p.join("team")).unwrap();
        symlink("..", folder.path().join("elsewhere/up")).unwrap();
        let found = files(folder.path(), &["p"]);
        assert_eq!(names(&p, &found.policies), ["a.yaml", "team/b.yaml"]);
        symlink("nowhere", p.join("z.yaml")).unwrap();
        assert!(files(folder.path(), &["p"]).errors[0].message.ends_with("there is no such file or folder"));
    }

    #[test]
    fn a_socket_or_pipe_is_an_error() {
        let folder = with(&["p/a.yaml"]);
        let _listener = std::os::unix::net::UnixListener::bind(folder.path().join("p/b.yaml")).unwrap();
        for paths in [&["p"][..], &["p/b.yaml"]] {
            let found = files(folder.path(), paths);
            assert_eq!(found.errors[0].message, "is neither a file nor a folder");
        }
    }

    #[test]
    fn the_contract_folder_has_no_policies() {
        let folder = with(&["p/a.yaml", "p/bapi/overlay.yaml"]);
        let found = find(&[folder.path().join("p")], Some(&folder.path().join("p/bapi")));
        assert_eq!(names(folder.path(), &found.policies), ["p/a.yaml"]);
    }

    #[test]
    fn paths_are_shown_without_dot_dot() {
        let folder = with(&["config/gateway.yaml", "p/a.yaml"]);
        let found = files(folder.path(), &["config/../p"]);
        assert_eq!(names(folder.path(), &found.policies), ["p/a.yaml"]);
    }
}
