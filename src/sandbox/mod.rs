//! The built-in stand-in for Clerk's Backend API: users in memory, answers in Clerk's wire shapes.
//!
//! It is for demos and tests: whoever has any `sk_` key may do anything, nothing outlives the process, and every
//! operation that is not about users answers 404. Secrets that a request carries are never kept: the stand-in
//! remembers that a password is set, not which.

mod clerk_error;
mod contact;
mod create;
mod fields;
mod filter;
mod metadata;
mod routes;
mod seed;
mod store;
mod timestamp;
mod update;
mod user;
mod version;

use axum::Router;
use axum::middleware;
use axum::routing::{get, patch};
use std::future::Future;
use std::sync::Arc;
use store::Users;
use tokio::net::TcpListener;

/// The stand-in as a router of its own, with three users to start with.
pub fn router() -> Router {
    Router::new()
        .route("/v1/users", get(routes::list).post(routes::create))
        .route("/v1/users/count", get(routes::count))
        .route("/v1/users/{user_id}", get(routes::read).patch(routes::update).delete(routes::delete))
        .route("/v1/users/{user_id}/metadata", patch(routes::merge_metadata).put(routes::replace_metadata))
        .route("/v1/jwks", get(routes::jwks))
        .fallback(routes::no_such_path)
        .method_not_allowed_fallback(routes::no_such_method)
        .layer(middleware::from_fn(routes::require_secret_key))
        .with_state(Arc::new(Users::with(seed::users())))
}

/// Serves the stand-in on `listener` until `shutdown` resolves and the requests in flight are answered.
///
/// # Errors
/// When the listener fails for good.
pub async fn serve(listener: TcpListener, shutdown: impl Future<Output = ()> + Send + 'static) -> std::io::Result<()> {
    axum::serve(listener, router()).with_graceful_shutdown(shutdown).await
}
