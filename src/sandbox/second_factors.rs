//! Passwords and second factors: verified, or removed by an administrator.

use super::clerk_error::ClerkError;
use super::fields::BodyFields;
use super::routes::{Store, UserId};
use super::state::SandboxState;
use super::store::Users;
use super::timestamp;
use super::user::User;
use axum::extract::State;
use axum::routing::{delete, post};
use axum::{Json, Router};
use serde_json::{Value, json};

type Answer = Result<Json<Value>, ClerkError>;

pub(super) fn router() -> Router<SandboxState> {
    Router::new()
        .route("/v1/users/{user_id}/verify_password", post(verify_password))
        .route("/v1/users/{user_id}/verify_totp", post(verify_totp))
        .route("/v1/users/{user_id}/mfa", delete(disable_mfa))
        .route("/v1/users/{user_id}/totp", delete(delete_totp))
        .route("/v1/users/{user_id}/backup_code", delete(delete_backup_code))
}

/// `VerifyPassword`. Every password is the right one, since none is stored to compare it with.
async fn verify_password(State(users): Store, UserId(id): UserId, mut fields: BodyFields) -> Answer {
    fields.take_required::<String>("password")?;
    if users.get(&id)?.password_enabled {
        Ok(Json(json!({ "verified": true })))
    } else {
        Err(ClerkError::no_password())
    }
}

/// `VerifyTOTP`. Every code is the right one, since no secret is stored to compute it from.
async fn verify_totp(State(users): Store, UserId(id): UserId, mut fields: BodyFields) -> Answer {
    fields.take_required::<String>("code")?;
    let is_enabled = users.get(&id)?.totp_enabled;
    if is_enabled { Ok(Json(json!({ "verified": true, "code_type": "totp" }))) } else { Err(ClerkError::no_totp()) }
}

/// `DisableMFA`.
async fn disable_mfa(State(users): Store, UserId(id): UserId) -> Answer {
    change(&users, &id, |user| {
        (user.totp_enabled, user.backup_code_enabled) = (false, false);
        // the numbers themselves stay: they are contacts, too
        user.phone_numbers.iter_mut().for_each(|number| number.reserved_for_second_factor = false);
    })
}

/// `DeleteTOTP`.
async fn delete_totp(State(users): Store, UserId(id): UserId) -> Answer {
    change(&users, &id, |user| user.totp_enabled = false)
}

/// `DeleteBackupCode`.
async fn delete_backup_code(State(users): Store, UserId(id): UserId) -> Answer {
    change(&users, &id, |user| user.backup_code_enabled = false)
}

fn change(users: &Users, id: &str, change: impl FnOnce(&mut User)) -> Answer {
    users.update(id, |user| {
        let now = timestamp::now();
        change(user);
        user.update_second_factor(now);
        user.updated_at = now;
        Ok(())
    })?;
    Ok(Json(json!({ "user_id": id })))
}
