//! Rules about the source tree itself, so that nobody has to remember them in a review.

use crate::support::source::{Source, around, breaches, every_line, files, has_word, hold, is_of_a_word, src};

/// The log writers, whose business the standard streams are.
const WRITERS: [&str; 3] =
    ["src/telemetry/logs/access_log.rs", "src/telemetry/logs/application_log.rs", "src/telemetry/otlp/console.rs"];

const LONGEST_FILE: usize = 400;

#[test]
fn only_cli_prints() {
    let prints = |file: &Source, line: &str| {
        let macros = ["print!", "println!", "eprint!", "eprintln!"];
        let streams = ["stdout()", "stderr()", "io::stdout", "io::stderr"];
        // names the place that the access log goes to; writes nothing
        let line = line.replace("Output::stdout()", "");
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

/// A configuration that is made elsewhere could resume sessions, whose certificates are not verified anew.
#[test]
fn there_is_one_tls_client() {
    let makes = |file: &Source, line: &str| {
        let constructors = ["ClientConfig::builder", "with_platform_verifier", "dangerous()"];
        file.path != "src/transport/tls_client.rs" && constructors.iter().any(|constructor| line.contains(constructor))
    };
    hold("use `transport::tls_client`", &breaches(&src(), Source::product, makes));
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
        words.iter().any(|word| has_word(line, word)) || macros.iter().any(|called| line.contains(called))
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
