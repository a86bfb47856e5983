//! What the stand-in answers, one function an operation.

use super::clerk_error::ClerkError;
use super::fields::Fields;
use super::filter::Filter;
use super::store::Users;
use super::user::User;
use super::version::ApiVersion;
use super::{create as creation, metadata, timestamp, update as change};
use axum::Json;
use axum::extract::{FromRequestParts, Path, Request, State};
use axum::http::HeaderValue;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use std::sync::Arc;

type Store = State<Arc<Users>>;
type OneUser = Result<Json<User>, ClerkError>;

/// Lets pass what carries any secret key.
pub(super) async fn require_secret_key(request: Request, next: Next) -> Response {
    let authorization = request.headers().get(AUTHORIZATION).map(HeaderValue::as_bytes);
    if authorization.is_some_and(|value| value.starts_with(b"Bearer sk_")) {
        next.run(request).await
    } else {
        ClerkError::unauthenticated().into_response()
    }
}

/// `GetUserList`.
pub(super) async fn list(State(users): Store, filter: Filter) -> Json<Vec<User>> {
    Json(users.list(&filter))
}

/// `GetUsersCount`.
pub(super) async fn count(State(users): Store, filter: Filter) -> Json<Value> {
    Json(json!({ "object": "total_count", "total_count": users.count(&filter) }))
}

/// `CreateUser`.
pub(super) async fn create(State(users): Store, mut fields: Fields) -> OneUser {
    users.create(|id| creation::user(id, &mut fields, timestamp::now())).map(Json)
}

/// `GetUser`.
pub(super) async fn read(State(users): Store, UserId(id): UserId) -> OneUser {
    users.get(&id).map(Json)
}

/// `UpdateUser`.
pub(super) async fn update(
    State(users): Store,
    UserId(id): UserId,
    version: ApiVersion,
    mut fields: Fields,
) -> OneUser {
    let updated = users.update(&id, |user| {
        let now = timestamp::now();
        if version.updates_metadata() {
            metadata::replace(user, &mut fields, now)?;
        }
        change::apply(user, &mut fields, now)
    });
    updated.map(Json)
}

/// `UpdateUserMetadata`.
pub(super) async fn merge_metadata(State(users): Store, UserId(id): UserId, mut fields: Fields) -> OneUser {
    users.update(&id, |user| metadata::merge(user, &mut fields, timestamp::now())).map(Json)
}

/// `ReplaceUserMetadata`.
pub(super) async fn replace_metadata(State(users): Store, UserId(id): UserId, mut fields: Fields) -> OneUser {
    users.update(&id, |user| metadata::replace(user, &mut fields, timestamp::now())).map(Json)
}

/// `DeleteUser`.
pub(super) async fn delete(State(users): Store, UserId(id): UserId) -> Result<Json<Value>, ClerkError> {
    let user = users.delete(&id)?;
    Ok(Json(json!({ "object": "user", "id": user.id, "deleted": true })))
}

/// `GetJWKS`: the stand-in signs nothing.
pub(super) async fn jwks() -> Json<Value> {
    Json(json!({ "keys": [] }))
}

/// Any other path.
pub(super) async fn no_such_path() -> ClerkError {
    ClerkError::no_such_path()
}

/// Any other method of a path that is there.
pub(super) async fn no_such_method() -> ClerkError {
    ClerkError::no_such_method()
}

/// The id in the path. One that does not decode is one that no user has.
pub(super) struct UserId(String);

impl<S: Send + Sync> FromRequestParts<S> for UserId {
    type Rejection = ClerkError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ClerkError> {
        let path = Path::from_request_parts(parts, state).await.map_err(|_| ClerkError::no_such_user())?;
        Ok(Self(path.0))
    }
}
