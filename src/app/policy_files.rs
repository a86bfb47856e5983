//! Finds the policy files that paths name, and the tests beside them.

use crate::diagnostic::Diagnostic;
use crate::files::FileView;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Component, Path, PathBuf};

/// Most entries of a hidden folder that are searched for policies.
const HIDDEN_ENTRIES: usize = 1000;

/// A file, by the name that messages show and by its path without links.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FoundFile {
    /// As the operator names it.
    pub(super) shown: PathBuf,
    /// Where it is read.
    pub(super) real: PathBuf,
}

/// The files that paths name, each once.
#[derive(Debug, Default)]
pub(super) struct PolicyFiles {
    /// Files that hold policies, limits or waivers, in the order in which they are compiled.
    pub(super) policies: Vec<FoundFile>,
    /// The tests beside them.
    pub(super) tests: Vec<FoundFile>,
    /// Other files in policy folders, to be warned of: their author may believe that they are in force.
    pub(super) unread: Vec<FoundFile>,
    /// Hidden files and folders with YAML files that no visible link leads to.
    pub(super) hidden: Vec<PathBuf>,
    /// Files and folders that cannot be read.
    pub(super) errors: Vec<Diagnostic>,
    /// For each named path the policy files that it stands for.
    pub(super) named: Vec<(PathBuf, Vec<PathBuf>)>,
}

/// The policy files of `paths`, with the tests beside them. A file is a policy file, with its `NAME.test.yaml` if there is one.
/// A folder is every `.yaml` and `.yml` in it and below, sorted by name, except hidden entries.
pub(super) fn find(paths: &[PathBuf], view: &FileView) -> PolicyFiles {
    let mut all = PolicyFiles::default();
    // a file that two of the paths lead to is loaded once, under its first name
    let mut names: BTreeMap<PathBuf, PathBuf> = BTreeMap::new();
    for path in paths {
        let path = clean(path);
        let mut search = Search { view, files: PolicyFiles::default(), visited: BTreeSet::new() };
        search.visit(&path, &path, true);
        search.add_unsaved(&path);
        search.find_hidden();
        let PolicyFiles { policies, tests, unread, hidden, errors, .. } = search.files;
        let mut of_path = Vec::new();
        for file in policies {
            let is_new = !names.contains_key(&file.real);
            of_path.push(names.entry(file.real.clone()).or_insert_with(|| file.shown.clone()).clone());
            all.policies.extend(is_new.then_some(file));
        }
        all.tests.extend(tests.into_iter().filter(|test| names.insert(test.real.clone(), PathBuf::new()).is_none()));
        all.unread.extend(unread.into_iter().filter(|file| names.insert(file.real.clone(), PathBuf::new()).is_none()));
        all.hidden.extend(hidden.into_iter().filter(|path| names.insert(path.clone(), PathBuf::new()).is_none()));
        all.errors.extend(errors);
        all.named.push((path, of_path));
    }
    all
}

/// The search of one named path.
struct Search<'v> {
    view: &'v FileView,
    files: PolicyFiles,
    /// The real paths of visited files and folders: symbolic links may lead to them again, or in circles.
    visited: BTreeSet<PathBuf>,
}

impl Search<'_> {
    /// Visits `at`, which messages call `shown`.
    fn visit(&mut self, shown: &Path, at: &Path, is_named: bool) {
        let found = self.view.resolve(at).and_then(|real| Ok((real.metadata()?.file_type(), real)));
        let (kind, real) = match found {
            Ok(found) => found,
            Err(error) => return self.files.errors.push(unreadable(shown, &error)),
        };
        let file = FoundFile { shown: shown.to_owned(), real };
        if kind.is_dir() {
            if self.visited.insert(file.real.clone()) {
                self.add_folder(&file);
            }
        } else if !kind.is_file() {
            // reading a pipe would block until its writer closes it
            self.files.errors.push(Diagnostic::of_file(shown, "is neither a file nor a folder"));
        } else if is_named || is_yaml(shown) {
            if self.visited.insert(file.real.clone()) {
                self.add(file, is_named);
            }
        } else if !is_for_people(shown) {
            self.files.unread.push(file);
        }
    }

    fn add_folder(&mut self, folder: &FoundFile) {
        let names = match names(&folder.real) {
            Ok(names) => names,
            Err(error) => return self.files.errors.push(unreadable(&folder.shown, &error)),
        };
        for name in names {
            let shown = folder.shown.join(&name);
            if !is_hidden(&name) {
                self.visit(&shown, &folder.real.join(&name), false);
            // Kubernetes mounts the files of a volume in folders that begin with two dots, beside visible links to them
            } else if !name.as_encoded_bytes().starts_with(b"..") || !folder.real.join("..data").exists() {
                self.files.hidden.push(shown);
            }
        }
    }

    /// Adds the files below the folder `path` that exist in an editor only.
    fn add_unsaved(&mut self, path: &Path) {
        let Ok(folder) = self.view.resolve(path) else { return };
        let is_new = |file: &&Path| is_yaml(file) && self.view.resolve(file).is_err();
        let below: Vec<_> =
            self.view.unsaved_files().filter(is_new).filter_map(|file| file.strip_prefix(&folder).ok()).collect();
        for rest in below.into_iter().filter(|rest| !rest.components().any(|part| is_hidden(part.as_os_str()))) {
            self.add(FoundFile { shown: path.join(rest), real: folder.join(rest) }, false);
        }
    }

    /// Keeps those hidden entries that have YAML files which were not found otherwise.
    fn find_hidden(&mut self) {
        let mut hidden = std::mem::take(&mut self.files.hidden);
        let mut entries = HIDDEN_ENTRIES;
        hidden.retain(|path| self.has_unvisited(path, &mut entries));
        self.files.hidden = hidden;
    }

    fn has_unvisited(&self, path: &Path, entries: &mut usize) -> bool {
        // a link may lead anywhere, and is only followed where it is visible
        let Ok(about) = path.symlink_metadata() else { return false };
        if *entries == 0 {
            return false;
        }
        *entries -= 1;
        if about.is_dir() {
            return names(path).unwrap_or_default().iter().any(|name| self.has_unvisited(&path.join(name), entries));
        }
        let is_known = || self.view.resolve(path).is_ok_and(|real| self.visited.contains(&real));
        about.is_file() && is_yaml(path) && !is_known()
    }

    fn add(&mut self, file: FoundFile, is_named: bool) {
        if !is_named && policy_of_test(&file.shown).is_some() {
            return self.files.tests.push(file);
        }
        if is_named {
            for end in ["test.yaml", "test.yml"] {
                let shown = file.shown.with_extension(end);
                let Ok(real) = self.view.resolve(&shown) else { continue };
                if real.is_file() && self.visited.insert(real.clone()) {
                    self.files.tests.push(FoundFile { shown, real });
                }
            }
        }
        self.files.policies.push(file);
    }
}

/// The names of the entries of a folder, sorted.
fn names(folder: &Path) -> io::Result<Vec<OsString>> {
    let mut names = fs::read_dir(folder)?.map(|entry| Ok(entry?.file_name())).collect::<io::Result<Vec<_>>>()?;
    // `read_dir` has no order, and output must be the same on every machine
    names.sort();
    Ok(names)
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

fn is_hidden(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(b".")
}

/// Whether a file beside policies is documentation, a licence or a schema for editors.
fn is_for_people(file: &Path) -> bool {
    let name = file.file_name().unwrap_or_default().to_string_lossy().to_ascii_lowercase();
    let begins = ["readme", "license"].iter().any(|begin| name.starts_with(begin));
    begins || [".md", ".schema.json"].iter().any(|end| name.ends_with(end))
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
    use super::{FoundFile, PolicyFiles, find};
    use crate::files::FileView;
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::path::{Path, PathBuf};

    fn names(folder: &Path, files: &[FoundFile]) -> Vec<String> {
        let name = |path: &Path| path.strip_prefix(folder).unwrap_or(path).display().to_string();
        files.iter().map(|file| name(&file.shown)).collect()
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
        find(&paths.iter().map(|path| folder.join(path)).collect::<Vec<PathBuf>>(), &FileView::default())
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
            "p/contract/f.yaml",
            "p/contract/clerk/1.json",
        ]);
        let found = files(folder.path(), &["p"]);
        let p = folder.path().join("p");
        assert_eq!(names(&p, &found.policies), ["a.yaml", "c.YAML", "contract/f.yaml", "team/d.Yml"]);
        assert_eq!(names(&p, &found.tests), ["a.test.yaml"]);
        assert_eq!(names(&p, &found.unread), ["b.json", "contract/clerk/1.json", "notes.txt"]);
        assert_eq!(found.hidden, [p.join(".a.yaml"), p.join(".git")]);
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
    fn each_path_has_its_policies_even_if_another_has_them() {
        let folder = with(&["p/a.yaml", "p/q/b.yaml", "empty/notes.md"]);
        let found = files(folder.path(), &["p", "p/q", "empty"]);
        let counts: Vec<usize> = found.named.iter().map(|(_, files)| files.len()).collect();
        assert_eq!((counts, found.policies.len()), (vec![2, 1, 0], 2));
        assert_eq!(found.named[1].1, [folder.path().join("p/q/b.yaml")]);
    }

    #[test]
    fn paths_are_shown_without_dot_dot() {
        let folder = with(&["config/gateway.yaml", "p/a.yaml"]);
        let found = files(folder.path(), &["config/../p"]);
        assert_eq!(names(folder.path(), &found.policies), ["p/a.yaml"]);
    }
}
