//! Sends the cases to the gateway, and collects the responses and the arrivals at the upstream.

use super::arrival::Arrival;
use super::case::{AttackCase, CaseExpectation, CaseProtocol, CorpusError, corpus};
use super::frames::{ACK, FrameEvent, SETTINGS, SETTINGS_READ, take};
use super::recording::Recording;
use super::report::{CaseFinding, SelftestReport};
use super::target::{Target, TargetStream};
use super::verdict::{Verdict, judge};
use pingora_timeout::{sleep, timeout};
use std::collections::BTreeMap;
use std::io;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, split};
use tokio::task::JoinSet;

/// Most bytes of the responses to a case, or of a frame. No refusal is as long, and what is tested may send without end.
const LONGEST_ANSWER: usize = 1024 * 1024;
/// Timeout for a response.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(8);
/// Delay between a response and the inspection of the upstream, for bytes that are still in flight.
const SETTLE: Duration = Duration::from_millis(8);
/// Number of attacks that are sent at once.
const BATCH: usize = 16;

/// The response to a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// The status of the last response.
    Status(u16),
    /// The connection was closed without a response.
    Closed,
    /// No response within [`RESPONSE_TIMEOUT`].
    None,
}

/// Sends every case to `target`, a gateway in front of `upstream`: over HTTP/1.1, and over HTTP/2 if the target supports it.
///
/// # Errors
/// When the corpus is malformed, which a test rules out.
pub async fn run(target: &Target, upstream: &Recording) -> Result<SelftestReport, CorpusError> {
    // by the gateway itself, not by ALPN: without TLS there is none
    let speaks_http2 = target.speaks_http2().await;
    // discards what the check for HTTP/2 itself sent to the upstream
    wait_for_arrivals(upstream).await;
    let protocols = [Some(CaseProtocol::Http1), speaks_http2.then_some(CaseProtocol::Http2)];
    let mut report =
        SelftestReport { protocols: protocols.into_iter().flatten().collect(), ..SelftestReport::default() };
    let cases = corpus(target.place())?.into_iter().filter(|case| report.protocols.contains(&case.protocol));
    // only cases of which nothing may arrive can share a batch: arrivals of the others could not be assigned
    let (attacks, others): (Vec<_>, Vec<_>) = cases.partition(|case| case.expect == CaseExpectation::Refused);
    for attacks in attacks.chunks(BATCH) {
        send_batch(target, attacks, upstream, &mut report).await;
    }
    for case in &others {
        let verdict = alone(target, case, upstream).await;
        report.add(case, verdict);
    }
    Ok(report)
}

/// Sends several attacks at once. If anything arrives at the upstream, each is sent again alone, to find which one it was.
// the settle delay is once a batch, not once a case: hundreds of cases would take minutes
async fn send_batch(target: &Target, attacks: &[AttackCase], upstream: &Recording, report: &mut SelftestReport) {
    let mut asked = JoinSet::new();
    for (number, case) in attacks.iter().enumerate() {
        let (target, case) = (target.clone(), case.clone());
        asked.spawn(async move { (number, ask(&target, &case).await) });
    }
    let answers: BTreeMap<usize, Answer> = asked.join_all().await.into_iter().collect();
    let is_quiet = wait_for_arrivals(upstream).await.is_empty();
    let mut holes = report.holes.len();
    for (case, answer) in attacks.iter().zip(answers.into_values()) {
        let verdict = if is_quiet { judge(case, &[], answer) } else { alone(target, case, upstream).await };
        report.add(case, verdict);
    }
    holes = report.holes.len() - holes;
    if !is_quiet
        && holes == 0
        && let Some(first) = attacks.first()
    {
        let what = format!("it, or one of the {BATCH} sent with it, reached the upstream, but not alone");
        report.holes.push(CaseFinding { case: first.name.clone(), source: first.source.clone(), what });
    }
}

async fn alone(target: &Target, case: &AttackCase, upstream: &Recording) -> Option<Verdict> {
    let answer = ask(target, case).await;
    judge(case, &wait_for_arrivals(upstream).await, answer)
}

async fn wait_for_arrivals(upstream: &Recording) -> Vec<Arrival> {
    sleep(SETTLE).await;
    upstream.arrivals()
}

async fn ask(target: &Target, case: &AttackCase) -> Answer {
    let conversation = async {
        match case.protocol {
            CaseProtocol::Http1 => converse(target.http1().await?, case).await,
            CaseProtocol::Http2 => converse_in_frames(target.http2().await?, case).await,
        }
    };
    match timeout(RESPONSE_TIMEOUT, conversation).await {
        Ok(Ok(Some(status))) => Answer::Status(status),
        Ok(Ok(None) | Err(_)) => Answer::Closed,
        Err(_) => Answer::None,
    }
}

/// Sends the case and reads at the same time, since a server may respond before it has read everything. Returns the status of the
/// last response.
async fn converse(stream: Box<dyn TargetStream>, case: &AttackCase) -> io::Result<Option<u16>> {
    let (mut reader, mut writer) = split(stream);
    let send = async {
        // an early refusal may close the connection; its response can still be read
        let _ = writer.write_all(&case.bytes).await;
        let _ = writer.flush().await;
        if case.end {
            let _ = writer.shutdown().await;
        }
        // sending never ends the exchange: the response does, or the end of the connection
        std::future::pending::<()>().await;
    };
    let listen = async {
        let (mut answers, mut last, mut number, mut read) = (Vec::new(), None, 0, 0);
        loop {
            // each response once, and not all of them again for each read
            while let Some((status, length)) = next_status(answers.get(read..).unwrap_or_default()) {
                read = length.saturating_add(read);
                if status >= 200 {
                    (last, number) = (Some(status), number + 1);
                }
            }
            let is_over = number >= case.requests || answers.len() > LONGEST_ANSWER;
            if is_over || !matches!(reader.read_buf(&mut answers).await, Ok(bytes) if bytes > 0) {
                return last;
            }
        }
    };
    tokio::select! {
        () = send => Ok(None),
        last = listen => Ok(last),
    }
}

/// The same in HTTP/2. Every case fits into the initial flow-control window, so no `WINDOW_UPDATE` is awaited.
async fn converse_in_frames(mut stream: Box<dyn TargetStream>, case: &AttackCase) -> io::Result<Option<u16>> {
    let _ = stream.write_all(&case.bytes).await;
    let _ = stream.flush().await;
    let mut buffer = Vec::new();
    loop {
        while let Some(frame) = take(&mut buffer) {
            match frame.event() {
                FrameEvent::Status(status) => return Ok(Some(status)),
                FrameEvent::NoAnswer => return Ok(None),
                FrameEvent::Nothing if frame.kind == SETTINGS && frame.flags & ACK == 0 => {
                    let _ = stream.write_all(SETTINGS_READ).await;
                    let _ = stream.flush().await;
                }
                FrameEvent::Nothing => {}
            }
        }
        if buffer.len() > LONGEST_ANSWER || stream.read_buf(&mut buffer).await? == 0 {
            return Ok(None);
        }
    }
}

/// The status of the first response in `bytes`, interim ones included, and its length, of which a part may be still to come. `None` if its head is incomplete.
fn next_status(bytes: &[u8]) -> Option<(u16, usize)> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let head = String::from_utf8_lossy(bytes.get(..end)?).to_ascii_lowercase();
    let status = head.split(' ').nth(1)?.parse().ok()?;
    let length: Option<usize> = head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
    Some((status, end.saturating_add(length.unwrap_or_default())))
}

#[cfg(test)]
mod tests {
    use super::super::case::{CaseProtocol, Place, corpus};
    use super::{LONGEST_ANSWER, converse, converse_in_frames, next_status};
    use tokio::io::AsyncWriteExt as _;

    /// Sends `piece` again and again, and returns how many bytes were taken.
    async fn endless(mut stream: tokio::io::DuplexStream, piece: &'static [u8]) -> usize {
        let mut sent = 0;
        while stream.write_all(piece).await.is_ok() {
            sent += piece.len();
        }
        sent
    }

    #[tokio::test]
    async fn an_answer_without_end_is_read_no_further() {
        let cases = corpus(Place { scheme: "http", host: "a" }).expect("a corpus");
        let case = |protocol: CaseProtocol| {
            let case = cases.iter().find(|case| case.protocol == protocol).expect("a case").clone();
            // short, so that nothing of it waits for a reader
            super::AttackCase { bytes: b"x".to_vec(), ..case }
        };
        let (ours, theirs) = tokio::io::duplex(64 * 1024);
        let sending = tokio::spawn(endless(theirs, b"HTTP/1.1 100 Continue\r\n\r\n"));
        assert_eq!(converse(Box::new(ours), &case(CaseProtocol::Http1)).await.expect("an end"), None);
        assert!(sending.await.expect("a number") < 2 * LONGEST_ANSWER);
        // a frame of 16 MB that does not end
        let (ours, theirs) = tokio::io::duplex(64 * 1024);
        let sending = tokio::spawn(endless(theirs, &[0xff; 1024]));
        assert_eq!(converse_in_frames(Box::new(ours), &case(CaseProtocol::Http2)).await.expect("an end"), None);
        assert!(sending.await.expect("a number") < 2 * LONGEST_ANSWER);
    }

    #[test]
    fn each_response_is_read_once() {
        let bytes: &[u8] =
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}HTTP/1.1 422 No\r\n\r\n";
        let (mut statuses, mut read) = (Vec::new(), 0);
        while let Some((status, length)) = next_status(bytes.get(read..).unwrap_or_default()) {
            statuses.push(status);
            read += length;
        }
        assert_eq!((statuses.as_slice(), read), (&[100, 200, 422][..], bytes.len()));
        assert_eq!(next_status(b"HTTP/1.1 200"), None);
    }
}
