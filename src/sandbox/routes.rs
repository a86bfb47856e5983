//! The operations on users, one function each, and what all routes share.

use super::clerk_error::ClerkError;
use super::fields::BodyFields;
use super::filter::UserFilter;
use super::state::SandboxState;
use super::store::Users;
use super::user::User;
use super::version::RequestVersion;
use super::{create as creation, metadata, timestamp, update as change};
use axum::extract::{FromRequestParts, Path, Request, State};
use axum::http::HeaderValue;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, patch, post};
use axum::{Json, Router};
use serde_json::{Value, json};
use std::sync::Arc;

/// The users, as a handler extracts them.
pub(super) type Store = State<Arc<Users>>;
/// The response of an operation on one user.
pub(super) type OneUser = Result<Json<User>, ClerkError>;

pub(super) fn router() -> Router<SandboxState> {
    Router::new()
        .route("/v1/users", get(list).post(create))
        // a user like any other: the stand-in has one instance
        .route("/v1/platform/applications/{application}/instances/{instance}/users", post(create))
        .route(
            "/v1/platform/applications/{application}/instances/{instance}/users/{user_id}",
            axum::routing::delete(delete),
        )
        // axum prefers a literal segment to a parameter, so that `count` is no user id
        .route("/v1/users/count", get(count))
        .route("/v1/users/{user_id}", get(read).patch(update).delete(delete))
        .route("/v1/users/{user_id}/metadata", patch(merge_metadata).put(replace_metadata))
        .route("/v1/users/{user_id}/profile_image", post(set_profile_image).delete(delete_profile_image))
        .route("/v1/jwks", get(jwks))
}

/// Passes on requests with any secret key.
pub(super) async fn require_secret_key(request: Request, next: Next) -> Response {
    let authorization = request.headers().get(AUTHORIZATION).map(HeaderValue::as_bytes);
    // any key is right: a real one may be sent by accident, and is neither compared nor stored
    if authorization.is_some_and(|value| value.starts_with(b"Bearer sk_")) {
        next.run(request).await
    } else {
        ClerkError::invalid_authentication().into_response()
    }
}

/// `GetUserList`.
async fn list(State(users): Store, filter: UserFilter) -> Json<Vec<User>> {
    Json(users.list(&filter))
}

/// `GetUsersCount`.
async fn count(State(users): Store, filter: UserFilter) -> Json<Value> {
    Json(json!({ "object": "total_count", "total_count": users.count(&filter) }))
}

/// `CreateUser`.
async fn create(State(users): Store, mut fields: BodyFields) -> OneUser {
    users.create(|id| creation::user(id, &mut fields, timestamp::now())).map(Json)
}

/// `GetUser`.
async fn read(State(users): Store, UserId(id): UserId) -> OneUser {
    users.get(&id).map(Json)
}

/// `UpdateUser`.
async fn update(State(users): Store, UserId(id): UserId, version: RequestVersion, mut fields: BodyFields) -> OneUser {
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
async fn merge_metadata(State(users): Store, UserId(id): UserId, mut fields: BodyFields) -> OneUser {
    users.update(&id, |user| metadata::merge(user, &mut fields, timestamp::now())).map(Json)
}

/// `ReplaceUserMetadata`.
async fn replace_metadata(State(users): Store, UserId(id): UserId, mut fields: BodyFields) -> OneUser {
    users.update(&id, |user| metadata::replace(user, &mut fields, timestamp::now())).map(Json)
}

/// `DeleteUser`.
async fn delete(State(users): Store, UserId(id): UserId) -> Result<Json<Value>, ClerkError> {
    let user = users.delete(&id)?;
    Ok(deletion("user", &user.id))
}

/// `SetUserProfileImage`. The image is not read: the drain discards it.
async fn set_profile_image(State(users): Store, UserId(id): UserId) -> OneUser {
    let changed = users.update(&id, |user| {
        user.change_image(Some("profile"), timestamp::now());
        Ok(())
    });
    changed.map(Json)
}

/// `DeleteUserProfileImage`.
async fn delete_profile_image(State(users): Store, UserId(id): UserId) -> OneUser {
    let changed = users.update(&id, |user| {
        user.change_image(None, timestamp::now());
        Ok(())
    });
    changed.map(Json)
}

/// The response to a deletion.
pub(super) fn deletion(object: &str, id: &str) -> Json<Value> {
    Json(json!({ "object": object, "id": id, "deleted": true }))
}

/// `GetJWKS`: the stand-in signs nothing.
async fn jwks() -> Json<Value> {
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

/// The id of a user in the path. An id that is not UTF-8 is no user's.
pub(super) struct UserId(pub(super) String);

/// The id of an e-mail address or a phone number in the path.
pub(super) struct ContactId(pub(super) String);

impl<S: Send + Sync> FromRequestParts<S> for ContactId {
    type Rejection = ClerkError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ClerkError> {
        let path = Path::from_request_parts(parts, state).await.map_err(|_| ClerkError::no_such_contact())?;
        Ok(Self(path.0))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for UserId {
    type Rejection = ClerkError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ClerkError> {
        let path = Path::<Vec<(String, String)>>::from_request_parts(parts, state).await;
        let Path(parameters) = path.map_err(|_| ClerkError::no_such_user())?;
        // by name: paths of the Platform API have others before it
        let id = parameters.into_iter().find(|(name, _)| name == "user_id");
        id.map(|(_, id)| Self(id)).ok_or_else(ClerkError::no_such_user)
    }
}
