//! The built-in stand-in for Clerk's Backend API: users in memory, responses in Clerk's wire shapes.
//!
//! For demos and tests: any `sk_` key may do anything, nothing outlives the process, and every operation other than those on
//! users, their contacts and their tokens gets a 404. Secrets of a request are never stored: the stand-in knows that a user has
//! a password, not which.

mod body_drain;
mod clerk_error;
mod contact;
mod create;
mod email_addresses;
mod fields;
mod filter;
mod metadata;
mod moderation;
mod phone_numbers;
mod routes;
mod second_factors;
mod seed;
mod state;
mod store;
mod timestamp;
mod tokens;
mod unkept;
mod update;
mod user;
mod version;

use axum::Router;
use axum::middleware;
use state::SandboxState;
use std::future::Future;
use tokio::net::TcpListener;

/// A router of its own for the stand-in, with three users.
pub fn router() -> Router {
    Router::new()
        .merge(routes::router())
        .merge(moderation::router())
        .merge(second_factors::router())
        .merge(email_addresses::router())
        .merge(phone_numbers::router())
        .merge(tokens::router())
        .merge(unkept::router())
        .fallback(routes::no_such_path)
        .method_not_allowed_fallback(routes::no_such_method)
        .layer(middleware::from_fn(routes::require_secret_key))
        // outermost, for the requests that are refused without a key or a path, too
        .layer(middleware::from_fn(body_drain::drain_body))
        .with_state(SandboxState::new(seed::users()))
}

/// Serves the stand-in on `listener` until `shutdown` completes and the requests in flight have their responses.
///
/// # Errors
///
/// When the listener fails for good.
pub async fn serve(listener: TcpListener, shutdown: impl Future<Output = ()> + Send + 'static) -> std::io::Result<()> {
    axum::serve(listener, router()).with_graceful_shutdown(shutdown).await
}
