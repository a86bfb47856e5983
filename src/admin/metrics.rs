//! `/metrics`, in the format and coding that the client prefers.

use super::AdminState;
use axum::extract::State as Extract;
use axum::response::{IntoResponse, Response};
use flate2::Compression;
use flate2::write::GzEncoder;
use http::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, HeaderName, VARY};
use http::{HeaderMap, HeaderValue};
use std::io::{self, Write as _};

/// The `OpenMetrics` text format, version 1.0.0.
const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Prometheus' own text format, version 0.0.4.
const PLAIN: &str = "text/plain; version=0.0.4; charset=utf-8";

/// `OpenMetrics` if the client accepts it no less than the older text format, which every scraper reads; compressed with gzip if
/// it accepts that.
pub(super) async fn metrics(Extract(state): Extract<AdminState>, headers: HeaderMap) -> Response {
    let (kind, text) = if prefers_openmetrics(&headers) {
        (OPENMETRICS, state.telemetry.metrics_text())
    } else {
        (PLAIN, state.telemetry.metrics_plain_text())
    };
    let mut response = match Some(&text).filter(|_| takes_gzip(&headers)).map(|text| gzip(text)) {
        Some(Ok(compressed)) => ([(CONTENT_ENCODING, "gzip")], compressed).into_response(),
        Some(Err(_)) | None => text.into_response(),
    };
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response.headers_mut().insert(VARY, HeaderValue::from_static("accept, accept-encoding"));
    response
}

fn prefers_openmetrics(headers: &HeaderMap) -> bool {
    let openmetrics = quality(headers, ACCEPT, |kind, parameters| {
        // of other versions we have none
        let version = parameters.iter().find_map(|parameter| parameter.strip_prefix("version="));
        let is_ours = version.is_none_or(|version| matches!(version.trim_matches('"'), "1.0.0" | "0.0.1"));
        kind == "application/openmetrics-text" && is_ours
    });
    let plain = quality(headers, ACCEPT, |kind, _| kind == "text/plain").unwrap_or_default();
    openmetrics.is_some_and(|openmetrics| openmetrics > 0 && openmetrics >= plain)
}

fn takes_gzip(headers: &HeaderMap) -> bool {
    let named = quality(headers, ACCEPT_ENCODING, |coding, _| matches!(coding, "gzip" | "x-gzip"));
    let gzip = named.or_else(|| quality(headers, ACCEPT_ENCODING, |coding, _| coding == "*")).unwrap_or_default();
    let identity = quality(headers, ACCEPT_ENCODING, |coding, _| coding == "identity").unwrap_or_default();
    gzip > 0 && gzip >= identity
}

/// The highest weight, in thousandths, of the members of a list that are `wanted` by name and parameters, in lower case (RFC
/// 9110 section 12.4.2). `None` if the list has none.
fn quality(headers: &HeaderMap, list: HeaderName, wanted: impl Fn(&str, &[&str]) -> bool) -> Option<u16> {
    let values = headers.get_all(list).into_iter().filter_map(|value| value.to_str().ok());
    let lower: Vec<String> = values.map(str::to_ascii_lowercase).collect();
    let members = lower.iter().flat_map(|value| value.split(','));
    let weights = members.filter_map(|member| {
        let mut parts = member.split(';').map(str::trim);
        let name = parts.next()?;
        let parameters: Vec<&str> = parts.collect();
        let weight = parameters.iter().find_map(|parameter| parameter.strip_prefix("q=")).map_or(1000, thousandths);
        wanted(name, &parameters).then_some(weight)
    });
    weights.max()
}

/// A weight of at most three decimals. One that is invalid is 0: the member is not what the client meant.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to 1000")]
fn thousandths(weight: &str) -> u16 {
    let weight: f32 = weight.trim().parse().ok().filter(|weight| (0.0..=1.0).contains(weight)).unwrap_or_default();
    (weight * 1000.0).round() as u16
}

fn gzip(text: &str) -> io::Result<Vec<u8>> {
    // the fastest level: metrics are repetitive, so that higher ones save little
    let mut encoder = GzEncoder::new(Vec::with_capacity(text.len() / 8), Compression::fast());
    encoder.write_all(text.as_bytes())?;
    encoder.finish()
}

#[cfg(test)]
mod tests {
    use super::{prefers_openmetrics, takes_gzip};
    use http::header::{ACCEPT, ACCEPT_ENCODING, HeaderName};
    use http::{HeaderMap, HeaderValue};

    fn headers(name: &HeaderName, values: &[&'static str]) -> HeaderMap {
        values.iter().map(|value| (name.clone(), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn the_format_is_the_one_of_the_higher_weight() {
        for (accept, expected) in [
            (&["application/openmetrics-text"][..], true),
            (
                &[
                    "Application/OpenMetrics-Text; version=1.0.0; charset=utf-8; q=0.5, text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
                ],
                true,
            ),
            (&["application/openmetrics-text;version=\"0.0.1\";q=0.1"], true),
            (&["text/plain;q=0.5", "application/openmetrics-text;q=0.5"], true),
            (&["application/openmetrics-text;q=0, text/plain"], false),
            (&["application/openmetrics-text; q=0.000"], false),
            (&["application/openmetrics-text;q=0.3,text/plain;q=0.4"], false),
            (&["application/openmetrics-text;version=2.0.0,text/plain;q=0.1"], false),
            (&["application/openmetrics-text;q=high"], false),
            (&["application/openmetrics-text-of-tomorrow"], false),
            (&["*/*"], false),
            (&[], false),
        ] {
            assert_eq!(prefers_openmetrics(&headers(&ACCEPT, accept)), expected, "{accept:?}");
        }
    }

    #[test]
    fn gzip_is_used_if_it_is_accepted() {
        for (accept, expected) in [
            (&["gzip"][..], true),
            (&["deflate, GZIP;q=0.5"], true),
            (&["*"], true),
            (&["br", "gzip"], true),
            (&["gzip;q=0"], false),
            (&["gzip;q=0, *"], false),
            (&["identity, gzip;q=0.5"], false),
            (&["br, zstd"], false),
            (&[""], false),
            (&[], false),
        ] {
            assert_eq!(takes_gzip(&headers(&ACCEPT_ENCODING, accept)), expected, "{accept:?}");
        }
    }
}
