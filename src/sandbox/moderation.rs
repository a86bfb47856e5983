//! Bans and locks, of one user or of many.

use super::clerk_error::ClerkError;
use super::fields::BodyFields;
use super::routes::{OneUser, Store, UserId};
use super::state::SandboxState;
use super::store::Users;
use super::timestamp;
use super::user::User;
use axum::extract::State;
use axum::routing::post;
use axum::{Json, Router};

pub(super) fn router() -> Router<SandboxState> {
    Router::new()
        .route("/v1/users/ban", post(ban_all))
        .route("/v1/users/unban", post(unban_all))
        .route("/v1/users/{user_id}/ban", post(ban))
        .route("/v1/users/{user_id}/unban", post(unban))
        .route("/v1/platform/applications/{application}/instances/{instance}/users/{user_id}/ban", post(ban))
        .route("/v1/users/{user_id}/lock", post(lock))
        .route("/v1/users/{user_id}/unlock", post(unlock))
}

/// `BanUser`.
async fn ban(State(users): Store, UserId(id): UserId) -> OneUser {
    set(&users, &id, |user| user.banned = true)
}

/// `UnbanUser`.
async fn unban(State(users): Store, UserId(id): UserId) -> OneUser {
    set(&users, &id, |user| user.banned = false)
}

/// `LockUser`.
async fn lock(State(users): Store, UserId(id): UserId) -> OneUser {
    set(&users, &id, |user| user.locked = true)
}

/// `UnlockUser`.
async fn unlock(State(users): Store, UserId(id): UserId) -> OneUser {
    set(&users, &id, |user| user.locked = false)
}

/// `UsersBan`.
async fn ban_all(State(users): Store, fields: BodyFields) -> Result<Json<Vec<User>>, ClerkError> {
    set_all(&users, fields, true)
}

/// `UsersUnban`.
async fn unban_all(State(users): Store, fields: BodyFields) -> Result<Json<Vec<User>>, ClerkError> {
    set_all(&users, fields, false)
}

fn set(users: &Users, id: &str, change: impl FnOnce(&mut User)) -> OneUser {
    let changed = users.update(id, |user| {
        change(user);
        user.updated_at = timestamp::now();
        Ok(())
    });
    changed.map(Json)
}

fn set_all(users: &Users, mut fields: BodyFields, banned: bool) -> Result<Json<Vec<User>>, ClerkError> {
    let ids: Vec<String> = fields.take_required("user_ids")?;
    // an unknown id must not leave half of the others banned
    for id in &ids {
        users.get(id)?;
    }
    let changed = ids.iter().map(|id| {
        users.update(id, |user| {
            (user.banned, user.updated_at) = (banned, timestamp::now());
            Ok(())
        })
    });
    changed.collect::<Result<_, _>>().map(Json)
}
