//! `portcullis contract import`: on small specs with every construct, and on Clerk's own where they are at hand.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

/// The folder with Clerk's own specs.
const SPECS: &str = "PORTCULLIS_OPENAPI";

/// The day of the specs that the committed files were made from.
const DAY: &str = "2026-08-14";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/contract")
}

fn import_with(flags: &[&str], specs: &[PathBuf], out: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
    command.args(["contract", "import"]).args(flags).args(specs).arg("--out").arg(out).env_clear();
    command.output().unwrap()
}

/// The small specs have none of Clerk's operations.
fn import(specs: &[PathBuf], out: &Path) -> Output {
    import_with(&["--accept-removed", "--date", DAY], specs, out)
}

fn errors(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(3));
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn imported(specs: &[PathBuf]) -> TempDir {
    let out = tempfile::tempdir().unwrap();
    let output = import(specs, out.path());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    out
}

/// Both folders' files of these names say the same, byte for byte.
fn assert_same(one: &Path, other: &Path, names: &[String]) {
    for name in names {
        let (one, other) = (fs::read_to_string(one.join(name)), fs::read_to_string(other.join(name)));
        assert!(one.unwrap() == other.unwrap(), "{name} differs; see it with `portcullis contract import`");
    }
}

#[test]
fn every_construct_is_translated_as_the_golden_files_say() {
    let specs = ["openapi-3.0.yaml", "openapi-3.1.json"].map(|name| folder().join("specs").join(name));
    let out = imported(&specs);
    assert_same(out.path(), &folder().join("golden"), &["2030-01-02.json".into(), "2031-01-02.json".into()]);
    for name in ["2030-01-02.json", "2031-01-02.json"] {
        assert!(!fs::read_to_string(out.path().join(name)).unwrap().contains("Prose"), "{name} copies prose");
    }
    let again = imported(&specs);
    assert_same(out.path(), again.path(), &["2030-01-02.json".into(), "2031-01-02.json".into()]);
}

#[test]
fn a_file_names_the_bytes_and_the_day_of_its_spec() {
    let spec = folder().join("specs/openapi-3.0.yaml");
    let source = |spec: &Path, flags: &[&str]| {
        let out = tempfile::tempdir().unwrap();
        let output = import_with(flags, &[spec.to_owned()], out.path());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let text = fs::read_to_string(out.path().join("2030-01-02.json")).unwrap();
        let file: serde_json::Value = serde_json::from_str(&text).unwrap();
        file["source"].clone()
    };
    let flags = ["--accept-removed", "--date", DAY];
    let bytes = fs::read(&spec).unwrap();
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, &bytes);
    let digest: String = digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(source(&spec, &flags), serde_json::json!({ "sha256": digest, "date": DAY }));
    // one comment more is another spec
    let copies = tempfile::tempdir().unwrap();
    let copy = copies.path().join("spec.yaml");
    fs::write(&copy, [b"# a comment\n", bytes.as_slice()].concat()).unwrap();
    assert_ne!(source(&copy, &flags)["sha256"], digest);
    // without `--date` the day of the last change counts
    let changed = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_767_225_599);
    fs::File::options().append(true).open(&copy).unwrap().set_modified(changed).unwrap();
    assert_eq!(source(&copy, &["--accept-removed"])["date"], "2025-12-31");
    for day in ["2026-02-30", "today", "20260814", "2026-08-14T00:00"] {
        let output = import_with(&["--date", day], std::slice::from_ref(&spec), copies.path());
        assert_eq!(output.status.code(), Some(2), "{day}");
    }
}

#[test]
fn what_cannot_be_translated_is_told_with_its_place_and_nothing_is_written() {
    let out = tempfile::tempdir().unwrap();
    let specs = ["openapi-3.0.yaml", "broken.yaml"].map(|name| folder().join("specs").join(name));
    let output = import(&specs, out.path());
    assert_eq!(output.status.code(), Some(3));
    assert_eq!(fs::read_dir(out.path()).unwrap().count(), 0, "something was written");
    let said = String::from_utf8(output.stderr).unwrap();
    let place = |line: &str| line.rsplit_once("broken.yaml:").map(|(_, place)| place.to_owned());
    let mut told = Vec::new();
    let mut message = "";
    for line in said.lines() {
        message = line.strip_prefix("error: ").unwrap_or(message);
        told.extend(place(line).map(|place| format!("{place}: {message}")));
    }
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn two_specs_of_one_version_are_refused() {
    let out = tempfile::tempdir().unwrap();
    let spec = folder().join("specs/openapi-3.0.yaml");
    let output = import(&[spec.clone(), spec], out.path());
    assert_eq!(output.status.code(), Some(3));
    assert!(String::from_utf8(output.stderr).unwrap().contains("another spec is for `2030-01-02`, too"));
}

#[test]
fn a_spec_for_another_path_needs_a_base() {
    let out = tempfile::tempdir().unwrap();
    let text = fs::read_to_string(folder().join("specs/openapi-3.0.yaml")).unwrap();
    let file = out.path().join("spec.yaml");
    for server in ["https://api.example.com", "https://api.example.com/v2", "/", "v1", "https://api.example.com/api/v1"]
    {
        fs::write(&file, text.replace("https://api.example.com/v1/", server)).unwrap();
        let output = import(std::slice::from_ref(&file), &out.path().join("contract"));
        assert!(errors(&output).contains("the path of the server must be `/v1`"), "{server}");
    }
    let output =
        import_with(&["--accept-removed", "--date", DAY, "--base", "/v1"], &[file], &out.path().join("contract"));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    // but for the source: it is another spec
    let without_source = |folder: &Path| {
        let text = fs::read_to_string(folder.join("2030-01-02.json")).unwrap();
        text.lines().filter(|line| !line.starts_with("\"source\"")).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(without_source(&out.path().join("contract")), without_source(&folder().join("golden")));
}

#[test]
fn what_the_built_in_contract_has_may_not_be_lost_unnoticed() {
    let out = tempfile::tempdir().unwrap();
    let output = import_with(&[], &[folder().join("specs/openapi-3.0.yaml")], out.path());
    let errors = errors(&output);
    for lost in ["`UpdateUser`, PATCH /v1/users/{user_id}", "`CreateUser`, POST /v1/users", "add `--accept-removed`"] {
        assert!(errors.contains(lost), "{lost} is not in\n{errors}");
    }
    assert_eq!(fs::read_dir(out.path()).unwrap().count(), 0, "something was written");
}

#[test]
fn a_spec_of_another_api_is_a_family() {
    let out = tempfile::tempdir().unwrap();
    let (file, folder) = (out.path().join("spec.yaml"), out.path().join("contract"));
    fs::write(&file, spec("/things", "ListThings").replace("2030-01-02", "BETA")).unwrap();
    let import = |flags: &[&str]| import_with(flags, std::slice::from_ref(&file), &folder);
    assert!(errors(&import(&[])).contains("for another API, name its `--family`"));
    for family in
        ["Platform", "plat form", "../platform", "platform/..", "", "a-family-with-a-name-of-40-letters-and-more"]
    {
        let errors = errors(&import(&["--family", family]));
        assert!(errors.contains("`--family` and `info.version` must be words"), "{family}: {errors}");
    }
    let lost = errors(&import(&["--family", "platform"]));
    assert!(lost.contains("`PlatformCreateInstanceUser`, POST /v1/platform"), "{lost}");
    assert!(!lost.contains("`CreateUser`"), "compared with its own family only: {lost}");
    assert!(!folder.exists(), "something was written");
    for (flags, name) in [
        (&["--family", "platform", "--accept-removed"][..], "platform-beta.json"),
        (&["--family", "other"], "other-beta.json"),
    ] {
        let output = import(flags);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert!(fs::read_to_string(folder.join(name)).unwrap().contains("ListThings"), "{name}");
    }
}

#[test]
fn paths_and_ids_are_plain() {
    let out = tempfile::tempdir().unwrap();
    let file = out.path().join("spec.yaml");
    for path in ["/Things", "/things/", "/th%69ngs", "/things;v=1", "/th\u{456}ngs", "/a/../things", "/{a b}"] {
        fs::write(&file, spec(path, "ListThings")).unwrap();
        let output = import(std::slice::from_ref(&file), &out.path().join("contract"));
        assert!(errors(&output).contains("a path must be plain"), "{path}: {}", errors(&output));
    }
    for id in ["List\\e[2JThings", "List\u{422}hings", "List Things", "_x"] {
        fs::write(&file, spec("/things", id)).unwrap();
        let output = import(std::slice::from_ref(&file), &out.path().join("contract"));
        assert!(errors(&output).contains("an operation id must have letters"), "{id}: {}", errors(&output));
    }
}

/// In a time that is linear in their number: each used to cost a search of the whole file.
#[test]
fn many_mistakes_on_one_line_are_listed_in_bounded_work() {
    let out = tempfile::tempdir().unwrap();
    let file = out.path().join("spec.json");
    let paths =
        (0..20_000).map(|at| format!(r#""/a{at}": {{"get": {{"operationId": "bad {at}", "responses": {{}}}}}}"#));
    let paths = paths.collect::<Vec<_>>().join(", ");
    let head = r#"{"openapi": "3.1.0", "info": {"version": "2030-01-02"}, "servers": [{"url": "/v1"}], "paths": {"#;
    fs::write(&file, format!("{head}{paths}}}}}")).unwrap();
    let errors = errors(&import(std::slice::from_ref(&file), &out.path().join("contract")));
    assert_eq!(errors.matches("an operation id must have letters").count(), 200);
    assert!(errors.contains("19800 more errors like these"), "{errors:.2000}");
    assert!(errors.lines().all(|line| line.len() < 400), "a part of the line is shown");
}

/// A spec of one operation.
fn spec(path: &str, id: &str) -> String {
    format!(
        "openapi: 3.1.0\ninfo: {{ version: '2030-01-02' }}\nservers: [{{ url: /v1 }}]\npaths:\n  \"{path}\": {{ get: {{ \
         operationId: \"{id}\", responses: {{}} }} }}\n"
    )
}

/// Clerk's specs are not part of this repository.
#[test]
fn clerks_own_specs_become_the_committed_files() {
    let Some(specs) = std::env::var_os(SPECS) else {
        eprintln!("skipped: {SPECS} does not name the folder with Clerk's specs");
        return;
    };
    let specs = |prefix: &str| {
        let files = fs::read_dir(&specs).unwrap().map(|entry| entry.unwrap().path());
        let name = |file: &PathBuf| file.file_name().unwrap().to_string_lossy().starts_with(prefix);
        files.filter(name).collect::<Vec<_>>()
    };
    let out = tempfile::tempdir().unwrap();
    for (flags, specs) in
        [(&["--date", DAY][..], specs("bapi")), (&["--date", DAY, "--family", "platform"], specs("platform"))]
    {
        let output = import_with(flags, &specs, out.path());
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let names = fs::read_dir(out.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let names: Vec<_> = names.collect();
    assert!(names.len() >= 7, "{names:?}");
    assert_same(out.path(), &Path::new(env!("CARGO_MANIFEST_DIR")).join("policies/contract/clerk"), &names);
}
