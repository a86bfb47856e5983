//! Phone numbers as resources of their own.

use super::clerk_error::ClerkError;
use super::contact::PhoneNumber;
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

type OneNumber = Result<Json<PhoneNumber>, ClerkError>;

pub(super) fn router() -> Router<SandboxState> {
    Router::new()
        .route("/v1/phone_numbers", post(create))
        .route("/v1/phone_numbers/{phone_number_id}", get(read).patch(update).delete(delete))
        .route("/v1/users/{user_id}/phone_number", put(replace))
}

/// `CreatePhoneNumber`.
async fn create(State(users): Store, mut fields: BodyFields) -> OneNumber {
    let user_id: String = fields.take_required("user_id")?;
    let number: String = fields.take_required("phone_number")?;
    users.change(
        |user| user.id == user_id,
        ClerkError::no_such_user,
        |user| {
            let now = timestamp::now();
            let position = user.phone_numbers.len();
            user.push_phone_number(number, now);
            apply(user, position, &mut fields, now)
        },
    )
}

/// `GetPhoneNumber`.
async fn read(State(users): Store, ContactId(id): ContactId) -> OneNumber {
    on_number(&users, &id, |user, position| one_number(user, position))
}

/// `UpdatePhoneNumber`.
async fn update(State(users): Store, ContactId(id): ContactId, mut fields: BodyFields) -> OneNumber {
    on_number(&users, &id, |user, position| apply(user, position, &mut fields, timestamp::now()))
}

/// `DeletePhoneNumber`.
async fn delete(State(users): Store, ContactId(id): ContactId) -> Result<Json<Value>, ClerkError> {
    on_number(&users, &id, |user, position| {
        user.phone_numbers.remove(position);
        user.primary_phone_number_id.take_if(|primary| *primary == id);
        // the number may have been the user's last second factor
        user.update_second_factor(timestamp::now());
        Ok(deletion("phone_number", &id))
    })
}

/// `ReplaceUserPhoneNumber`.
async fn replace(State(users): Store, UserId(id): UserId, mut fields: BodyFields) -> OneNumber {
    let number: String = fields.take_required("phone_number")?;
    let status = fields.take::<String>("identification_status")?.value();
    users.change(
        |user| user.id == id,
        ClerkError::no_such_user,
        |user| {
            let now = timestamp::now();
            user.push_phone_number(number, now);
            // the others go after the new one got its id, which must not be one of theirs
            let last = user.phone_numbers.len().saturating_sub(1);
            user.phone_numbers.drain(..last);
            if let Some(number) = user.phone_numbers.first_mut() {
                number.set_verified(status.as_deref().is_none_or(|status| status == "verified"), now);
                user.primary_phone_number_id = Some(number.id.clone());
            }
            // a number that was replaced may have been the last second factor
            user.update_second_factor(now);
            one_number(user, 0)
        },
    )
}

fn on_number<T>(
    users: &Users,
    id: &str,
    change: impl FnOnce(&mut User, usize) -> Result<T, ClerkError>,
) -> Result<T, ClerkError> {
    let position = |user: &User| user.phone_numbers.iter().position(|number| number.id == id);
    users.change(
        |user| position(user).is_some(),
        ClerkError::no_such_contact,
        |user| {
            let position = position(user).ok_or_else(ClerkError::no_such_contact)?;
            change(user, position)
        },
    )
}

/// Applies `verified`, `primary` and `reserved_for_second_factor`; absent or null keeps.
fn apply(user: &mut User, position: usize, fields: &mut BodyFields, now: Millis) -> OneNumber {
    let verified = fields.take::<bool>("verified")?.value();
    let primary = fields.take::<bool>("primary")?.value();
    let second_factor = fields.take::<bool>("reserved_for_second_factor")?.value();
    let number = user.phone_numbers.get_mut(position).ok_or_else(ClerkError::no_such_contact)?;
    if let Some(verified) = verified {
        number.set_verified(verified, now);
    }
    if let Some(second_factor) = second_factor {
        number.reserved_for_second_factor = second_factor;
    }
    if primary == Some(true) {
        user.primary_phone_number_id = Some(number.id.clone());
    }
    user.update_second_factor(now);
    user.updated_at = now;
    one_number(user, position)
}

fn one_number(user: &User, position: usize) -> OneNumber {
    user.phone_numbers.get(position).cloned().map(Json).ok_or_else(ClerkError::no_such_contact)
}
