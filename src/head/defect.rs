//! Defects in the bytes of a head, which the parsed request no longer shows.

/// Why the bytes of a request's head cannot be trusted to mean what a parser made of them.
///
/// The server puts it into the extensions of the request, and admission refuses the request before any other check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeadDefect {
    /// It does not match the grammar of RFC 9112.
    Malformed,
    /// A version other than HTTP/1.0 and HTTP/1.1.
    Version,
    /// A line ends with a bare line feed; servers differ in whether that ends a line.
    BareLineFeed,
    /// The request target has a fragment, which some servers treat as a part of the path.
    Fragment,
    /// `Content-Length` occurs twice, or is not a number below 2^63.
    ContentLength,
    /// `Transfer-Encoding` is not `chunked`, or occurs in HTTP/1.0, which does not have it.
    TransferEncoding,
    /// Both `Content-Length` and `Transfer-Encoding`.
    TwoFramings,
    /// Longer than `limits.headerBytes`, or more lines than the gateway reads.
    TooLong,
    /// It did not arrive within `limits.headerTimeout`.
    TooSlow,
    /// There is no memory left for it.
    Overloaded,
    /// hyper found a request where the guard saw no head: the end of the body before it is in doubt.
    OutOfStep,
}

impl HeadDefect {
    /// The message for the caller.
    pub(crate) const fn message(self) -> &'static str {
        match self {
            Self::Malformed => "the request's head is not valid HTTP/1.1",
            Self::Version => "the request's version of HTTP is neither 1.0 nor 1.1",
            Self::BareLineFeed => "a line of the request's head does not end with a carriage return and a line feed",
            Self::Fragment => "the request target has a fragment",
            Self::ContentLength => "`Content-Length` occurs more than once or is not a number below 2^63",
            Self::TransferEncoding => "`Transfer-Encoding` is something other than `chunked`",
            Self::TwoFramings => "the body is framed by both `Content-Length` and `Transfer-Encoding`",
            Self::TooLong => "the request's head is longer than `limits.headerBytes` or has more than 100 lines",
            Self::TooSlow => "the request's head did not arrive within `limits.headerTimeout`",
            Self::Overloaded => "the gateway has no memory left for the request's head",
            Self::OutOfStep => "the end of the request before this one is in doubt",
        }
    }

    /// What the caller can change.
    pub(crate) const fn fix(self) -> &'static str {
        match self {
            Self::Malformed => "send a request line, fields of `Name: value`, and an empty line (RFC 9112 section 2.1)",
            Self::Version => "send the request in HTTP/1.1 or HTTP/2",
            Self::BareLineFeed => "end each line of the head with a carriage return and a line feed",
            Self::Fragment => "leave out the `#` and what follows it, or write `%23` if it is part of a name",
            Self::ContentLength => "send one `Content-Length`, the number of bytes of the body",
            Self::TransferEncoding => "send `Transfer-Encoding: chunked` in HTTP/1.1, or `Content-Length` in its place",
            Self::TwoFramings => "send either `Content-Length` or `Transfer-Encoding: chunked`",
            Self::TooLong => "send fewer or shorter headers, or ask the gateway's operator to raise the limit",
            Self::TooSlow => "send the whole head at once",
            Self::Overloaded => "repeat the request after `Retry-After`",
            Self::OutOfStep => {
                "repeat this request on a new connection, and send bodies as long as their `Content-Length`"
            }
        }
    }
}
