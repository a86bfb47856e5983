//! What pages show of a running gateway.

use super::page::page;
use super::update::settle;
use super::workspace::Workspace;
use crate::support::client::Client;
use crate::support::gateway::patch;
use crate::support::program::Program;
use crate::support::tail::Tail;
use std::fs;

/// Letters of words that change from run to run: ids, times, sizes and versions have digits.
fn stable(text: &str) -> String {
    let mut stable = String::new();
    let mut word = String::new();
    for letter in text.chars().chain(std::iter::once(' ')) {
        if letter.is_ascii_alphanumeric() {
            word.push(letter);
            continue;
        }
        stable.push_str(if word.contains(|letter: char| letter.is_ascii_digit()) { "#" } else { &word });
        word.clear();
        if !letter.is_whitespace() {
            stable.push(letter);
        }
    }
    stable
}

/// The text block of a page that begins with `begin`, and what is below its first line.
fn shown(path: &str, begin: &str) -> (String, String) {
    let blocks = page(path).blocks_of("text");
    let block = blocks.into_iter().find(|block| block.text.starts_with(begin));
    let block = block.unwrap_or_else(|| panic!("{path} has no block `{begin}`"));
    let (first, rest) = block.text.split_once('\n').expect("lines");
    (first.to_owned(), rest.to_owned())
}

/// Compares but for what changes from run to run.
fn settle_stable(path: &str, documented: &str, actual: &str) {
    if stable(documented) != stable(actual) {
        settle(path, documented, actual);
    }
}

/// Breaks lines where JSON or a sentence may be broken.
fn wrap(line: &str) -> String {
    let mut wrapped = String::new();
    let mut length = 0;
    for part in line.split_inclusive([' ', ',']) {
        if length + part.len() > 110 {
            wrapped = wrapped.trim_end().to_owned() + "\n ";
            length = 1;
        }
        wrapped.push_str(part);
        length += part.len();
    }
    wrapped
}

/// A gateway as in the quickstart, on free ports.
async fn quickstart(workspace: &Workspace) -> Program {
    let file = workspace.path().join("config/quickstart.yaml");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace(":8787", ":0").replace(":9465", ":0")).unwrap();
    Program::start(&file, &[]).await
}

#[tokio::test]
async fn the_refusal_and_its_log_line_are_those_of_the_gateway() {
    let workspace = Workspace::new();
    let mut program = quickstart(&workspace).await;
    let mut client = Client::connect(program.listen).await;
    client.send(patch(r#"{"skip_password_checks":true}"#)).await;
    let response = client.answer().await.expect("a response");
    let header = |name: &str| format!("{name}: {}\n", response.header(name).expect("a header"));
    let head = header("content-type") + &header("portcullis-decision");
    let (_, documented) = shown("README.md", "HTTP/1.1 422 Unprocessable Entity");
    settle_stable("README.md", &documented, &format!("{head}\n{}\n", wrap(response.text())));
    let line = program.stdout.line("policy_denied").await;
    let (first, rest) = shown("README.md", "{\"timestamp\"");
    settle_stable("README.md", &format!("{first}\n{rest}"), &wrap(&line));
}

#[tokio::test]
async fn tail_prints_what_is_shown() {
    let workspace = Workspace::new();
    let program = quickstart(&workspace).await;
    let (command, documented) = shown("docs/observability.md", "$ portcullis tail");
    let arguments: Vec<_> = command.split(' ').skip(3).collect();
    let mut tail = Tail::start(program.admin, &arguments).await;
    let mut client = Client::connect(program.listen).await;
    client.send(patch(r#"{"skip_password_checks":true}"#)).await;
    assert_eq!(client.answer().await.expect("a response").status(), 422);
    tail.stdout.line("trace ").await;
    let printed = format!("watching http://127.0.0.1:9465\n{}", tail.interrupted());
    settle_stable("docs/observability.md", &documented, &printed);
}

#[tokio::test]
async fn a_refusal_is_explained_by_its_id_as_shown() {
    let workspace = Workspace::new();
    let program = quickstart(&workspace).await;
    let mut client = Client::connect(program.listen).await;
    client.send(patch(r#"{"skip_password_checks":true}"#)).await;
    let refusal = client.answer().await.expect("a refusal");
    let header = refusal.header("portcullis-decision").expect("a header");
    let id = header.rsplit('"').nth(1).expect("an id").to_owned();
    let (command, documented) = shown("docs/refusals.md", "$ portcullis explain --level decision --decision");
    let command = format!("{} {id}", command.trim_start_matches("$ ").rsplit_once(' ').expect("an id").0);
    // the quickstart of a reader has the port of the page, which is busy here
    let variable = format!("PORTCULLIS_ADMIN_LISTEN={} {command}", program.admin);
    settle_stable("docs/refusals.md", &documented, &workspace.shell(&variable));
}

#[tokio::test]
async fn the_log_level_changes_as_shown() {
    let workspace = Workspace::new();
    let program = quickstart(&workspace).await;
    let (command, documented) = shown("docs/observability.md", "$ curl -X PUT");
    let words = shell_words::split(command.trim_start_matches("$ ")).unwrap();
    let [_, _, _, _, header, _, body, url] = &words[..] else { panic!("{words:?}") };
    assert_eq!(url, "http://127.0.0.1:9465/log-level");
    let (admin, length) = (program.admin, body.len());
    let mut client = Client::connect(admin).await;
    client
        .send(format!("PUT /log-level HTTP/1.1\r\nhost: {admin}\r\n{header}\r\ncontent-length: {length}\r\n\r\n{body}"))
        .await;
    settle("docs/observability.md", &documented, client.answer().await.expect("a response").text());
}
