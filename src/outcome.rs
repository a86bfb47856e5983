//! What became of a request: one closed list of words for logs, metrics, spans and the decision log.

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Outcome {
    /// Judged and forwarded.
    Allowed,
    /// Nothing to judge; forwarded as it came.
    Exempt,
    /// Refused by the gateway.
    Denied,
    /// Forwarded or about to be, but the upstream or the gateway failed.
    Failed,
    /// The client went away before the end of an answer.
    Aborted,
}

impl Outcome {
    /// Every outcome.
    pub const ALL: [Self; 5] = [Self::Allowed, Self::Exempt, Self::Denied, Self::Failed, Self::Aborted];

    /// The word used in logs, metrics and spans.
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
