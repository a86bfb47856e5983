//! What is no YAML that we read, or holds variables that cannot be replaced.

use super::{said_of, with};

#[test]
fn a_key_that_is_there_twice_is_refused() {
    insta::assert_snapshot!(said_of(&with("workers: 1\nlogs: { level: info, level: warn }\nworkers: 2\n")), @r"
    error: duplicate key `level`, first on line 5
     --> gateway.yaml:5:22
      |
    5 | logs: { level: info, level: warn }
      |                      ^^^^^

    error: duplicate key `workers`, first on line 4
     --> gateway.yaml:6:1
      |
    6 | workers: 2
      | ^^^^^^^
    ");
}

#[test]
fn a_tab_is_told_where() {
    insta::assert_snapshot!(said_of(&with("limits:\n\tbodyBytes: 1\n")), @r"
    error: not valid YAML: tabs disallowed within this context (block indentation)
     --> gateway.yaml:5:2
      |
    5 |     bodyBytes: 1
      |     ^
      |
      = help: indent with spaces, not with tabs
    ");
}

#[test]
fn a_quote_that_never_ends_is_told_where_it_begins() {
    insta::assert_snapshot!(said_of(&with("listen: \"127.0.0.1:8787\n")), @r#"
    error: not valid YAML: unclosed quote
     --> gateway.yaml:4:9
      |
    4 | listen: "127.0.0.1:8787
      |         ^
      |
      = help: put text that begins with this character in quotes, or after `>-` on a line of its own
    "#);
}

#[test]
fn a_colon_too_many_is_told_where() {
    insta::assert_snapshot!(said_of(&with("upstream: url: embedded\n")), @r"
    error: not valid YAML: mapping values are not allowed in this context
     --> gateway.yaml:4:14
      |
    4 | upstream: url: embedded
      |              ^
      |
      = help: put text that contains `: ` in quotes, and a map within a map on lines of its own
    ");
}

#[test]
fn an_empty_file_is_refused() {
    insta::assert_snapshot!(said_of("# nothing yet\n"), @r"
    error: the file is empty
    --> gateway.yaml
    ");
}

#[test]
fn a_second_document_is_refused() {
    insta::assert_snapshot!(said_of(&with("---\napiVersion: portcullis/v1\nkind: Gateway\npolicies: [policies]\n")), @r"
    error: the configuration must be one document
     --> gateway.yaml:5:1
      |
    5 | apiVersion: portcullis/v1
      | ^^^^^^^^^^
    ");
}

#[test]
fn a_variable_that_is_not_set_is_told_where() {
    insta::assert_snapshot!(said_of(&with("listen: 127.0.0.1:${PORT}\nworkers: ${WORKERS:-2}\nadmin: { listen: \"${ADMIN}\" }\n")), @r#"
    error: the variable `PORT` is not set
     --> gateway.yaml:4:19
      |
    4 | listen: 127.0.0.1:${PORT}
      |                   ^^^^^^^

    error: the variable `ADMIN` is not set
     --> gateway.yaml:6:19
      |
    6 | admin: { listen: "${ADMIN}" }
      |                   ^^^^^^^^
    "#);
}

#[test]
fn a_variable_with_a_wrong_value_is_told_at_its_place() {
    insta::assert_snapshot!(said_of(&with("workers: ${PASSWORD}\n")), @r"
    error: `workers` must be a whole number, found text
     --> gateway.yaml:4:10
      |
    4 | workers: ${PASSWORD}
      |          ^^^^^^^^^^^
    ");
}
