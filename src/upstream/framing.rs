//! The head of a request as the upstream gets it: framed by the body we send, never by what the client said of its own.

use super::body::UpstreamBody;
use super::upload::Upload;
use http::header::{CONTENT_LENGTH, HOST, TRANSFER_ENCODING};
use http::{HeaderValue, Method, Request, Version};
use http_body::Body;

/// Makes `request` ready to send: HTTP/1.1, our authority, one unambiguous framing (RFC 9112 section 6.3).
///
/// hyper would believe a `Content-Length` or `Transfer-Encoding` left in the head, whatever the body is; and sends no
/// `Content-Length: 0` for an empty `PATCH`, which some servers refuse with 411.
pub(super) fn frame(request: Request<UpstreamBody>, authority: &HeaderValue) -> Request<Upload> {
    let (mut head, body) = request.into_parts();
    head.version = Version::HTTP_11;
    head.headers.insert(HOST, authority.clone());
    head.headers.remove(CONTENT_LENGTH);
    head.headers.remove(TRANSFER_ENCODING);
    match body.size_hint().exact() {
        Some(0) if !expects_body(&head.method) => {}
        Some(length) => {
            head.headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
        }
        None => {
            head.headers.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
        }
    }
    Request::from_parts(head, Upload::new(body))
}

/// Whether the method gives a body a meaning, so that its absence is to be said (RFC 9110 section 8.6).
fn expects_body(method: &Method) -> bool {
    matches!(*method, Method::POST | Method::PUT | Method::PATCH)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn framed(method: &str, body: UpstreamBody) -> http::HeaderMap {
        let request = Request::builder()
            .method(method)
            .version(Version::HTTP_10)
            .header("host", "gateway.internal")
            .header("content-length", "999")
            .header("transfer-encoding", "chunked")
            .body(body)
            .unwrap();
        let request = frame(request, &HeaderValue::from_static("api.clerk.com"));
        assert_eq!(request.version(), Version::HTTP_11);
        assert_eq!(request.headers()["host"], "api.clerk.com");
        request.headers().clone()
    }

    #[test]
    fn a_judged_body_has_its_own_length_and_no_other_framing() {
        let headers = framed("PATCH", UpstreamBody::Judged(Bytes::from_static(b"{}").into()));
        assert_eq!(headers["content-length"], "2");
        assert!(!headers.contains_key("transfer-encoding"));
    }

    #[test]
    fn an_empty_body_is_said_to_be_empty_where_one_is_expected() {
        for method in ["POST", "PUT", "PATCH"] {
            assert_eq!(framed(method, UpstreamBody::Empty)["content-length"], "0");
            assert_eq!(framed(method, UpstreamBody::Judged(Bytes::new().into()))["content-length"], "0");
        }
        for method in ["GET", "DELETE", "HEAD", "OPTIONS"] {
            let headers = framed(method, UpstreamBody::Empty);
            assert!(!headers.contains_key("content-length") && !headers.contains_key("transfer-encoding"));
        }
    }
}
