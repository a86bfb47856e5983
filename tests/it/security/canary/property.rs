//! Whatever a request holds, wherever, in whichever disguise: no part of it is written anywhere in any disguise.

use super::ERRING;
use super::disguise::Finder;
use super::generate::{Plan, Way, plans};
use super::sinks::{Log, Sink, Watched};
use crate::support::client::Client;
use crate::support::http2::{Http2, Outcome};
use crate::support::recorder::{Recorded, Recorder, Reply};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncWriteExt as _;
use tokio::task::JoinSet;

const REQUESTS: usize = 160;
/// At once.
const TOGETHER: usize = 16;
/// Longest wait for an answer; some get none.
const PATIENCE: Duration = Duration::from_secs(2);

/// Answers with all that it was sent, or fails with it.
fn echo(request: &Recorded) -> Reply {
    let says = |what: &str| request.line().contains(&format!("/v1/users/{what}"));
    let said = format!("{}{}", request.head, String::from_utf8_lossy(&request.body));
    let phrase: String = request.line().chars().filter(char::is_ascii_graphic).collect();
    let status = |status: u16| {
        let length = said.len();
        format!("HTTP/1.1 {status} {phrase}\r\nset-cookie: {phrase}\r\ncontent-length: {length}\r\n\r\n{said}")
            .into_bytes()
    };
    match () {
        () if says("reset") => Reply::Reset,
        () if says("close") => Reply::Close,
        () if says("hang") => Reply::Nothing,
        () if says("garbage") => Reply::BytesThenClose(said.into_bytes()),
        () if says("broken-off") => Reply::BytesThenClose(status(200)[..phrase.len() + 30].to_vec()),
        () if says("switch") => Reply::Bytes(status(101)),
        () if says("fail") => Reply::Bytes(status(500)),
        () => Reply::Bytes(status(200)),
    }
}

/// Sends the request; what the gateway itself answered.
async fn refusal(address: SocketAddr, plan: &Plan) -> Option<String> {
    if plan.way == Way::Http2 { over_http2(address, plan).await } else { over_http1(address, plan).await }
}

async fn over_http1(address: SocketAddr, plan: &Plan) -> Option<String> {
    let mut client = Client::connect(address).await;
    // the gateway may have refused before it has read everything
    let _ = client.stream.write_all(&plan.bytes()).await;
    if plan.leaves {
        return None;
    }
    let answer = client.answer().await?;
    answer.header("portcullis-decision")?;
    Some(answer.head.clone() + &String::from_utf8_lossy(&answer.body))
}

async fn over_http2(address: SocketAddr, plan: &Plan) -> Option<String> {
    let (method, target) = plan.line.split_once(' ').expect("a method");
    let mut fields = vec![(":method", method), (":scheme", "http"), (":authority", "gateway"), (":path", target)];
    fields.push(("content-type", "application/json"));
    fields.extend(plan.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    let mut client = Http2::connect(address).await;
    client.head(1, &fields, plan.body.is_empty() && !plan.leaves).await;
    if plan.leaves {
        client.data(1, &plan.body[..plan.body.len() / 2], false).await;
        return None;
    }
    for (place, part) in plan.body.chunks(16_000).enumerate() {
        client.data(1, part, (place + 1) * 16_000 >= plan.body.len()).await;
    }
    match client.outcome(1).await {
        Outcome::Answer(_, body) if body.contains("\"code\":\"gateway_") => Some(body),
        _ => None,
    }
}

/// Sends all; what the gateway itself answered to each.
async fn refusals(address: SocketAddr, plans: &Arc<Vec<Plan>>) -> Vec<(usize, String)> {
    let (mut all, mut under_way) = (Vec::new(), JoinSet::new());
    for place in 0..plans.len() {
        let plans = Arc::clone(plans);
        under_way.spawn(async move {
            let answered = pingora_timeout::timeout(PATIENCE, refusal(address, &plans[place])).await;
            (place, answered.ok().flatten())
        });
        if under_way.len() >= TOGETHER {
            all.push(under_way.join_next().await.expect("one").expect("no panic"));
        }
    }
    all.extend(under_way.join_all().await);
    all.into_iter().filter_map(|(place, answer)| Some((place, answer?))).collect()
}

fn assert_clean(finder: &Finder, plans: &[Plan], place: &str, text: &str) {
    if let Some((at, whose)) = finder.find(text) {
        let around = &text.as_bytes()[at.saturating_sub(200)..text.len().min(at + 100)];
        panic!("{place} shows a part of a secret:\n...{}...\nof {:#?}", String::from_utf8_lossy(around), plans[whose]);
    }
}

#[tokio::test]
async fn no_part_of_any_secret_of_requests_made_by_chance_is_written_in_any_disguise() {
    let plans = Arc::new(plans(REQUESTS));
    let finder = Finder::of(plans.iter().map(|plan| plan.secret.as_str()));
    let upstream = Recorder::start(echo).await;
    let mut decisions = String::new();
    for log in [Log::JsonOnStdout, Log::HumanInFile] {
        let watched = Watched::start(upstream.address(), ERRING, log).await;
        let refusals = refusals(watched.program.listen, &plans).await;
        assert!(refusals.len() > REQUESTS / 8, "few are refused: {}", refusals.len());
        for (place, refusal) in refusals {
            if !plans[place].named {
                assert_clean(&finder, &plans, "a refusal", &refusal);
            }
        }
        for Sink { name, text } in watched.end().await {
            assert_clean(&finder, &plans, name, &text);
            decisions.push_str(&text);
        }
    }
    let mut planted = 0;
    for _ in 0..upstream.seen() {
        planted += usize::from(finder.find(&upstream.request().await.head).is_some());
    }
    assert!(planted > REQUESTS / 8, "the secrets are planted: {planted}");
    for decision in ["deny", "exempt", "fail"] {
        assert!(decisions.contains(&format!("\"decision\":\"{decision}\"")), "no request of {decision}");
    }
}
