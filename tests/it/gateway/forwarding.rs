//! What passes arrives as it was judged, and what comes back is what the upstream said.

use crate::support::client::Client;
use crate::support::gateway::{Gateway, Setup, bundle, head, json, patch, shipped, text};
use crate::support::recorder::{Recorded, Recorder, Reply};
use portcullis::contract::strictness::UnknownFields;
use portcullis::judge::PolicyText;
use std::sync::Arc;

async fn started() -> (Recorder, Gateway) {
    let recorder = Recorder::answering(200, "{}").await;
    let gateway = Setup::before(recorder.address()).start();
    (recorder, gateway)
}

/// The request as it reached the upstream.
async fn forwarded(bytes: impl AsRef<[u8]>) -> Recorded {
    let (recorder, gateway) = started().await;
    let answer = gateway.ask(bytes).await;
    assert_eq!(answer.status(), 200, "{}", answer.text());
    recorder.request().await
}

#[tokio::test]
async fn the_judged_bytes_arrive_byte_for_byte() {
    let body = "{ \"public_metadata\" :\t{\"n\":1.50000000000000000000000000001e+400,\"u\":\"\\u0041\\/é\"},\r\n\"first_name\":\"a\" }\n";
    let request =
        forwarded(json("PATCH /v1/users/user_1/metadata", "", body.replace(",\r\n\"first_name\":\"a\"", ""))).await;
    assert_eq!(request.body, body.replace(",\r\n\"first_name\":\"a\"", "").as_bytes());
    let request = forwarded(json("PATCH /v1/users/user_1", "clerk-api-version: 2025-11-10\r\n", body)).await;
    assert_eq!(request.body, body.as_bytes());
    assert_eq!(request.header("content-length"), [body.len().to_string()]);
    assert_eq!(request.line(), "PATCH /v1/users/user_1 HTTP/1.1");
    assert_eq!(request.header("clerk-api-version"), ["2025-11-10"]);
    assert_eq!(request.header("authorization"), ["Bearer sk_live_portcullis"]);
}

#[tokio::test]
async fn a_chunked_request_is_framed_anew() {
    let headers = "content-type: application/json\r\ntransfer-encoding: chunked\r\ntrailer: x-late\r\n";
    let chunks = "5;note=x\r\n{\"fir\r\n13\r\nst_name\":\"chunked\"}\r\n0\r\nx-late: 1\r\n\r\n";
    let request = forwarded(head("PATCH /v1/users/user_1", headers) + chunks).await;
    assert_eq!(request.body, br#"{"first_name":"chunked"}"#);
    assert_eq!(request.header("content-length"), ["24"]);
    assert!(request.header("transfer-encoding").is_empty() && request.header("trailer").is_empty());
    assert!(!request.head.contains("x-late"));
}

#[tokio::test]
async fn what_is_for_this_connection_or_for_us_stays_here() {
    let headers = "connection: keep-alive, x-mine\r\nx-mine: 1\r\nkeep-alive: timeout=5\r\nte: trailers\r\n\
                   proxy-authorization: Basic a\r\nbaggage: a=b\r\ntracestate: a=b\r\nexpect: 100-continue\r\n\
                   x-original-url: /v1/users/other\r\nx-yours: 2\r\nx-yours: 3\r\n";
    let (recorder, gateway) = started().await;
    let mut client = Client::connect(gateway.address).await;
    client.send(json("PATCH /v1/users/user_1", headers, "{}")).await;
    // the client may send at once without waiting for 100
    let first = client.answer().await.expect("an answer");
    let answer = if first.status() == 100 { client.answer().await.expect("an answer") } else { first };
    assert_eq!(answer.status(), 200);
    let request = recorder.request().await;
    for gone in
        ["x-mine", "keep-alive", "te", "proxy-authorization", "baggage", "tracestate", "expect", "x-original-url"]
    {
        assert!(request.header(gone).is_empty(), "{gone}:\n{}", request.head);
    }
    assert_eq!(request.header("x-yours"), ["2", "3"]);
    assert_eq!(request.header("host"), [recorder.address().to_string()]);
}

#[tokio::test]
async fn the_upstream_gets_one_traceparent_in_the_trace_of_the_caller() {
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let parent = format!("traceparent: 00-{trace}-00f067aa0ba902b7-01\r\n");
    let request = forwarded(json("PATCH /v1/users/user_1", &parent, "{}")).await;
    let [sent] = request.header("traceparent")[..] else { panic!("one traceparent:\n{}", request.head) };
    let parts: Vec<&str> = sent.split('-').collect();
    assert_eq!((parts.len(), parts[0], parts[1]), (4, "00", trace));
    assert!(parts[2].len() == 16 && parts[2] != "00f067aa0ba902b7" && parts[2] != "0000000000000000");
    let twice = format!("{parent}{}", parent.replace(trace, "0af7651916cd43dd8448eb211c80319c"));
    for junk in ["traceparent: junk\r\n", &twice] {
        let request = forwarded(json("PATCH /v1/users/user_1", junk, "{}")).await;
        let [sent] = request.header("traceparent")[..] else { panic!("one traceparent:\n{}", request.head) };
        assert!(sent.len() == 55 && !sent.contains("0000000000000000"), "{sent}");
    }
}

#[tokio::test]
async fn the_callers_tracestate_goes_on_with_its_trace() {
    let parent = "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-03\r\n";
    let states = format!("{parent}tracestate: rojo=1\r\ntracestate: congo=2\r\n");
    let request = forwarded(json("PATCH /v1/users/user_1", &states, "{}")).await;
    assert_eq!(request.header("tracestate"), ["rojo=1,congo=2"]);
    assert!(request.header("traceparent")[0].ends_with("-02"), "not sampled by us, and as random as before");
    for lost in ["tracestate: rojo=1\r\n", &format!("{parent}tracestate: junk\r\n")] {
        let request = forwarded(json("PATCH /v1/users/user_1", lost, "{}")).await;
        assert!(request.header("tracestate").is_empty(), "{lost}");
    }

    let recorder = Recorder::answering(200, "{}").await;
    for propagators in [None, Some("none")] {
        let setup = Setup { propagators, sends_traces: false, ..Setup::before(recorder.address()) };
        setup.start().ask(json("PATCH /v1/users/user_1", &states, "{}")).await;
        let request = recorder.request().await;
        assert!(request.header("traceparent").is_empty() && request.header("tracestate").is_empty(), "withheld");
    }
}

#[tokio::test]
async fn a_callers_trace_is_left_alone_where_it_is_not_gone_on_with() {
    let recorder = Recorder::answering(200, "{}").await;
    let gateway = Setup { propagators: Some("none"), ..Setup::before(recorder.address()) }.start();
    let theirs = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    for (header, expected) in [(theirs, vec![theirs]), ("junk", vec![])] {
        gateway.ask(json("PATCH /v1/users/user_1", &format!("traceparent: {header}\r\n"), "{}")).await;
        assert_eq!(recorder.request().await.header("traceparent"), expected);
    }
    gateway.ask(json("PATCH /v1/users/user_1", "", "{}")).await;
    assert!(recorder.request().await.header("traceparent").is_empty());
}

#[tokio::test]
async fn no_response_leads_clients_round_the_gateway() {
    let head = "HTTP/1.1 200 OK\r\nAlt-Svc: h3=\":443\"\r\nalt-svc: h2=\"other:443\"\r\nx-kept: yes\r\ncontent-length: 2\r\n\r\n{}";
    let recorder = Recorder::start(move |_| Reply::Bytes(head.as_bytes().to_vec())).await;
    let answer = Setup::before(recorder.address()).start().ask(patch("{}")).await;
    assert_eq!((answer.status(), answer.header("x-kept"), answer.header("alt-svc")), (200, Some("yes"), None));
}

#[tokio::test]
async fn the_answer_passes_untouched() {
    for (line, answer, body) in [
        (
            "PATCH /v1/users/user_1",
            "HTTP/1.1 200 Fine\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\nClerk-Trace-Id: t\r\nCF-Ray: r\r\ncontent-length: 3\r\n\r\n",
            "\u{1}zz",
        ),
        (
            "PATCH /v1/users/user_1",
            "HTTP/1.1 422 No\r\ncontent-type: application/json\r\nretry-after: 7\r\ncontent-length: 2\r\n\r\n",
            "{}",
        ),
        (
            "GET /v1/users",
            "HTTP/1.1 503 Later\r\ncontent-length: 5\r\nset-cookie: a=1\r\nset-cookie: b=2\r\n\r\n",
            "later",
        ),
        ("GET /v1/users", "HTTP/1.1 302 Found\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n", ""),
        ("DELETE /v1/users/user_1", "HTTP/1.1 204 None\r\netag: \"x\"\r\n\r\n", ""),
        ("GET /v1/jwks", "HTTP/1.1 304 Same\r\netag: \"x\"\r\n\r\n", ""),
        ("HEAD /v1/jwks", "HTTP/1.1 200 OK\r\ncontent-length: 0\r\netag: \"x\"\r\n\r\n", ""),
    ] {
        let reply = Reply::Bytes(format!("{answer}{body}").into_bytes());
        let recorder = Recorder::start(move |_| reply.clone()).await;
        let gateway = Setup::before(recorder.address()).start();
        let got = gateway.ask(if line.starts_with("PATCH") { patch("{}") } else { head(line, "").into_bytes() }).await;
        assert_eq!(got.text(), body, "{line}");
        let expected = answer.lines().skip(1).filter(|line| !line.is_empty());
        for header in expected {
            let lines: Vec<String> = got.head.lines().map(str::to_lowercase).collect();
            assert!(lines.contains(&header.to_lowercase()), "{line}: {header} is missing from\n{}", got.head);
        }
        assert_eq!(got.status().to_string(), answer.split(' ').nth(1).unwrap());
        assert!(got.header("portcullis-decision").is_none() && got.header("warning").is_none());
    }
}

#[tokio::test]
async fn a_chunked_answer_passes_as_it_comes() {
    let answer = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
    let recorder = Recorder::start(move |_| Reply::Bytes(answer.as_bytes().to_vec())).await;
    let gateway = Setup::before(recorder.address()).start();
    let mut client = Client::connect(gateway.address).await;
    client.send(head("GET /v1/users", "connection: close\r\n")).await;
    let whole = String::from_utf8(client.closed().await).unwrap();
    let (head, body) = whole.split_once("\r\n\r\n").unwrap();
    assert!(head.contains("transfer-encoding: chunked"), "{head}");
    let data: String = body.split("\r\n").skip(1).step_by(2).collect();
    assert_eq!(data, "abcde", "{body}");
}

#[tokio::test]
async fn a_body_that_is_not_inspected_streams() {
    let (recorder, gateway) = started().await;
    let image = vec![7_u8; 1024 * 1024];
    let headers = format!("content-type: multipart/form-data\r\ncontent-length: {}\r\n", image.len());
    let upload = [head("POST /v1/users/user_1/profile_image", &headers).as_bytes(), &image].concat();
    assert_eq!(gateway.ask(upload).await.status(), 200);
    assert_eq!(recorder.request().await.body, image);
    let headers = "transfer-encoding: chunked\r\n";
    let chunks = "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
    gateway.ask(head("POST /v1/users/user_1/profile_image", headers) + chunks).await;
    let request = recorder.request().await;
    assert_eq!((request.body.as_slice(), request.header("transfer-encoding")), (&b"abcde"[..], vec!["chunked"]));
}

#[tokio::test]
async fn what_sdks_send_oddly_passes() {
    let upgrade = "connection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\nhttp2-settings: AAEAAEAAAAIAAAAB\r\n";
    let request = forwarded(json("PATCH /v1/users/user_1", upgrade, r#"{"first_name":"a"}"#)).await;
    assert!(request.header("upgrade").is_empty() && request.header("http2-settings").is_empty(), "{}", request.head);
    let empty =
        forwarded(head("PATCH /v1/users/user_1", "content-type: application/json\r\ncontent-length: 0\r\n")).await;
    assert_eq!((empty.body.len(), empty.header("content-length")), (0, vec!["0"]));
    let empty = forwarded(head("PATCH /v1/users/user_1", "content-type: application/json\r\n")).await;
    assert!(empty.body.is_empty());
    let get = forwarded(head("GET /v1/users/user_1?a=%20b", "content-type: application/json\r\n")).await;
    assert_eq!(get.line(), "GET /v1/users/user_1?a=%20b HTTP/1.1");
    assert_eq!(get.header("content-type"), ["application/json"]);
    let (recorder, gateway) = started().await;
    let own = format!("PATCH http://{}/v1/users/user_1", gateway.address);
    assert_eq!(gateway.ask(json(&own, "", "{}")).await.status(), 200);
    assert_eq!(recorder.request().await.line(), "PATCH /v1/users/user_1 HTTP/1.1");
}

#[tokio::test]
async fn a_body_that_says_nothing_is_read_and_stays_here() {
    let chunked = "content-type: application/json\r\ntransfer-encoding: chunked\r\n";
    for request in [
        head("DELETE /v1/users/user_1", chunked) + "4\r\nnull\r\n0\r\n\r\n",
        head("DELETE /v1/users/user_1/totp", "content-length: 4\r\n") + "null",
        head("DELETE /v1/organizations/org_1", chunked) + "0\r\n\r\n",
        head("GET /v1/users/user_1", chunked) + "0\r\n\r\n",
    ] {
        let arrived = forwarded(&request).await;
        assert!(arrived.body.is_empty() && arrived.header("transfer-encoding").is_empty(), "{}", arrived.head);
    }
    let (recorder, gateway) = started().await;
    for (line, body) in
        [("GET", "null"), ("DELETE", "{\"a\":1}"), ("DELETE", "PATCH /v1/users/user_1 HTTP/1.1\r\n\r\n")]
    {
        for framed in [
            format!("content-length: {}\r\n", body.len()) + "\r\n" + body,
            format!("transfer-encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n", body.len()),
        ] {
            let start = head(&format!("{line} /v1/users/user_1"), "");
            let request = start.strip_suffix("\r\n").unwrap().to_owned() + &framed;
            assert_eq!((gateway.ask(&request).await.status(), recorder.connections()), (400, 0), "{request}");
        }
    }
}

#[tokio::test]
async fn head_is_forwarded_where_get_is() {
    let (recorder, gateway) = started().await;
    let mut client = Client::connect(gateway.address).await;
    client.send(head("HEAD /v1/users/user_1", "connection: close\r\n")).await;
    client.closed().await;
    assert_eq!(recorder.request().await.line(), "HEAD /v1/users/user_1 HTTP/1.1");
}

#[tokio::test]
async fn a_length_that_a_coding_overrides_is_no_length_of_ours() {
    let answer =
        "HTTP/1.1 200 OK\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\nb\r\n{\"ok\":true}\r\n0\r\n\r\n";
    let recorder = Recorder::start(move |_| Reply::Bytes(answer.as_bytes().to_vec())).await;
    let gateway = Setup::before(recorder.address()).start();
    let mut client = Client::connect(gateway.address).await;
    client.send(head("GET /v1/users", "connection: close\r\n")).await;
    let whole = String::from_utf8(client.closed().await).unwrap();
    assert!(whole.contains("{\"ok\":true}") && !whole.contains("content-length"), "{whole}");
}

#[tokio::test]
async fn an_upgrade_does_not_hide_a_forbidden_body() {
    let (recorder, gateway) = started().await;
    let upgrade = "connection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\nhttp2-settings: AAEAAEAAAAIAAAAB\r\n";
    let answer = gateway.ask(json("PATCH /v1/users/user_1", upgrade, r#"{"skip_password_checks":true}"#)).await;
    assert_eq!((answer.status(), recorder.connections()), (422, 0));
}

#[tokio::test]
async fn requests_on_one_connection_are_judged_alone() {
    let (recorder, gateway) = started().await;
    let mut client = Client::connect(gateway.address).await;
    let (good, bad) = (patch(r#"{"first_name":"a"}"#), patch(r#"{"skip_password_checks":true}"#));
    client.send([good.as_slice(), &bad, &good].concat()).await;
    for expected in [200, 422, 200] {
        assert_eq!(client.answer().await.expect("an answer").status(), expected);
    }
    client.send(bad).await;
    assert_eq!(client.answer().await.expect("an answer").status(), 422);
    assert_eq!(recorder.seen(), 2);
}

#[tokio::test]
async fn a_warning_reaches_the_caller_and_an_audit_only_the_log() {
    let (_recorder, mut gateway) = started().await;
    let body = format!(r#"{{"public_metadata":{{"a":"{}"}}}}"#, "x".repeat(5000));
    let answer = gateway.ask(json("PUT /v1/users/user_1/metadata", "", body)).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.header("warning"), Some("299 portcullis \"public_metadata is larger than 4096 bytes\""));
    assert_eq!(answer.header("portcullis-warning"), Some("policy=\"metadata-size\"; field=\"public_metadata\""));
    assert_eq!(gateway.line().await["policies"][0]["name"], "metadata-size");
    let answer = gateway.ask(patch(r#"{"skip_legal_checks":true}"#)).await;
    assert!(answer.status() == 200 && answer.header("warning").is_none(), "{}", answer.head);
    let line = gateway.line().await;
    assert_eq!(line["decision"], "allow");
    assert_eq!(line["policies"][0]["name"], "no-skip-legal-checks");
}

#[tokio::test]
async fn unknown_fields_that_only_warn_pass_with_a_warning() {
    let recorder = Recorder::answering(200, "{}").await;
    let mut setup = Setup::before(recorder.address());
    setup.strictness.unknown_fields = UnknownFields::Warn;
    let answer = setup.start().ask(patch(r#"{"brand_new":1}"#)).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.header("portcullis-warning"), Some("schema=\"additionalProperties\"; field=\"brand_new\""));
}

#[tokio::test]
async fn a_request_is_judged_wholly_by_the_bundle_it_came_under() {
    let (recorder, mut gateway) = started().await;
    let forbidden = patch(r#"{"skip_password_checks":true}"#);
    let mut early = Client::connect(gateway.address).await;
    let (head, body) = forbidden.split_at(forbidden.len() - 5);
    early.send(head).await;
    // an answer on the same worker shows that the head before it was taken
    assert_eq!(gateway.ask(forbidden.clone()).await.status(), 422);
    let old = gateway.line().await["revision"].clone();
    let none: [PolicyText; 0] = [];
    gateway.shared.gate.replace(Arc::new(bundle(&none)));
    assert_eq!(gateway.ask(forbidden.clone()).await.status(), 200);
    let new = gateway.line().await["revision"].clone();
    assert_ne!(old, new);
    early.send(body).await;
    assert_eq!(early.answer().await.expect("an answer").status(), 422);
    assert_eq!(gateway.line().await["revision"], old);
    assert_eq!(recorder.seen(), 1);
    let again = bundle(&[text("other.yaml", &shipped()[0].text)]);
    gateway.shared.gate.replace(Arc::new(again));
    gateway.ask(patch("{}")).await;
    assert_ne!(gateway.line().await["revision"], new);
}

/// A server may take the credential from elsewhere than `Authorization`.
#[tokio::test]
async fn a_production_key_anywhere_in_a_head_makes_the_request_one_for_production() {
    let (recorder, gateway) = started().await;
    let body = r#"{"skip_password_checks":true}"#;
    let mut forwarded = 0;
    for (more, status) in [
        ("", 200),
        ("x-api-key: sk_test_b\r\ncookie: __session=sk_test_c\r\n", 200),
        ("x-api-key: sk_live_b\r\n", 422),
        ("x-clerk: Bearer SK_LIVE_b\r\n", 422),
        ("cookie: a=b; key=sk_live_c\r\n", 422),
        ("cookie: a=b\r\ncookie: key=sk_live_c\r\n", 422),
    ] {
        let request = String::from_utf8(json("PATCH /v1/users/user_1", more, body)).expect("text");
        let answer = gateway.ask(request.replacen("sk_live_portcullis", "sk_test_a", 1)).await;
        assert_eq!(answer.status(), status, "{more}: {}", answer.text());
        forwarded += usize::from(status == 200);
        assert_eq!(recorder.seen(), forwarded, "{more}");
    }
}

/// A client, or a proxy before it, may read `2, 2` or two lengths as another length than we do.
#[tokio::test]
async fn an_odd_length_of_a_response_is_one_plain_number_or_the_response_is_refused() {
    for (method, lengths, expected) in [
        ("GET", "content-length: 2, 2", Some("2")),
        ("GET", "content-length: 02", Some("2")),
        ("GET", "content-length: 2\r\ncontent-length: 2", Some("2")),
        ("GET", "content-length: 2\r\ncontent-length: 3", None),
        ("GET", "content-length: +2", None),
        ("HEAD", "content-length: 2, 2", Some("2")),
        ("HEAD", "content-length: 02", Some("2")),
        ("HEAD", "content-length: 2\r\ncontent-length: 2", Some("2")),
        ("HEAD", "content-length: 2\r\ncontent-length: 3", None),
        ("HEAD", "content-length: 2, 3", None),
        ("HEAD", "content-length: 9223372036854775808", None),
    ] {
        let body = if method == "GET" { "{}" } else { "" };
        let response = format!("HTTP/1.1 200 OK\r\n{lengths}\r\n\r\n{body}").into_bytes();
        let recorder = Recorder::start(move |_| Reply::Bytes(response.clone())).await;
        let gateway = Setup::before(recorder.address()).start();
        let mut client = Client::connect(gateway.address).await;
        client.send(head(&format!("{method} /v1/users/user_1"), "connection: close\r\n")).await;
        let response = String::from_utf8(client.closed().await).expect("text").to_lowercase();
        match expected {
            Some(length) => {
                assert!(response.starts_with("http/1.1 200"), "{method} {lengths}: {response}");
                assert!(
                    response.contains(&format!("\r\ncontent-length: {length}\r\n")),
                    "{method} {lengths}: {response}"
                );
                assert_eq!(response.matches("content-length").count(), 1, "{method} {lengths}: {response}");
            }
            None => assert!(response.starts_with("http/1.1 502"), "{method} {lengths}: {response}"),
        }
    }
}
