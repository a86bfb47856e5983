//! Where decisions come from: the admin listener of a gateway.

use super::TailArgs;
use crate::cli::admin_client::{AdminError, AdminListener};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use std::fmt;
use std::time::Duration;

/// Longest silence; the gateway sends a line, empty if need be, three times as often.
const SILENCE: Duration = Duration::from_secs(45);
/// Longest line that is read, in bytes.
const LONGEST: usize = 1 << 20;

/// Where decisions come from, and which.
pub(super) struct DecisionSource {
    listener: AdminListener,
    target: String,
}

impl DecisionSource {
    pub(super) fn new(args: &TailArgs) -> Result<Self, AdminError> {
        let listener = AdminListener::parse(&args.admin)?;
        let listed = |names: &[String]| utf8_percent_encode(&names.join(","), NON_ALPHANUMERIC).to_string();
        let (decision, policy, operation) = (listed(&args.decision), listed(&args.policy), listed(&args.operation));
        let target = format!("/decisions?decision={decision}&policy={policy}&operation={operation}");
        Ok(Self { listener, target })
    }

    /// Asks for decisions.
    pub(super) async fn open(&self) -> Result<DecisionLines, AdminError> {
        let response = self.listener.get(&self.target).await?;
        Ok(DecisionLines { body: response.into_body(), buffer: Vec::new() })
    }
}

impl fmt::Display for DecisionSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.listener.fmt(f)
    }
}

/// `DecisionLines` as they come.
pub(super) struct DecisionLines {
    body: Incoming,
    buffer: Vec<u8>,
}

impl DecisionLines {
    /// The next line that is not empty; `None` after the gateway went away.
    pub(super) async fn next(&mut self) -> Option<String> {
        loop {
            while let Some(end) = self.buffer.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.buffer.drain(..=end).collect();
                let line = String::from_utf8_lossy(&line).trim().to_owned();
                if !line.is_empty() {
                    return Some(line);
                }
            }
            // a connection whose other end vanished is silent for ever
            let frame = pingora_timeout::timeout(SILENCE, self.body.frame()).await.ok()??.ok()?;
            self.buffer.extend_from_slice(&frame.into_data().unwrap_or_default());
            // no gateway sends such a line, and memory must not grow with what another program sends
            if self.buffer.len() > LONGEST {
                return None;
            }
        }
    }
}
