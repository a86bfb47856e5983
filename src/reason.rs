//! Why a request was refused: one closed list from which the error code, the status, the metric label, the log field,
//! the hint for the caller and the table in the documentation are made.

/// Why the gateway responded to a request itself instead of forwarding it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reason {
    /// The body is not one JSON value in UTF-8 (RFC 8259), or nests deeper than the gateway reads.
    MalformedJson,
    /// The body has more than one meaning: a name twice, or a name that a lenient decoder takes for another.
    AmbiguousJson,
    /// The body does not fit the contract's JSON Schema for this operation.
    SchemaViolation,
    /// A policy refused the request.
    PolicyDenied,
    /// A policy could not be evaluated; the gateway fails closed.
    PolicyError,
    /// The path could be read as an inspected operation but is not its canonical spelling.
    AmbiguousPath,
    /// The head has more than one meaning: duplicate or contradicting headers, or a body where none belongs.
    AmbiguousRequest,
    /// The method is not one the gateway forwards.
    MethodNotAllowed,
    /// No operation of the contract has the method and path, and `contract.fallthrough` refuses such requests.
    OperationNotAllowed,
    /// The body did not arrive within `limits.bodyTimeout`.
    BodyTimeout,
    /// The head is longer than `limits.headerBytes`, or has too many fields.
    HeadTooLarge,
    /// The body is longer than `limits.bodyBytes`.
    BodyTooLarge,
    /// The body's media type is not `application/json` in UTF-8.
    UnsupportedMediaType,
    /// The body has a content coding.
    UnsupportedEncoding,
    /// The caller exceeded a `RequestLimit`.
    RateLimited,
    /// The gateway is at one of its own limits.
    Overloaded,
    /// No connection to the upstream, or the upstream closed it early or sent an invalid response.
    UpstreamUnreachable,
    /// The upstream did not respond in time.
    UpstreamTimeout,
    /// The gateway failed; the request was not forwarded.
    Internal,
}

impl Reason {
    /// Every reason, in the order in which the documentation lists them.
    pub const ALL: [Self; 19] = [
        Self::MalformedJson,
        Self::AmbiguousJson,
        Self::SchemaViolation,
        Self::PolicyDenied,
        Self::PolicyError,
        Self::AmbiguousPath,
        Self::AmbiguousRequest,
        Self::MethodNotAllowed,
        Self::OperationNotAllowed,
        Self::BodyTimeout,
        Self::HeadTooLarge,
        Self::BodyTooLarge,
        Self::UnsupportedMediaType,
        Self::UnsupportedEncoding,
        Self::RateLimited,
        Self::Overloaded,
        Self::UpstreamUnreachable,
        Self::UpstreamTimeout,
        Self::Internal,
    ];

    /// The name in logs, metrics, spans and the `portcullis-decision` header. Part of the interface: it never changes.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MalformedJson => "malformed_json",
            Self::AmbiguousJson => "ambiguous_json",
            Self::SchemaViolation => "schema_violation",
            Self::PolicyDenied => "policy_denied",
            Self::PolicyError => "policy_error",
            Self::AmbiguousPath => "ambiguous_path",
            Self::AmbiguousRequest => "ambiguous_request",
            Self::MethodNotAllowed => "method_not_allowed",
            Self::OperationNotAllowed => "operation_not_allowed",
            Self::BodyTimeout => "body_timeout",
            Self::HeadTooLarge => "head_too_large",
            Self::BodyTooLarge => "body_too_large",
            Self::UnsupportedMediaType => "unsupported_media_type",
            Self::UnsupportedEncoding => "unsupported_encoding",
            Self::RateLimited => "rate_limited",
            Self::Overloaded => "overloaded",
            Self::UpstreamUnreachable => "upstream_unreachable",
            Self::UpstreamTimeout => "upstream_timeout",
            Self::Internal => "internal",
        }
    }

    /// The `code` of the error document: `gateway_` and the reason.
    pub fn code(self) -> String {
        format!("gateway_{}", self.as_str())
    }

    /// The HTTP status (RFC 9110 section 15) that a refusal for this reason has.
    ///
    /// Overload is 429 and never 503: the official SDKs repeat a 5xx for up to an hour, `PATCH` too.
    /// 422 becomes 400 on operations whose contract does not list 422, which the caller of this decides.
    pub const fn status(self) -> u16 {
        match self {
            Self::MalformedJson | Self::AmbiguousJson | Self::AmbiguousPath | Self::AmbiguousRequest => 400,
            Self::OperationNotAllowed => 403,
            Self::MethodNotAllowed => 405,
            Self::BodyTimeout => 408,
            Self::BodyTooLarge => 413,
            Self::HeadTooLarge => 431,
            Self::UnsupportedMediaType | Self::UnsupportedEncoding => 415,
            Self::SchemaViolation | Self::PolicyDenied | Self::PolicyError => 422,
            Self::RateLimited | Self::Overloaded => 429,
            // The SDKs repeat a 5xx, so only faults that may pass by themselves have one: these three.
            Self::Internal => 500,
            Self::UpstreamUnreachable => 502,
            Self::UpstreamTimeout => 504,
        }
    }

    /// What the reason means, in one sentence: lower case, no full stop.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::MalformedJson => "the body is not one JSON value in UTF-8, or nests too deep",
            Self::AmbiguousJson => "the body has a name twice, or one that differs from a known name only by case",
            Self::SchemaViolation => "the body does not fit the contract's schema for the operation",
            Self::PolicyDenied => "a policy refused the request",
            Self::PolicyError => "a policy could not be evaluated, so the request was refused",
            Self::AmbiguousPath => "the path could be read as an inspected operation but is not its canonical spelling",
            Self::AmbiguousRequest => "the request's head has more than one meaning, or a body where none belongs",
            Self::MethodNotAllowed => "the method is not one the gateway forwards",
            Self::OperationNotAllowed => {
                "no operation of the contract has the method and path, which `contract.fallthrough` denies"
            }
            Self::BodyTimeout => "the body did not arrive within `limits.bodyTimeout`",
            Self::HeadTooLarge => "the head is longer than `limits.headerBytes`, or has too many fields",
            Self::BodyTooLarge => "the body is longer than `limits.bodyBytes`",
            Self::UnsupportedMediaType => "the body's media type is not `application/json` in UTF-8",
            Self::UnsupportedEncoding => "the body has a content coding",
            Self::RateLimited => "the caller exceeded a limit",
            Self::Overloaded => "the gateway is at one of its own limits; try again after `Retry-After`",
            Self::UpstreamUnreachable => "the upstream could not be reached, broke off or sent an invalid response",
            Self::UpstreamTimeout => "the upstream did not respond in time",
            Self::Internal => "the gateway failed; the request was not forwarded",
        }
    }

    /// What the caller can do about it, in one sentence: lower case, no full stop. Refusals carry it as their hint, unless the
    /// rule that refused knows better.
    pub const fn fix(self) -> &'static str {
        match self {
            Self::MalformedJson => "send one JSON value in UTF-8 (RFC 8259)",
            Self::AmbiguousJson => "give each field once, under the exact name that the contract declares",
            Self::SchemaViolation => "send only fields that the contract declares, with values of the declared types",
            Self::PolicyDenied => "change the fields that the policy names, or ask its owner for a waiver",
            Self::PolicyError => "ask the owner of the policy to fix it; your request is not at fault",
            Self::AmbiguousPath => {
                "write the path plainly: no `%` escapes, dot segments, empty segments or trailing slash"
            }
            Self::AmbiguousRequest => {
                "send a head with one meaning: each header once, one framing, no body with GET, no query beside a body"
            }
            Self::MethodNotAllowed => "use a method that the contract lists for this path",
            Self::OperationNotAllowed => {
                "call an operation of the contract, or ask the gateway's operator to allow this one: `portcullis contract add`, or `contract.fallthrough`"
            }
            Self::BodyTimeout => "send the whole request without pauses",
            Self::HeadTooLarge => "send fewer and shorter headers, or a shorter path",
            Self::BodyTooLarge => "send less in one request",
            Self::UnsupportedMediaType => {
                "send the body as `Content-Type: application/json`, with `charset=utf-8` or none"
            }
            Self::UnsupportedEncoding => "send the body without `Content-Encoding`",
            Self::RateLimited => "send requests less often, and repeat this one after `Retry-After`",
            Self::Overloaded => "repeat the request after `Retry-After`",
            // the gateway cannot know the result of a request that the upstream has received
            Self::UpstreamUnreachable | Self::UpstreamTimeout => {
                "check whether the request took effect before you repeat it"
            }
            Self::Internal => "report the decision id to the gateway's operator",
        }
    }

    /// Where this reason is documented, relative to the repository.
    pub fn link(self) -> String {
        format!("docs/refusals.md#{}", self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::Reason;
    use std::collections::BTreeSet;

    #[test]
    fn every_fix_is_one_plain_clause() {
        for reason in Reason::ALL {
            let fix = reason.fix();
            assert!(fix.starts_with(|first: char| first.is_ascii_lowercase()) && !fix.ends_with('.'), "{fix}");
        }
    }

    #[test]
    fn every_reason_is_listed_once_and_has_a_word_of_its_own() {
        let words: BTreeSet<_> = Reason::ALL.iter().map(|reason| reason.as_str()).collect();
        assert_eq!(words.len(), Reason::ALL.len());
    }

    #[test]
    fn no_refusal_of_our_own_making_is_a_status_that_sdks_repeat() {
        let repeated: Vec<_> = Reason::ALL.iter().filter(|reason| reason.status() >= 500).collect();
        assert_eq!(repeated, [&Reason::UpstreamUnreachable, &Reason::UpstreamTimeout, &Reason::Internal]);
    }
}
