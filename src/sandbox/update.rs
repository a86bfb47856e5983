//! Applies a body of `UpdateUser` to a user. `CreateUser` uses it for a new one.

use super::clerk_error::ClerkError;
use super::fields::{BodyFields, FieldUpdate};
use super::timestamp::{self, Millis};
use super::user::User;

/// The shortest password that passes Clerk's checks, in characters.
const SHORTEST_PASSWORD: usize = 8;

/// Updates the user: an absent field keeps, null clears. Metadata is not touched, as its handling depends on the API version.
pub(super) fn apply(user: &mut User, fields: &mut BodyFields, now: Millis) -> Result<(), ClerkError> {
    profile(user, fields)?;
    primary_contacts(user, fields)?;
    password(user, fields, now)?;
    second_factors(user, fields, now)?;
    permissions(user, fields)?;
    times(user, fields)?;
    user.updated_at = now;
    Ok(())
}

fn profile(user: &mut User, fields: &mut BodyFields) -> Result<(), ClerkError> {
    fields.take("external_id")?.apply_to_option(&mut user.external_id);
    fields.take("first_name")?.apply_to_option(&mut user.first_name);
    fields.take("last_name")?.apply_to_option(&mut user.last_name);
    fields.take("locale")?.apply_to_option(&mut user.locale);
    fields.take("timezone")?.apply_to_option(&mut user.timezone);
    fields.take("username")?.apply_to_option(&mut user.username);
    // Clerk treats a blank username as none
    user.username.take_if(|name| name.is_empty());
    match fields.take::<String>("profile_image_id")? {
        FieldUpdate::Keep => {}
        FieldUpdate::Clear => user.set_image(None),
        FieldUpdate::Set(id) => user.set_image(Some(&id)),
    }
    Ok(())
}

fn primary_contacts(user: &mut User, fields: &mut BodyFields) -> Result<(), ClerkError> {
    let emails = user.email_addresses.iter().map(|email| &email.id);
    primary(fields, "primary_email_address_id", emails, &mut user.primary_email_address_id)?;
    let phones = user.phone_numbers.iter().map(|phone| &phone.id);
    primary(fields, "primary_phone_number_id", phones, &mut user.primary_phone_number_id)?;
    let wallets = user.web3_wallets.iter().map(|wallet| &wallet.id);
    primary(fields, "primary_web3_wallet_id", wallets, &mut user.primary_web3_wallet_id)
}

fn primary<'a>(
    fields: &mut BodyFields,
    name: &'static str,
    mut owned: impl Iterator<Item = &'a String>,
    field: &mut Option<String>,
) -> Result<(), ClerkError> {
    let change = fields.take::<String>(name)?;
    let change = change.try_map(|id| {
        // an id of another user would let a demo pass that fails at Clerk
        if owned.any(|known| *known == id) { Ok(id) } else { Err(ClerkError::unknown_reference(name)) }
    })?;
    change.apply_to_option(field);
    Ok(())
}

fn password(user: &mut User, fields: &mut BodyFields, now: Millis) -> Result<(), ClerkError> {
    let unchecked = fields.take("skip_password_checks")?.value().unwrap_or(false);
    let plain = fields.take("password")?.try_map(|password: String| {
        // the one check of Clerk's that a demo of `skip_password_checks` needs
        let long_enough = unchecked || password.chars().count() >= SHORTEST_PASSWORD;
        if long_enough { Ok(()) } else { Err(ClerkError::short_password(SHORTEST_PASSWORD)) }
    })?;
    let hasher = fields.take::<String>("password_hasher")?.value();
    let digest = fields
        .take("password_digest")?
        // only whether there is a digest is stored, never the digest
        .try_map(|_: String| if hasher.is_some() { Ok(()) } else { Err(ClerkError::missing("password_hasher")) })?;
    for change in [plain, digest] {
        match change {
            FieldUpdate::Keep => {}
            FieldUpdate::Clear => user.password_enabled = false,
            FieldUpdate::Set(()) => (user.password_enabled, user.password_last_updated_at) = (true, Some(now)),
        }
    }
    Ok(())
}

fn second_factors(user: &mut User, fields: &mut BodyFields, now: Millis) -> Result<(), ClerkError> {
    let totp = fields.take("totp_secret")?.try_map(|secret: String| Ok(!secret.is_empty()))?;
    totp.apply_to(&mut user.totp_enabled, false);
    let backup = fields.take("backup_codes")?.try_map(|codes: Vec<String>| Ok(!codes.is_empty()))?;
    backup.apply_to(&mut user.backup_code_enabled, false);
    user.update_second_factor(now);
    Ok(())
}

fn permissions(user: &mut User, fields: &mut BodyFields) -> Result<(), ClerkError> {
    // null stands for the setting of the instance, and this one allows both
    fields.take("delete_self_enabled")?.apply_to(&mut user.delete_self_enabled, true);
    fields.take("create_organization_enabled")?.apply_to(&mut user.create_organization_enabled, true);
    fields.take("create_organizations_limit")?.apply_to_option(&mut user.create_organizations_limit);
    fields.take("bypass_client_trust")?.apply_to(&mut user.bypass_client_trust, false);
    // these change what Clerk does next, not the user: only their types are checked
    for name in [
        "skip_password_requirement",
        "skip_legal_checks",
        "sign_out_of_other_sessions",
        "notify_primary_email_address_changed",
    ] {
        fields.take::<bool>(name)?;
    }
    Ok(())
}

fn times(user: &mut User, fields: &mut BodyFields) -> Result<(), ClerkError> {
    time(fields, "legal_accepted_at")?.apply_to_option(&mut user.legal_accepted_at);
    // null keeps the time: every user has one
    let created_at = user.created_at;
    time(fields, "created_at")?.apply_to(&mut user.created_at, created_at);
    Ok(())
}

fn time(fields: &mut BodyFields, name: &'static str) -> Result<FieldUpdate<Millis>, ClerkError> {
    let text = fields.take::<String>(name)?;
    text.try_map(|text| timestamp::parse(&text).ok_or_else(|| ClerkError::wrong_format(name)))
}

#[cfg(test)]
mod tests {
    use super::{BodyFields, ClerkError, User, apply};
    use serde_json::json;

    fn applied(user: &mut User, body: &serde_json::Value) -> Result<(), ClerkError> {
        apply(user, &mut BodyFields::parse(body.to_string().as_bytes()).expect("a body"), 7)
    }

    fn user() -> User {
        User::new("user_portcullis_test".to_owned(), 0)
    }

    #[test]
    fn absent_keeps_null_clears_and_a_value_sets() {
        let mut user = user();
        applied(&mut user, &json!({ "first_name": "Ada", "last_name": "Byron" })).expect("applied");
        applied(&mut user, &json!({ "last_name": null, "username": "ada" })).expect("applied");
        assert_eq!(
            (user.first_name.as_deref(), user.last_name, user.username.as_deref()),
            (Some("Ada"), None, Some("ada"))
        );
        assert_eq!(user.updated_at, 7);
    }

    #[test]
    fn of_secrets_only_their_presence_is_kept() {
        let mut user = user();
        let body = json!({ "password": "canary-password", "totp_secret": "canary-totp", "backup_codes": ["canary-code"],
            "password_digest": "canary-digest", "password_hasher": "bcrypt" });
        applied(&mut user, &body).expect("applied");
        assert!(user.password_enabled && user.totp_enabled && user.backup_code_enabled && user.two_factor_enabled);
        assert!(!serde_json::to_string(&user).expect("json").contains("canary"));
    }

    #[test]
    fn a_short_password_needs_the_flag_that_skips_the_checks() {
        let short = json!({ "password": "short" });
        assert_eq!(applied(&mut user(), &short), Err(ClerkError::short_password(8)));
        let skipped = json!({ "password": "short", "skip_password_checks": true });
        assert_eq!(applied(&mut user(), &skipped), Ok(()));
    }

    #[test]
    fn a_digest_needs_its_hasher() {
        let digest = json!({ "password_digest": "digest" });
        assert_eq!(applied(&mut user(), &digest), Err(ClerkError::missing("password_hasher")));
    }

    #[test]
    fn a_primary_contact_must_be_the_users_own() {
        let mut user = user();
        user.add_email_address("a@example.com".to_owned(), false, 0);
        user.add_email_address("b@example.com".to_owned(), false, 0);
        let second = user.email_addresses[1].id.clone();
        applied(&mut user, &json!({ "primary_email_address_id": second })).expect("applied");
        assert_eq!(user.primary_email_address_id, Some(second));
        let foreign = json!({ "primary_email_address_id": "idn_email_other_1" });
        assert_eq!(applied(&mut user, &foreign), Err(ClerkError::unknown_reference("primary_email_address_id")));
    }

    #[test]
    fn times_are_rfc_3339_and_shown_as_milliseconds() {
        let mut user = user();
        applied(&mut user, &json!({ "created_at": "2012-10-20T07:15:20.902Z" })).expect("applied");
        assert_eq!(user.created_at, 1_350_717_320_902);
        let wrong = json!({ "legal_accepted_at": "yesterday" });
        assert_eq!(applied(&mut user, &wrong), Err(ClerkError::wrong_format("legal_accepted_at")));
    }
}
