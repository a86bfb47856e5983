//! HTTP/2 by frames that no client sends: what is malformed gets nothing past, and floods cost their own connection only.

use crate::support::gateway::{Gateway, Setup, patch};
use crate::support::http2::{
    ACK, CONTINUATION, DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, Http2, Outcome, PADDED, PING, RST_STREAM,
    SETTINGS, WINDOW_UPDATE, block, frame,
};
use crate::support::recorder::{Recorder, Reply};
use std::time::{Duration, Instant};

const FORBIDDEN: &str = r#"{"skip_password_checks":true}"#;
const ALLOWED: &str = r#"{"first_name":"Ada"}"#;

type Fields<'a> = Vec<(&'a str, &'a str)>;

const PSEUDO: [(&str, &str); 4] =
    [(":method", "PATCH"), (":scheme", "http"), (":authority", "gateway"), (":path", "/v1/users/user_1")];
const JSON: (&str, &str) = ("content-type", "application/json");

/// The head of a `PATCH` with `more` behind it.
fn with<'a>(more: &[(&'a str, &'a str)]) -> Fields<'a> {
    [&PSEUDO, [JSON].as_slice(), more].concat()
}

/// The head of a `PATCH` in which the pseudo-field `name` is `value`.
fn replaced<'a>(name: &str, value: &'a str) -> Fields<'a> {
    let fields = with(&[]).into_iter();
    fields.map(|(known, before)| if known == name { (known, value) } else { (known, before) }).collect()
}

async fn gateway() -> (Gateway, Recorder) {
    let upstream = Recorder::answering(200, "{}").await;
    (Setup::before(upstream.address()).start(), upstream)
}

/// What becomes of a request with these fields and this body, on a connection of its own.
async fn ask(gateway: &Gateway, fields: &[(&str, &str)], body: &str) -> Outcome {
    let mut client = Http2::connect(gateway.address).await;
    client.head(1, fields, false).await;
    client.data(1, body.as_bytes(), true).await;
    client.outcome(1).await
}

/// Says so if anything was forwarded, or another client is not served.
async fn unharmed(gateway: &Gateway, upstream: &Recorder, case: &str) {
    assert_eq!(upstream.seen(), 0, "{case}: something was forwarded");
    assert_eq!(gateway.ask(patch(FORBIDDEN)).await.status(), 422, "{case}");
}

#[tokio::test]
async fn however_a_body_is_cut_it_is_judged_whole() {
    let (gateway, upstream) = gateway().await;
    let padded = |body: &[u8]| [&[3], body, &[0; 3]].concat();
    for (body, expected) in [(FORBIDDEN, 422), (ALLOWED, 200)] {
        let bytes = body.as_bytes();
        // no content-length; a byte a frame; padded; empty frames between; the end in a frame of its own
        let cuts: [Vec<u8>; 4] = [
            frame(DATA, END_STREAM, 1, bytes),
            bytes.iter().flat_map(|byte| [frame(DATA, 0, 1, &[*byte]), frame(DATA, 0, 1, b"")].concat()).collect(),
            [frame(DATA, PADDED, 1, &padded(&bytes[..5])), frame(DATA, PADDED, 1, &padded(&bytes[5..]))].concat(),
            frame(DATA, 0, 1, bytes),
        ];
        for (number, mut cut) in cuts.into_iter().enumerate() {
            if number > 0 {
                cut.extend(frame(DATA, END_STREAM, 1, b""));
            }
            let mut client = Http2::connect(gateway.address).await;
            client.head(1, &with(&[]), false).await;
            client.write(&cut).await;
            let outcome = client.outcome(1).await;
            assert!(
                matches!(outcome, Outcome::Answer(status, _) if status == expected),
                "{number} {body}: {outcome:?}"
            );
            if expected == 200 {
                let forwarded = upstream.request().await;
                assert_eq!((forwarded.body.as_slice(), forwarded.header("content-length")), (bytes, vec!["20"]));
            }
        }
    }
    assert_eq!(upstream.seen(), 4);
}

#[tokio::test]
async fn a_content_length_that_lies_gets_nothing_past() {
    let (gateway, upstream) = gateway().await;
    let lengths = ["0", "1", "19", "21", "+20", "-1", "0x14", "20, 20", "", "99999999999999999999"];
    let mut cases: Vec<Fields<'_>> = lengths.iter().map(|length| with(&[("content-length", *length)])).collect();
    cases.push(with(&[("content-length", "20"), ("content-length", "20")]));
    cases.push(with(&[("content-length", "20"), ("content-length", "0")]));
    for fields in &cases {
        let outcome = ask(&gateway, fields, ALLOWED).await;
        assert!(!outcome.passed(), "{fields:?}: {outcome:?}");
        unharmed(&gateway, &upstream, &format!("{fields:?}")).await;
    }
    assert!(ask(&gateway, &with(&[("content-length", "20")]), ALLOWED).await.passed());
    assert_eq!(upstream.request().await.header("content-length"), ["20"]);
}

#[tokio::test]
async fn nothing_is_smuggled_in_a_field() {
    let (gateway, upstream) = gateway().await;
    let smuggled = "PATCH /v1/users/user_1 HTTP/1.1\r\nhost: x\r\n\r\n";
    let cases = [
        replaced(":method", smuggled),
        replaced(":method", "PATCH x"),
        replaced(":method", "PATCH\0"),
        replaced(":path", "/v1/users/user_1 HTTP/1.1\r\nx: y"),
        replaced(":path", "/v1/users/user_1\r\n"),
        replaced(":path", "/v1/users/user_1\0"),
        replaced(":path", "/v1/users/user_1 x"),
        replaced(":authority", "gateway\r\nx: y"),
        replaced(":authority", "gate way"),
        replaced(":scheme", "http\r\n"),
        with(&[("x", "a\r\nauthorization: Bearer sk_test_x")]),
        with(&[("x", "a\nb")]),
        with(&[("x", "a\rb")]),
        with(&[("x", "a\0b")]),
        with(&[("x y", "a")]),
        with(&[("x\r\ny", "a")]),
        with(&[("x:y", "a")]),
        with(&[("", "a")]),
    ];
    for fields in &cases {
        let outcome = ask(&gateway, fields, ALLOWED).await;
        assert!(!outcome.passed(), "{fields:?}: {outcome:?}");
        unharmed(&gateway, &upstream, &format!("{fields:?}")).await;
    }
}

#[tokio::test]
async fn fields_of_http_1_connections_are_refused() {
    let (gateway, upstream) = gateway().await;
    for more in [
        ("transfer-encoding", "chunked"),
        ("connection", "keep-alive"),
        ("connection", "content-type"),
        ("keep-alive", "5"),
        ("proxy-connection", "keep-alive"),
        ("upgrade", "websocket"),
        ("te", "gzip"),
        ("X-Upper", "a"),
        ("Content-Length", "20"),
    ] {
        let outcome = ask(&gateway, &with(&[more]), ALLOWED).await;
        assert!(!outcome.passed(), "{more:?}: {outcome:?}");
        unharmed(&gateway, &upstream, more.0).await;
    }
}

#[tokio::test]
async fn pseudo_fields_stand_once_first_and_complete() {
    let (gateway, upstream) = gateway().await;
    let without = |name: &str| with(&[]).into_iter().filter(|(known, _)| *known != name).collect::<Fields<'_>>();
    let mut behind = without(":path");
    behind.push((":path", "/v1/users/user_1"));
    let cases = [
        with(&[(":path", "/v1/users/user_2")]),
        [[(":path", "/v1/users/user_2")].as_slice(), &with(&[])].concat(),
        [[(":method", "GET")].as_slice(), &with(&[])].concat(),
        [[(":authority", "other")].as_slice(), &with(&[])].concat(),
        [[(":unknown", "x")].as_slice(), &with(&[])].concat(),
        [[(":status", "200")].as_slice(), &with(&[])].concat(),
        [[(":protocol", "websocket")].as_slice(), &with(&[])].concat(),
        behind,
        without(":path"),
        without(":method"),
        without(":scheme"),
        without(":authority"),
        replaced(":path", ""),
        replaced(":method", "CONNECT"),
        replaced(":method", ""),
    ];
    for fields in &cases {
        let outcome = ask(&gateway, fields, ALLOWED).await;
        assert!(!outcome.passed(), "{fields:?}: {outcome:?}");
        unharmed(&gateway, &upstream, &format!("{fields:?}")).await;
    }
}

#[tokio::test]
async fn a_request_names_its_server_in_one_way() {
    let (gateway, upstream) = gateway().await;
    let cases = [
        with(&[("host", "elsewhere")]),
        with(&[("host", "gateway"), ("host", "gateway")]),
        with(&[("host", "")]),
        replaced(":authority", "user@gateway"),
        replaced(":authority", "gateway/v1"),
        replaced(":scheme", "ftp"),
        replaced(":scheme", "http://evil/v1/users/user_1?"),
        replaced(":path", "*"),
        replaced(":path", "v1/users/user_1"),
        replaced(":path", "http://evil/v1/users/user_1"),
    ];
    for fields in &cases {
        let outcome = ask(&gateway, fields, ALLOWED).await;
        assert!(!outcome.passed(), "{fields:?}: {outcome:?}");
        unharmed(&gateway, &upstream, &format!("{fields:?}")).await;
    }
    for fields in [with(&[("host", "GATEWAY")]), replaced(":scheme", "https")] {
        assert!(ask(&gateway, &fields, ALLOWED).await.passed(), "{fields:?}");
        assert_eq!(upstream.request().await.header("host"), [upstream.address().to_string()]);
    }
}

/// The fragment is gone before the gateway sees the path; what is judged is what is forwarded.
#[tokio::test]
async fn a_fragment_is_neither_judged_nor_forwarded() {
    let (gateway, upstream) = gateway().await;
    let fields = replaced(":path", "/v1/users/user_1#/metadata");
    assert!(!ask(&gateway, &fields, FORBIDDEN).await.passed());
    unharmed(&gateway, &upstream, "a fragment").await;
    if ask(&gateway, &fields, ALLOWED).await.passed() {
        assert_eq!(upstream.request().await.line(), "PATCH /v1/users/user_1 HTTP/1.1");
    }
}

#[tokio::test]
async fn trailers_are_dropped_and_cannot_change_what_was_judged() {
    let (gateway, upstream) = gateway().await;
    for trailer in [("x-trailer", "a"), (":path", "/v1/users/user_2"), ("content-length", "5"), ("connection", "x")] {
        let mut client = Http2::connect(gateway.address).await;
        client.head(1, &with(&[]), false).await;
        client.data(1, ALLOWED.as_bytes(), false).await;
        client.head(1, &[trailer], true).await;
        let outcome = client.outcome(1).await;
        if outcome.passed() {
            let forwarded = upstream.request().await;
            assert_eq!(
                (forwarded.line(), forwarded.body.as_slice()),
                ("PATCH /v1/users/user_1 HTTP/1.1", ALLOWED.as_bytes())
            );
            assert_eq!(forwarded.header("content-length"), ["20"], "{trailer:?}");
            assert!(forwarded.header("x-trailer").is_empty() && forwarded.header("trailer").is_empty());
        } else {
            assert_ne!(trailer.0, "x-trailer", "{outcome:?}");
        }
    }
}

#[tokio::test]
async fn frames_that_belong_to_no_request_end_the_connection() {
    let (gateway, upstream) = gateway().await;
    let late = [
        frame(HEADERS, END_HEADERS | END_STREAM, 1, &block(&with(&[]))),
        frame(DATA, END_STREAM, 1, FORBIDDEN.as_bytes()),
    ];
    let cases: [(&str, Vec<u8>); 8] = [
        ("data before a head", frame(DATA, END_STREAM, 1, FORBIDDEN.as_bytes())),
        ("an even stream", frame(HEADERS, END_HEADERS | END_STREAM, 2, &block(&with(&[])))),
        ("stream zero", frame(HEADERS, END_HEADERS | END_STREAM, 0, &block(&with(&[])))),
        ("data on stream zero", frame(DATA, END_STREAM, 0, FORBIDDEN.as_bytes())),
        (
            "padding longer than its frame",
            [frame(HEADERS, END_HEADERS, 1, &block(&with(&[]))), frame(DATA, PADDED | END_STREAM, 1, &[200, 0])]
                .concat(),
        ),
        ("a head cut by a ping", [frame(HEADERS, 0, 1, &block(&with(&[]))), frame(PING, 0, 0, &[0; 8])].concat()),
        ("a continuation of nothing", frame(CONTINUATION, END_HEADERS, 1, &block(&with(&[])))),
        (
            "a window beyond its end",
            [
                frame(WINDOW_UPDATE, 0, 0, &[0x7f, 0xff, 0xff, 0xff]),
                frame(WINDOW_UPDATE, 0, 0, &[0x7f, 0xff, 0xff, 0xff]),
            ]
            .concat(),
        ),
    ];
    for (case, bytes) in cases {
        let mut client = Http2::connect(gateway.address).await;
        client.write(&bytes).await;
        let outcome = client.outcome(1).await;
        assert!(matches!(outcome, Outcome::GoAway(_) | Outcome::Reset(_) | Outcome::Closed), "{case}: {outcome:?}");
        unharmed(&gateway, &upstream, case).await;
    }
    // an empty body is forwarded; what comes behind its end is not
    let mut client = Http2::connect(gateway.address).await;
    client.write(&late.concat()).await;
    client.outcome(1).await;
    if upstream.seen() > 0 {
        assert_eq!(upstream.request().await.body, b"");
    }
}

/// Each flood, and then whether another client is served at once and nothing came of the flood.
#[tokio::test]
async fn floods_end_their_own_connection_or_cost_nothing_much() {
    let (gateway, upstream) = gateway().await;
    let head = block(&with(&[]));
    let stream = |number: u32| number * 2 + 1;
    let reset = |number| {
        [frame(HEADERS, END_HEADERS, stream(number), &head), frame(RST_STREAM, 0, stream(number), &[0, 0, 0, 8])]
            .concat()
    };
    let bomb = [vec![0x40, 1, b'x', 127, 0x81, 0x1e], vec![b'a'; 4000], vec![0xbe; 12_000]].concat();
    let continuations = std::iter::repeat_n(frame(CONTINUATION, 0, 1, b""), 2000).flatten();
    let malformed = block(&with(&[("connection", "x")]));
    let refused = |number| frame(HEADERS, END_HEADERS | END_STREAM, stream(number), &malformed);
    let floods: [(&str, bool, Vec<u8>); 8] = [
        ("streams that we must reset", true, (0..300).flat_map(refused).collect()),
        ("rapid reset", true, (0..500).flat_map(reset).collect()),
        ("continuation", true, frame(HEADERS, 0, 1, &head).into_iter().chain(continuations).collect()),
        ("settings", false, frame(SETTINGS, 0, 0, b"").repeat(1000)),
        ("ping", false, frame(PING, 0, 0, &[7; 8]).repeat(1000)),
        ("empty data", false, [frame(HEADERS, END_HEADERS, 1, &head), frame(DATA, 0, 1, b"").repeat(5000)].concat()),
        ("hpack bomb", false, frame(HEADERS, END_HEADERS | END_STREAM, 1, &[head.as_slice(), &bomb].concat())),
        ("priority", false, frame(2, 0, 1, &[0, 0, 0, 3, 9]).repeat(5000)),
    ];
    for (name, must_end, bytes) in floods {
        let mut client = Http2::connect(gateway.address).await;
        client.write(&bytes).await;
        let clock = Instant::now();
        unharmed(&gateway, &upstream, name).await;
        assert!(clock.elapsed() < Duration::from_secs(2), "{name} held another client up for {:?}", clock.elapsed());
        if must_end {
            // long before the connection would end for idling
            // asked of a stream that there is not: the first ones may be reset before
            let outcome = pingora_timeout::timeout(Duration::from_secs(10), client.outcome(9999)).await;
            assert!(matches!(outcome, Ok(Outcome::GoAway(_) | Outcome::Closed)), "{name}: {outcome:?}");
        }
    }
}

#[tokio::test]
async fn a_head_beyond_the_bound_is_refused() {
    let upstream = Recorder::answering(200, "{}").await;
    let mut setup = Setup::before(upstream.address());
    setup.limits.header_bytes = 8192;
    let gateway = setup.start();
    let outcome = ask(&gateway, &with(&[("x-a", &"a".repeat(9000))]), ALLOWED).await;
    assert!(matches!(outcome, Outcome::Answer(431, _)), "{outcome:?}");
    assert!(ask(&gateway, &with(&[("x-a", &"a".repeat(7000))]), ALLOWED).await.passed());
    upstream.request().await;
    assert_eq!(upstream.seen(), 1);
}

#[tokio::test]
async fn idle_connections_and_heads_without_an_end_are_closed_in_time() {
    let upstream = Recorder::answering(200, "{}").await;
    let mut setup = Setup::before(upstream.address());
    setup.limits.idle_timeout = Duration::from_millis(300);
    let gateway = setup.start();
    for (case, bytes) in [("idle", Vec::new()), ("half a head", frame(HEADERS, 0, 1, &block(&PSEUDO)))] {
        let mut client = Http2::connect(gateway.address).await;
        client.write(&bytes).await;
        let begun = Instant::now();
        let mut told = false;
        while let Some(frame) = client.frame().await {
            told |= frame.kind == GOAWAY;
        }
        assert!(told, "{case}: no word of the end");
        assert!(begun.elapsed() >= Duration::from_millis(250) && begun.elapsed() < Duration::from_secs(5), "{case}");
    }
}

#[tokio::test]
async fn a_connection_with_a_request_under_way_does_not_idle() {
    let (release, released) = std::sync::mpsc::channel::<()>();
    let released = std::sync::Mutex::new(released);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let upstream = runtime
        .spawn(Recorder::start(move |_| {
            tokio::task::block_in_place(|| released.lock().unwrap().recv().unwrap());
            Reply::json(200, "{}")
        }))
        .await
        .unwrap();
    let mut setup = Setup::before(upstream.address());
    setup.limits.idle_timeout = Duration::from_millis(200);
    let gateway = setup.start();
    let mut client = Http2::connect(gateway.address).await;
    client.head(1, &with(&[]), false).await;
    client.data(1, ALLOWED.as_bytes(), true).await;
    let asking = tokio::spawn(async move { client.outcome(1).await });
    pingora_timeout::sleep(Duration::from_millis(700)).await;
    release.send(()).unwrap();
    assert!(asking.await.unwrap().passed());
    drop(upstream);
    runtime.shutdown_background();
}

#[tokio::test]
async fn a_client_that_takes_nothing_of_an_answer_is_cut_off() {
    let upstream = Recorder::answering(200, &"x".repeat(1_000_000)).await;
    let mut setup = Setup::before(upstream.address());
    setup.limits.idle_timeout = Duration::from_millis(300);
    let gateway = setup.start();
    let mut client = Http2::connect(gateway.address).await;
    client.head(1, &with(&[]), false).await;
    client.data(1, ALLOWED.as_bytes(), true).await;
    // it reads what comes, and never says that there is room for more
    let mut bytes = 0;
    while let Some(frame) = client.frame().await {
        bytes += if frame.kind == DATA { frame.payload.len() } else { 0 };
    }
    assert_eq!(bytes, 65_535, "the window a client has without a word");
}

#[tokio::test]
async fn a_client_that_asks_and_gives_up_without_end_is_sent_away() {
    let upstream = Recorder::start(|_| Reply::Nothing).await;
    let gateway = Setup::before(upstream.address()).start();
    let mut client = Http2::connect(gateway.address).await;
    let head = block(&with(&[]));
    let mut given_up = 0;
    'asking: for number in 0..300 {
        let stream = number * 2 + 1;
        client.send(HEADERS, END_HEADERS, stream, &head).await;
        client.send(PING, 0, 0, &[1; 8]).await;
        // its echo says that the request was looked at
        loop {
            match client.frame().await {
                Some(frame) if frame.kind == PING && frame.flags & ACK != 0 => break,
                Some(frame) if frame.kind != GOAWAY => {}
                _ => break 'asking,
            }
        }
        client.send(RST_STREAM, 0, stream, &[0, 0, 0, 8]).await;
        given_up = number;
    }
    assert!((50..200).contains(&given_up), "{given_up}");
    assert_eq!(gateway.ask(patch(FORBIDDEN)).await.status(), 422);
}

#[tokio::test]
async fn the_preface_s_method_in_http_1_is_refused_as_any_other() {
    let (gateway, upstream) = gateway().await;
    let answer = gateway.ask("PRI * HTTP/1.1\r\nhost: gateway\r\n\r\n").await;
    assert!((400..500).contains(&answer.status()), "{}", answer.head);
    assert_eq!(upstream.seen(), 0);
}

/// Fewer than a connection may have at once, so that only the bound on these can end it.
#[tokio::test]
async fn streams_reset_before_they_are_looked_at_end_the_connection() {
    let (gateway, upstream) = gateway().await;
    let head = block(&with(&[]));
    let reset = |number: u32| {
        let stream = number * 2 + 1;
        [frame(HEADERS, END_HEADERS, stream, &head), frame(RST_STREAM, 0, stream, &[0, 0, 0, 8])].concat()
    };
    for (count, code) in [(15, None), (60, Some(11))] {
        let mut client = Http2::connect(gateway.address).await;
        // once it is greeted, what it writes at once is read at once
        client.frame().await.unwrap();
        let mut burst: Vec<u8> = (0..count).flat_map(reset).collect();
        burst.extend(frame(PING, 0, 0, &[1; 8]));
        client.write(&burst).await;
        let told = loop {
            match client.frame().await.expect("an echo or a goodbye") {
                echo if echo.kind == PING && echo.flags & ACK != 0 => break None,
                goodbye if goodbye.kind == GOAWAY => break goodbye.payload.get(7).copied(),
                _ => {}
            }
        };
        assert_eq!(told, code, "{count}");
        unharmed(&gateway, &upstream, "resets").await;
    }
}
