//! Fires the cases, one after the other, and listens to both ends.

use super::case::{Case, CorpusError, corpus};
use super::recording::Recording;
use super::report::Report;
use super::verdict::judge;
use pingora_timeout::{sleep, timeout};
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Longest wait for an answer.
const PATIENCE: Duration = Duration::from_secs(8);
/// How long the upstream is listened to behind an answer, for what may still be on its way.
const SETTLE: Duration = Duration::from_millis(8);

/// What the client was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// The status of the last answer.
    Status(u16),
    /// The connection was closed without one.
    Closed,
    /// Nothing, for as long as anyone waits.
    None,
}

/// Fires every case at the gateway at `target`, which clients call `host` and behind which `upstream` is.
///
/// # Errors
/// The corpus is not well made, which a test rules out.
pub async fn run(target: SocketAddr, host: &str, upstream: &Recording) -> Result<Report, CorpusError> {
    let mut report = Report::default();
    for case in corpus(host)? {
        let answer = ask(target, &case).await;
        sleep(SETTLE).await;
        let verdict = judge(&case, &upstream.arrivals(), answer);
        report.add(&case, verdict);
    }
    Ok(report)
}

async fn ask(target: SocketAddr, case: &Case) -> Answer {
    match timeout(PATIENCE, converse(target, case)).await {
        Ok(Ok(Some(status))) => Answer::Status(status),
        Ok(Ok(None) | Err(_)) => Answer::Closed,
        Err(_) => Answer::None,
    }
}

/// Sends the case while it reads, as the other side may answer before it has read all; the status of the last answer.
async fn converse(target: SocketAddr, case: &Case) -> io::Result<Option<u16>> {
    let mut stream = TcpStream::connect(target).await?;
    let _ = stream.set_nodelay(true);
    let (mut reader, mut writer) = stream.split();
    let send = async {
        // whoever refuses early may close; what it said can still be read
        let _ = writer.write_all(&case.bytes).await;
        if case.end {
            let _ = writer.shutdown().await;
        }
        std::future::pending::<()>().await;
    };
    let listen = async {
        let mut answers = Vec::new();
        loop {
            let statuses = statuses(&answers);
            if statuses.len() >= case.requests || !matches!(reader.read_buf(&mut answers).await, Ok(read) if read > 0) {
                return statuses.last().copied();
            }
        }
    };
    tokio::select! {
        () = send => Ok(None),
        last = listen => Ok(last),
    }
}

/// The statuses of the whole answers in `bytes`, but for those that announce another.
fn statuses(bytes: &[u8]) -> Vec<u16> {
    let mut statuses = Vec::new();
    let mut rest = bytes;
    while let Some(end) = rest.windows(4).position(|window| window == b"\r\n\r\n") {
        let (head, behind) = rest.split_at(end + 4);
        let head = String::from_utf8_lossy(head).to_ascii_lowercase();
        let Some(status) = head.split(' ').nth(1).and_then(|status| status.parse().ok()) else { break };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
        if status >= 200 {
            statuses.push(status);
        }
        rest = behind.get(length.unwrap_or_default()..).unwrap_or_default();
    }
    statuses
}

#[cfg(test)]
mod tests {
    use super::statuses;

    #[test]
    fn answers_are_told_apart() {
        let bytes =
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}HTTP/1.1 422 No\r\n\r\n";
        assert_eq!(statuses(bytes), [200, 422]);
        assert!(statuses(b"HTTP/1.1 200").is_empty());
    }
}
