//! Makes the user that a body of `CreateUser` describes.

use super::clerk_error::ClerkError;
use super::fields::BodyFields;
use super::timestamp::Millis;
use super::user::User;
use super::{metadata, update};

/// The user that the body describes, with the given id.
pub(super) fn user(id: String, fields: &mut BodyFields, now: Millis) -> Result<User, ClerkError> {
    let mut user = User::new(id, now);
    for (address, reserved) in contacts(fields, "email_address", "email_address_identification_status")? {
        user.add_email_address(address, reserved, now);
    }
    for (number, reserved) in contacts(fields, "phone_number", "phone_number_identification_status")? {
        user.add_phone_number(number, reserved, now);
    }
    for wallet in fields.take::<Vec<String>>("web3_wallet")?.value().unwrap_or_default() {
        user.add_web3_wallet(wallet, now);
    }
    fields.take("banned")?.apply_to(&mut user.banned, false);
    fields.take("locked")?.apply_to(&mut user.locked, false);
    // `CreateUser` takes metadata in every API version, unlike `UpdateUser`
    metadata::replace(&mut user, fields, now)?;
    update::apply(&mut user, fields, now)?;
    Ok(user)
}

/// Contacts, each with whether it is reserved. If statuses are present, there is one for each contact.
fn contacts(
    fields: &mut BodyFields,
    name: &'static str,
    statuses: &'static str,
) -> Result<Vec<(String, bool)>, ClerkError> {
    let contacts: Vec<String> = fields.take(name)?.value().unwrap_or_default();
    let given: Vec<String> = fields.take(statuses)?.value().unwrap_or_default();
    if !given.is_empty() && given.len() != contacts.len() {
        return Err(ClerkError::wrong_format(statuses));
    }
    // statuses may be left out altogether: contacts are then verified
    let reserved = given.into_iter().map(|status| status == "reserved").chain(std::iter::repeat(false));
    Ok(contacts.into_iter().zip(reserved).collect())
}
