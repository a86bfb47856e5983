//! The outcome of a request: one closed list for logs, metrics, spans and the decision log.

/// The outcome of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Outcome {
    /// Judged and forwarded.
    Allowed,
    /// Forwarded without judging, because there was nothing to judge.
    Exempt,
    /// Refused by the gateway.
    Denied,
    /// Permitted, but the upstream or the gateway failed.
    Failed,
    /// The client closed the connection before the end of the response.
    Aborted,
}

impl Outcome {
    /// Every outcome.
    pub const ALL: [Self; 5] = [Self::Allowed, Self::Exempt, Self::Denied, Self::Failed, Self::Aborted];

    /// The name in logs, metrics and spans.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allowed => "allow",
            Self::Exempt => "exempt",
            Self::Denied => "deny",
            Self::Failed => "fail",
            Self::Aborted => "abort",
        }
    }
}
