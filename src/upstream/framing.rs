//! The head of a request to the upstream: framed by the body that is sent, never by the client's own framing.

use super::UpstreamBody;
use super::origin::{Origin, relative};
use super::upload::Upload;
use crate::transport::frame_by_body;
use http::header::{HOST, TRANSFER_ENCODING};
use http::{HeaderValue, Request, Version};
use http_body::Body;

/// Prepares `request` for either version of HTTP, with one framing.
// hyper would send a `Content-Length` or `Transfer-Encoding` that is left in the head, whatever the body is
pub(super) fn frame(request: Request<UpstreamBody>) -> Request<Upload> {
    let (mut head, body) = request.into_parts();
    frame_by_body(&head.method, &mut head.headers, &body);
    Request::from_parts(head, Upload::new(body))
}

/// Completes the head for HTTP/1.1: the origin in `Host`, and a body of unknown length in chunks.
pub(super) fn for_http1(request: &mut Request<Upload>, origin: &Origin) {
    *request.version_mut() = Version::HTTP_11;
    request.headers_mut().insert(HOST, origin.authority().clone());
    if request.body().size_hint().exact().is_none() {
        request.headers_mut().insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
    }
    if request.uri().scheme().is_some() {
        *request.uri_mut() = relative(request.uri());
    }
}

/// Completes the head for HTTP/2 (RFC 9113 section 8.3.1): the origin in `:authority`, framing by the stream.
pub(super) fn for_http2(request: &mut Request<Upload>, origin: &Origin) {
    *request.version_mut() = Version::HTTP_2;
    request.headers_mut().remove(HOST);
    request.headers_mut().remove(TRANSFER_ENCODING);
    *request.uri_mut() = origin.absolute(request.uri());
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn origin() -> Origin {
        Origin::new(true, "api.clerk.com", 443).unwrap()
    }

    fn framed(method: &str, body: UpstreamBody) -> http::HeaderMap {
        let request = Request::builder()
            .method(method)
            .version(Version::HTTP_10)
            .header("host", "gateway.internal")
            .header("content-length", "999")
            .header("transfer-encoding", "chunked")
            .body(body)
            .unwrap();
        let mut request = frame(request);
        for_http1(&mut request, &origin());
        assert_eq!(request.version(), Version::HTTP_11);
        assert_eq!(request.headers()["host"], "api.clerk.com");
        request.headers().clone()
    }

    #[test]
    fn a_judged_body_has_its_own_length_and_no_other_framing() {
        let headers = framed("PATCH", UpstreamBody::Buffered(Bytes::from_static(b"{}").into()));
        assert_eq!(headers["content-length"], "2");
        assert!(!headers.contains_key("transfer-encoding"));
    }

    #[test]
    fn an_empty_body_is_said_to_be_empty_where_one_is_expected() {
        for method in ["POST", "PUT", "PATCH"] {
            assert_eq!(framed(method, UpstreamBody::Empty)["content-length"], "0");
            assert_eq!(framed(method, UpstreamBody::Buffered(Bytes::new().into()))["content-length"], "0");
        }
        for method in ["GET", "DELETE", "HEAD", "OPTIONS"] {
            let headers = framed(method, UpstreamBody::Empty);
            assert!(!headers.contains_key("content-length") && !headers.contains_key("transfer-encoding"));
        }
    }

    #[test]
    fn http_2_has_the_authority_in_the_target_and_can_be_turned_back() {
        let request = Request::patch("/v1/users/user_1?a=b").header("host", "gateway.internal");
        let mut request = frame(request.body(UpstreamBody::Buffered(Bytes::from_static(b"{}").into())).unwrap());
        for_http2(&mut request, &origin());
        assert_eq!(request.uri(), "https://api.clerk.com/v1/users/user_1?a=b");
        assert!(!request.headers().contains_key("host"));
        assert_eq!(request.headers()["content-length"], "2");
        for_http1(&mut request, &origin());
        assert_eq!((request.uri().to_string().as_str(), request.version()), ("/v1/users/user_1?a=b", Version::HTTP_11));
        assert_eq!(request.headers()["host"], "api.clerk.com");
    }
}
