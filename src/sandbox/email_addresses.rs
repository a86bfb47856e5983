//! E-mail addresses as resources of their own.

use super::clerk_error::ClerkError;
use super::contact::EmailAddress;
use super::fields::BodyFields;
use super::routes::{ContactId, Store, UserId, deletion};
use super::state::SandboxState;
use super::store::Users;
use super::timestamp::{self, Millis};
use super::user::User;
use axum::extract::State;
use axum::routing::{get, post, put};
use axum::{Json, Router};
use serde_json::Value;

type OneAddress = Result<Json<EmailAddress>, ClerkError>;

pub(super) fn router() -> Router<SandboxState> {
    Router::new()
        .route("/v1/email_addresses", post(create))
        .route("/v1/email_addresses/{email_address_id}", get(read).patch(update).delete(delete))
        .route("/v1/users/{user_id}/email_address", put(replace))
}

/// `CreateEmailAddress`.
async fn create(State(users): Store, mut fields: BodyFields) -> OneAddress {
    let user_id: String = fields.take_required("user_id")?;
    let address: String = fields.take_required("email_address")?;
    users.change(
        |user| user.id == user_id,
        ClerkError::no_such_user,
        |user| {
            let now = timestamp::now();
            let position = user.email_addresses.len();
            user.push_email_address(address, now);
            apply(user, position, &mut fields, now)
        },
    )
}

/// `GetEmailAddress`.
async fn read(State(users): Store, ContactId(id): ContactId) -> OneAddress {
    on_address(&users, &id, |user, position| one_address(user, position))
}

/// `UpdateEmailAddress`.
async fn update(State(users): Store, ContactId(id): ContactId, mut fields: BodyFields) -> OneAddress {
    on_address(&users, &id, |user, position| apply(user, position, &mut fields, timestamp::now()))
}

/// `DeleteEmailAddress`.
async fn delete(State(users): Store, ContactId(id): ContactId) -> Result<Json<Value>, ClerkError> {
    on_address(&users, &id, |user, position| {
        user.email_addresses.remove(position);
        // the primary one must never be an address that is gone
        user.primary_email_address_id.take_if(|primary| *primary == id);
        Ok(deletion("email_address", &id))
    })
}

/// `ReplaceUserEmailAddress`.
async fn replace(State(users): Store, UserId(id): UserId, mut fields: BodyFields) -> OneAddress {
    let address: String = fields.take_required("email_address")?;
    let status = fields.take::<String>("identification_status")?.value();
    fields.take::<bool>("notify_primary_email_address_changed")?;
    users.change(
        |user| user.id == id,
        ClerkError::no_such_user,
        |user| {
            let now = timestamp::now();
            user.push_email_address(address, now);
            // the others go after the new one got its id, which must not be one of theirs
            let last = user.email_addresses.len().saturating_sub(1);
            user.email_addresses.drain(..last);
            if let Some(email) = user.email_addresses.first_mut() {
                email.set_verified(status.as_deref().is_none_or(|status| status == "verified"), now);
                user.primary_email_address_id = Some(email.id.clone());
            }
            one_address(user, 0)
        },
    )
}

fn on_address<T>(
    users: &Users,
    id: &str,
    change: impl FnOnce(&mut User, usize) -> Result<T, ClerkError>,
) -> Result<T, ClerkError> {
    let position = |user: &User| user.email_addresses.iter().position(|email| email.id == id);
    users.change(
        |user| position(user).is_some(),
        ClerkError::no_such_contact,
        |user| {
            let position = position(user).ok_or_else(ClerkError::no_such_contact)?;
            change(user, position)
        },
    )
}

/// Applies `verified` and `primary`; absent or null keeps.
fn apply(user: &mut User, position: usize, fields: &mut BodyFields, now: Millis) -> OneAddress {
    let verified = fields.take::<bool>("verified")?.value();
    let primary = fields.take::<bool>("primary")?.value();
    // for its type only: the stand-in sends no e-mail
    fields.take::<bool>("notify_primary_email_address_changed")?;
    let email = user.email_addresses.get_mut(position).ok_or_else(ClerkError::no_such_contact)?;
    if let Some(verified) = verified {
        email.set_verified(verified, now);
    }
    if primary == Some(true) {
        user.primary_email_address_id = Some(email.id.clone());
    }
    user.updated_at = now;
    one_address(user, position)
}

fn one_address(user: &User, position: usize) -> OneAddress {
    user.email_addresses.get(position).cloned().map(Json).ok_or_else(ClerkError::no_such_contact)
}
