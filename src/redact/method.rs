//! The method of a request as a word of a closed list.

use http::Method;

/// What stands for anything outside a closed list: a method that is not standard, a route that the contract lacks.
pub const OTHER: &str = "_OTHER";

/// The method if it is one of RFC 9110 or RFC 5789, else [`OTHER`] (OpenTelemetry HTTP conventions, `http.request.method`).
/// A method is chosen by the client, so an unknown one could carry anything.
pub fn method_label(method: &Method) -> &'static str {
    // by hand, not `Method::as_str`: that would show the text of an extension method
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        Method::CONNECT => "CONNECT",
        Method::TRACE => "TRACE",
        _ => OTHER,
    }
}

#[cfg(test)]
mod tests {
    use super::method_label;
    use http::Method;

    #[test]
    fn only_standard_methods_are_shown() {
        assert_eq!(method_label(&Method::PATCH), "PATCH");
        for odd in ["patch", "PATCHX", "SK_TEST_PORTCULLIS"] {
            assert_eq!(method_label(&Method::from_bytes(odd.as_bytes()).unwrap()), "_OTHER");
        }
    }
}
