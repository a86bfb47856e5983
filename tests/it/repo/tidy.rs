//! Rules about the source tree itself, so that nobody has to remember them in a review.

use crate::support::source::{Line, Source, files, src};

/// What every module may know.
const SHARED: [&str; 6] = ["reason", "outcome", "secret", "diagnostic", "suggest", "peer"];

/// What each module may know besides, from the top down: each what is below it. `config` stands aside, because those who
/// read it are above the pure modules; `manifest` is how files are read.
const MAY_IMPORT: [(&str, &[&str]); 29] = [
    ("main", &[]),
    ("lib", &[]),
    (
        "cli",
        &[
            "admin",
            "server",
            "gateway",
            "upstream",
            "telemetry",
            "rollout",
            "decision_log",
            "policy_test",
            "judge",
            "policy",
            "contract",
            "document",
            "redact",
            "config",
            "manifest",
            "selftest",
            "sandbox",
            "head",
            "cel",
        ],
    ),
    (
        "admin",
        &[
            "server",
            "gateway",
            "upstream",
            "telemetry",
            "decision_log",
            "judge",
            "policy",
            "contract",
            "document",
            "redact",
            "config",
        ],
    ),
    (
        "server",
        &[
            "gateway",
            "upstream",
            "telemetry",
            "decision_log",
            "judge",
            "policy",
            "contract",
            "document",
            "redact",
            "config",
            "transport",
            "head",
        ],
    ),
    (
        "gateway",
        &[
            "upstream",
            "telemetry",
            "decision_log",
            "judge",
            "head",
            "cel",
            "policy",
            "contract",
            "document",
            "redact",
            "config",
        ],
    ),
    ("upstream", &["telemetry", "judge", "policy", "contract", "document", "redact", "config", "transport"]),
    ("transport", &[]),
    ("telemetry", &["decision_log", "judge", "policy", "contract", "document", "redact", "config"]),
    ("rollout", &["cel", "decision_log", "judge", "policy", "contract", "redact"]),
    ("decision_log", &["cel", "judge", "policy", "contract", "document", "redact"]),
    ("policy_test", &["judge", "policy", "contract", "document", "redact", "manifest"]),
    ("judge", &["cel", "policy", "contract", "document", "redact", "manifest"]),
    ("policy", &["cel", "contract", "document", "redact", "manifest"]),
    ("contract", &["document", "redact", "manifest"]),
    ("document", &["redact"]),
    ("redact", &[]),
    ("config", &["contract", "redact", "manifest"]),
    ("selftest", &[]),
    ("manifest", &[]),
    ("reason", &[]),
    ("outcome", &[]),
    ("secret", &[]),
    ("diagnostic", &[]),
    ("suggest", &[]),
    ("peer", &[]),
    ("head", &[]),
    ("sandbox", &[]),
    ("cel", &["policy", "contract", "document", "redact", "manifest"]),
];

/// The modules that decide, which do nothing else: same input, same output.
const PURE: [&str; 8] =
    ["policy_test", "rollout", "decision_log", "judge", "policy", "document", "contract", "manifest"];

/// The log writers, whose business the standard streams are.
const WRITERS: [&str; 3] =
    ["src/telemetry/access_log/mod.rs", "src/telemetry/application_log.rs", "src/telemetry/otlp/console.rs"];

const LONGEST_FILE: usize = 400;

/// Fails with every breach, each with its place.
fn hold(rule: &str, breaches: &[String]) {
    assert!(breaches.is_empty(), "{rule}:\n{}", breaches.join("\n"));
}

fn breach(file: &Source, line: &Line<'_>) -> String {
    format!("{}:{}: {}", file.path, line.number, line.text.trim())
}

/// Every line of `files` for which `lines` and `is_breach` say so.
fn breaches<'a>(
    files: impl IntoIterator<Item = &'a Source>,
    lines: fn(&'a Source) -> Vec<Line<'a>>,
    is_breach: impl Fn(&Source, &str) -> bool,
) -> Vec<String> {
    let of_file = |file: &'a Source| {
        let broken = lines(file).into_iter().filter(|line| is_breach(file, line.text));
        broken.map(|line| breach(file, &line)).collect::<Vec<_>>()
    };
    files.into_iter().flat_map(of_file).collect()
}

/// Whether `text` holds the identifier, or one that begins with it and an underscore, as `hyper_util` does with `hyper`.
fn names(text: &str, identifier: &str) -> bool {
    around(text, identifier).any(|(before, after)| {
        !before.ends_with(is_of_a_word) && (after.starts_with('_') || !after.starts_with(is_of_a_word))
    })
}

fn is_of_a_word(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

/// What is before and after `part`, for each place where it is in `text`.
fn around<'t>(text: &'t str, part: &str) -> impl Iterator<Item = (&'t str, &'t str)> {
    text.match_indices(part).map(|(at, found)| (text.split_at(at).0, text.split_at(at + found.len()).1))
}

/// The modules that `line` names by `crate::`; an empty name for a group of them.
fn imports(line: &str) -> impl Iterator<Item = &str> {
    around(line, "crate::").map(|(_, after)| after.split(|letter| !is_of_a_word(letter)).next().unwrap_or_default())
}

fn may_import(module: &str, target: &str) -> bool {
    let (_, below) = MAY_IMPORT.iter().find(|(name, _)| *name == module).expect("a module that the table knows");
    module == target || below.contains(&target) || SHARED.contains(&target) && !SHARED.contains(&module)
}

#[test]
fn every_module_is_in_the_table_of_imports() {
    let unknown = |file: &&Source| !MAY_IMPORT.iter().any(|(name, _)| *name == file.module());
    let unknown = src().iter().filter(unknown).map(|file| file.path.clone()).collect::<Vec<_>>();
    hold("say in `MAY_IMPORT` what the module may know", &unknown);
}

#[test]
fn imports_go_downward_only() {
    let upward = |file: &Source, line: &str| imports(line).any(|target| !may_import(file.module(), target));
    hold("a module knows only what is below it", &breaches(&src(), Source::code, upward));
}

/// `super` from the top of a module leads to the crate, past the table above.
#[test]
fn another_module_is_named_by_crate_and_not_by_super() {
    let out = |file: &Source, line: &str| {
        let inside = file.path.trim_start_matches("src/").trim_end_matches("/mod.rs").trim_end_matches(".rs");
        line.contains(&"super::".repeat(inside.split('/').count()))
    };
    hold("name another module by `crate::`", &breaches(&src(), Source::product, out));
}

#[test]
fn the_pure_modules_touch_nothing() {
    let impure = |file: &Source, line: &str| {
        let crates = ["hyper", "tower", "tokio", "opentelemetry"];
        let world = ["std::fs", "std::env", "TcpStream", "UdpSocket", "Instant::now", "SystemTime::now", "async fn"];
        // `std::{fs, io}` says the same in other words
        let grouped = line.trim_start().starts_with("use std::{");
        PURE.contains(&file.module())
            && (grouped || crates.iter().chain(&world).any(|forbidden| names(line, forbidden)))
    };
    hold("no I/O, no clock, no runtime in a pure module", &breaches(&src(), Source::product, impure));
}

#[test]
fn only_telemetry_knows_opentelemetry() {
    let knows = |file: &Source, line: &str| file.module() != "telemetry" && names(line, "opentelemetry");
    hold("only telemetry knows opentelemetry", &breaches(&src(), Source::code, knows));
}

#[test]
fn only_cli_prints() {
    let prints = |file: &Source, line: &str| {
        let macros = ["print!", "println!", "eprint!", "eprintln!"];
        let streams = ["stdout()", "stderr()", "io::stdout", "io::stderr"];
        file.module() != "cli"
            && !WRITERS.contains(&file.path.as_str())
            && macros.iter().chain(&streams).any(|word| line.contains(word))
    };
    hold("only cli prints", &breaches(&src(), Source::product, prints));
}

/// What derives `Debug` shows all that it holds, and what it holds may change.
#[test]
fn nothing_is_logged_by_its_debug_form() {
    let debug = |_: &Source, line: &str| {
        line.contains(" = ?")
            || line.contains("tracing::") && ["(?", " ?", ":?}"].iter().any(|form| line.contains(form))
    };
    hold("log words of a closed list, numbers and names of ours", &breaches(&src(), Source::product, debug));
}

#[test]
fn lints_are_excused_by_expect_with_a_reason_only() {
    let allows = |_: &Source, line: &str| ["#[allow(", "#![allow("].iter().any(|attribute| line.contains(attribute));
    hold("use `#[expect(lint, reason = \"...\")]`", &breaches(&src(), Source::code, allows));
}

#[test]
fn no_file_is_long() {
    let long = src().into_iter().filter(|file| file.text.lines().count() > LONGEST_FILE);
    hold("a file this long holds two concepts", &long.map(|file| file.path).collect::<Vec<_>>());
}

#[test]
fn every_file_says_what_it_is_for() {
    let silent = src().into_iter().filter(|file| !file.text.starts_with("//! "));
    hold("begin the file with a line of `//!`", &silent.map(|file| file.path).collect::<Vec<_>>());
}

#[test]
fn nothing_is_left_to_do() {
    let words = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X")];
    let macros = [concat!("dbg", "!("), concat!("todo", "!("), concat!("unimplemented", "!(")];
    let unfinished = |_: &Source, line: &str| {
        words.iter().any(|word| names(line, word)) || macros.iter().any(|called| line.contains(called))
    };
    let places = ["src", "tests", "benches"].map(files).into_iter().flatten().collect::<Vec<_>>();
    hold("finish it, or open an issue", &breaches(&places, every_line, unfinished));
}

/// Nothing here depends on where, or through which mirror, it was written.
#[test]
fn no_file_names_the_machine_it_was_written_on() {
    let folders = ["work", "root", "tmp"].map(|folder| format!("/{folder}"));
    let hosts = [
        concat!("crates", ".io/"),
        concat!("index.crates", ".io"),
        concat!("static.crates", ".io"),
        concat!("npm", "js.org"),
        concat!("npm", "js.com"),
        concat!("yarn", "pkg.com"),
        concat!("py", "pi.org"),
        concat!("python", "hosted.org"),
        concat!("proxy.", "golang.org"),
        concat!("://", "registry"),
        concat!("arti", "factory"),
    ];
    let local = |_: &Source, line: &str| {
        hosts.iter().any(|host| line.contains(host)) || folders.iter().any(|folder| begins_a_path(line, folder))
    };
    hold("no path of a machine, no host of a registry", &breaches(&files(""), every_line, local));
}

/// Whether an absolute path in `line` begins with `folder`; `${dir}/tmp` and `a/tmp` are no such paths.
fn begins_a_path(line: &str, folder: &str) -> bool {
    let is_of_a_name = |letter: char| is_of_a_word(letter) || letter == '-';
    let is_of_a_path = |letter: char| is_of_a_name(letter) || ['.', '}', '/'].contains(&letter);
    around(line, folder).any(|(before, after)| !before.ends_with(is_of_a_path) && !after.starts_with(is_of_a_name))
}

fn every_line(file: &Source) -> Vec<Line<'_>> {
    file.text.lines().enumerate().map(|(index, text)| Line { number: index + 1, text }).collect()
}
