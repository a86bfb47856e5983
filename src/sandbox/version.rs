//! The API version of a request.

use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;
use std::convert::Infallible;

/// The first API version in which `UpdateUser` does not take metadata.
const METADATA_APART: &str = "2026-05-12";

/// The API version in the header or the query of a request; the newest if it names none.
pub(super) struct RequestVersion(String);

impl RequestVersion {
    /// Whether `UpdateUser` replaces metadata. Versions are ISO dates, which sort as text.
    pub(super) fn updates_metadata(&self) -> bool {
        self.0.as_str() < METADATA_APART
    }
}

impl<S: Send + Sync> FromRequestParts<S> for RequestVersion {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        let header = parts.headers.get("clerk-api-version").and_then(|value| value.to_str().ok()).map(str::to_owned);
        let query = Query::<Vec<(String, String)>>::from_request_parts(parts, state).await;
        let query =
            query.ok().and_then(|Query(pairs)| pairs.into_iter().find(|(name, _)| name == "__clerk_api_version"));
        let named = header.or_else(|| query.map(|(_, value)| value));
        // which version Clerk takes here is documented nowhere
        Ok(Self(named.unwrap_or_else(|| METADATA_APART.to_owned())))
    }
}
