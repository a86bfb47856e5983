//! Every way to give a request leads to the same explanation, and what the gateway would not read is told.

use super::{explain, explained, folder};
use std::fs;

const BODY: &str = r#"{"skip_password_checks":true}"#;

fn raw(line_break: &str) -> String {
    let head = [
        "PATCH /v1/users/user_1?__clerk_api_version=2025-11-10 HTTP/1.1",
        "Host: localhost",
        "Authorization: Bearer sk_live_portcullis",
        "Content-Type: application/json",
        "Content-Length: 29",
        "",
        BODY,
    ];
    head.join(line_break)
}

#[test]
fn flags_http_and_curl_tell_the_same() {
    let folder = folder();
    fs::write(folder.path().join("request.http"), raw("\r\n")).unwrap();
    fs::write(folder.path().join("body.json"), BODY).unwrap();
    let curl = "curl -sS -X PATCH 'https://api.clerk.com/v1/users/user_1?__clerk_api_version=2025-11-10' \\\n  \
                -H 'Authorization: Bearer sk_live_portcullis' \\\n  -H \"Content-Type: application/json\" --data-binary @body.json\n";
    let path = "/v1/users/user_1?__clerk_api_version=2025-11-10";
    let told = [
        explained(
            folder.path(),
            &["--path", path, "-H", "authorization: Bearer sk_live_portcullis", "--body", BODY],
            "",
        ),
        explained(folder.path(), &["--http", "request.http"], ""),
        explained(folder.path(), &["--http", "-"], &(raw("\n") + "\n")),
        explained(folder.path(), &["--curl", curl], ""),
        explained(folder.path(), &["--curl", "-"], curl),
    ];
    insta::assert_snapshot!("same", told[0]);
    for other in &told {
        assert_eq!(other, &told[0]);
    }
}

#[test]
fn a_head_that_the_gateway_refuses_is_refused_here() {
    let folder = folder();
    for (head, reason) in [
        (raw("\r\n").replace("Content-Length: 29", "Content-Length: 29\r\nContent-Length: 29"), "ambiguous_request"),
        (raw("\r\n").replace("Host: localhost\r\n", "Host: localhost\n"), "ambiguous_request"),
        (raw("\n").replace("Host: localhost", "Transfer_Encoding: chunked"), "ambiguous_request"),
        (raw("\n").replace("Host: localhost", "Host: a\nX-HTTP-Method-Override: GET"), "ambiguous_request"),
        (raw("\n").replace("/v1/users/user_1?", "/v1/users/%75ser_1?"), "ambiguous_path"),
        (raw("\n").replace("application/json", "text/plain"), "unsupported_media_type"),
        (raw("\n").replace("Host: localhost", "Host: a\nContent-Encoding: gzip"), "unsupported_encoding"),
        (raw("\n").replace("PATCH", "PUT"), "method_not_allowed"),
    ] {
        let told = explained(folder.path(), &["--http", "-"], &head);
        assert!(told.starts_with(&format!("refused: {reason} (4")), "{head}\n{told}");
    }
    let told = explained(folder.path(), &["--http", "-"], &raw("\n").replace("HTTP/1.1", "HTTP/3"));
    insta::assert_snapshot!("head_not_read", told);
}

#[test]
fn a_curl_command_sends_what_curl_would() {
    let folder = folder();
    let told = |rest: &str| explained(folder.path(), &["--curl", &format!("curl {rest}")], "");
    let form = told("-XPATCH localhost/v1/users/u -d '{}'");
    assert!(form.starts_with("refused: unsupported_media_type"), "{form}");
    assert!(form.contains("send the body as `Content-Type: application/json`"), "{form}");
    assert!(told("-XPATCH http://localhost:8787/v1/users/u --json '{}' -k -i").starts_with("passes"));
    let basic = told("-X PATCH http://localhost/v1/users/u --json '{}' -u sk_test_portcullis:");
    assert!(basic.contains("production: the credential is no key of Clerk's"), "{basic}");
    let query = told("-G http://localhost/v1/users -d limit=1 -d offset=2");
    assert!(query.contains("operation    GetUserList"), "{query}");
    assert!(told("-I http://localhost/v1/jwks").contains("route        HEAD"), "a head is asked for");
    let note = told("-X PATCH http://localhost/v1/users/u --json '{}' -H \"Authorization: Bearer $KEY\"");
    assert!(note.contains("note: the command has shell variables"), "{note}");
}

#[test]
fn what_cannot_be_read_is_an_error_that_names_it() {
    let folder = folder();
    fs::write(folder.path().join("most"), vec![b'a'; 10 << 20]).unwrap();
    for (arguments, input, told) in [
        (
            &["--curl", "curl -X PATCH http://a/v1/users/u --form canary=1"][..],
            "",
            "`--form` is an option that is not read here",
        ),
        (&["--curl", "curl -Tcanary http://a/"], "", "`-T` is an option that is not read here"),
        (&["--curl", "curl http://a/ -H"], "", "`-H` lacks its value"),
        (&["--curl", "curl http://a/ -H canary"], "", "`-H` is not `Name: value`"),
        (&["--curl", "curl 'http://a/"], "", "a quote is not closed"),
        (&["--curl", "curl http://a/ canary"], "", "more than one URL"),
        (&["--curl", "curl --json '{}'"], "", "there is no URL"),
        (&["--curl", "curl ftp://a/"], "", "neither http nor https"),
        (&["--curl", "curl http://a/v1/../users"], "", "takes `.` and `..` out"),
        (&["--curl", r"curl http://a/ -d $'\q'"], "", "not read; write"),
        (&["--curl", "wget http://a/"], "", "does not begin with `curl`"),
        (&["--curl", "curl http://a/ -d @/dev/zero"], "", "`/dev/zero` is longer than 16 MiB"),
        (&["--curl", "curl http://a/ -d @most -d @most"], "", "the data is longer than 16 MiB"),
        (&["--http", "/dev/zero"], "", "`/dev/zero` is longer than 16 MiB"),
        (&["--http", "-"], "GET /canary HTTP/1.1\n", "does not end with an empty line"),
        (
            &["--http", "-"],
            "PATCH /v1/users/u HTTP/1.1\nHost: a\n\n{\"canary\":1}",
            "there is no `Content-Length`; add `Content-Length: 12`",
        ),
        (
            &["--http", "-"],
            "PATCH / HTTP/1.1\nHost: a\nContent-Length: 9\n\ncanary",
            "shorter than its `Content-Length`",
        ),
        (&["--path", "/v1/users/u", "--header", "canary"], "", "`--header` is not `Name: value`"),
        (&["--path", "/v1/users/u", "--http", "-"], "", "cannot be used with"),
        (&["--http", "-", "--body", "{}"], "", "cannot be used with"),
        (&["--log", "log.jsonl"], "", "required"),
        (&[], "", "required"),
    ] {
        let (stdout, stderr, code) = explain(folder.path(), arguments, input);
        assert!(stdout.is_empty() && code == 2 && stderr.contains(told), "{arguments:?} ends with {code}: {stderr}");
        assert!(!stderr.contains("canary"), "{stderr}");
    }
    for arguments in [
        &["--http", "none.txt"][..],
        &["--path", "/v1/users/u", "--body-file", "none.txt"],
        &["--curl", "curl http://a/ -d @none.txt"],
    ] {
        let (_, stderr, code) = explain(folder.path(), arguments, "");
        assert!(code == 2 && stderr.contains("`none.txt` cannot be read: there is no such file"), "{code} {stderr}");
    }
}

#[test]
fn a_body_goes_as_far_as_its_given_length_says() {
    let folder = folder();
    let curl = |length: &str| {
        let header = format!("-H 'Content-Length: {length}'");
        format!("curl -X PATCH http://localhost/v1/users/u -H 'Content-Type: application/json' {header} -d '{{}}'")
    };
    let told = explained(folder.path(), &["--curl", &curl("1")], "");
    assert!(told.starts_with("refused: malformed_json (400)"), "{told}");
    assert!(told.contains("note: the body ends by its `Content-Length`"), "{told}");
    assert!(explained(folder.path(), &["--curl", &curl("2")], "").starts_with("passes"));
    for (length, why) in [("3", "shorter than its `Content-Length`"), ("+2", "not a number of bytes")] {
        let (_, stderr, code) = explain(folder.path(), &["--curl", &curl(length)], "");
        assert!(code == 2 && stderr.contains(why), "{length}: {code} {stderr}");
    }
    let flags = ["--path", "/v1/users/u", "-H", "Content-Length: 1", "--body", "{}"];
    assert!(explained(folder.path(), &flags, "").starts_with("refused: malformed_json"));
}

#[test]
fn a_curl_command_is_read_as_people_paste_it() {
    let folder = folder();
    let told = |command: &str| explained(folder.path(), &["--curl", command], "");
    let plain = told("curl -X PATCH http://localhost/v1/users/u --json '{\"first_name\":\"a!\"}'");
    assert!(plain.starts_with("passes"), "{plain}");
    for command in [
        r#"$ curl -X PATCH http://localhost/v1/users/u --json '{"first_name":"a!"}'"#,
        r#"/usr/bin/curl -X PATCH http://localhost/v1/users/u --json '{"first_name":"a!"}'"#,
        r#"A=b C= curl -X PATCH http://localhost/v1/users/u --json '{"first_name":"a!"}'"#,
        r#"curl -X PATCH http://localhost/v1/users/u --json $'{"first_name":"a\u0021"}'"#,
    ] {
        assert_eq!(told(command), plain, "{command}");
    }
    for rest in ["| jq .", "> out", "2> /dev/null", "&& echo done"] {
        let command = format!(r#"curl -X PATCH http://localhost/v1/users/u --json '{{"first_name":"a!"}}' {rest}"#);
        let note = "note: the command was read up to the first shell operator";
        assert!(told(&command).contains(note), "{rest}");
    }
    for url in ["http://a/v1/users/[1-3]", "http://a/v1/users/{a,b}", "http://{a,b}/v1/users"] {
        let (_, stderr, code) = explain(folder.path(), &["--curl", &format!("curl '{url}'")], "");
        assert!(code == 2 && stderr.contains("give `-g` if it does not"), "{url}: {code} {stderr}");
    }
    assert!(told("curl -g 'http://localhost/v1/users?a=[1]'").starts_with("passes"));
}

#[test]
fn a_wrong_argument_is_named() {
    let folder = folder();
    for (arguments, told) in [
        (&["--path", "v1/x"][..], "error: `--path` is not a path, such as /v1/users/user_1\n"),
        (&["--path", "/v1/x", "--method", "a b"], "error: `--method` is not a method\n"),
        (&["--path", "/v1/x", "--client", "unixUid=x"], "error: `--client`: `unixUid` must be a whole number\n"),
    ] {
        assert_eq!(explain(folder.path(), arguments, ""), (String::new(), told.to_owned(), 2));
    }
}
