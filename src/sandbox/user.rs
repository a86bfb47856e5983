//! A user, whose serialised form is Clerk's wire shape.

use super::contact::{EmailAddress, Nothing, PhoneNumber, Web3Wallet};
use super::timestamp::Millis;
use serde::Serialize;
use serde_json::{Map, Value};

/// The image of users without one of their own.
// `.invalid` never resolves (RFC 2606), so a demo fetches nothing from a host that is not ours
const DEFAULT_IMAGE: &str = "https://images.invalid/default";

/// A metadata object.
pub(super) type Metadata = Map<String, Value>;

/// A user. Of a secret it holds only whether there is one.
#[derive(Clone, Debug, Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "the wire shape is Clerk's")]
pub(super) struct User {
    pub(super) id: String,
    object: &'static str,
    pub(super) external_id: Option<String>,
    pub(super) username: Option<String>,
    pub(super) first_name: Option<String>,
    pub(super) last_name: Option<String>,
    pub(super) locale: Option<String>,
    pub(super) timezone: Option<String>,
    pub(super) image_url: String,
    pub(super) has_image: bool,
    pub(super) primary_email_address_id: Option<String>,
    pub(super) primary_phone_number_id: Option<String>,
    pub(super) primary_web3_wallet_id: Option<String>,
    pub(super) email_addresses: Vec<EmailAddress>,
    pub(super) phone_numbers: Vec<PhoneNumber>,
    pub(super) web3_wallets: Vec<Web3Wallet>,
    // lists and properties that are never filled are sent all the same: typed SDKs require them
    passkeys: Nothing,
    external_accounts: Nothing,
    saml_accounts: Nothing,
    enterprise_accounts: Nothing,
    organization_memberships: Nothing,
    pub(super) public_metadata: Metadata,
    pub(super) private_metadata: Metadata,
    pub(super) unsafe_metadata: Metadata,
    pub(super) password_enabled: bool,
    pub(super) password_last_updated_at: Option<Millis>,
    pub(super) two_factor_enabled: bool,
    pub(super) totp_enabled: bool,
    pub(super) backup_code_enabled: bool,
    pub(super) mfa_enabled_at: Option<Millis>,
    pub(super) mfa_disabled_at: Option<Millis>,
    pub(super) banned: bool,
    pub(super) locked: bool,
    lockout_expires_in_seconds: Option<i64>,
    verification_attempts_remaining: Option<i64>,
    pub(super) delete_self_enabled: bool,
    pub(super) create_organization_enabled: bool,
    pub(super) create_organizations_limit: Option<i64>,
    pub(super) bypass_client_trust: bool,
    pub(super) legal_accepted_at: Option<Millis>,
    last_sign_in_at: Option<Millis>,
    last_active_at: Option<Millis>,
    pub(super) created_at: Millis,
    pub(super) updated_at: Millis,
}

impl User {
    /// A user who has nothing but an id.
    pub(super) fn new(id: String, now: Millis) -> Self {
        Self {
            id,
            object: "user",
            external_id: None,
            username: None,
            first_name: None,
            last_name: None,
            locale: None,
            timezone: None,
            image_url: DEFAULT_IMAGE.to_owned(),
            has_image: false,
            primary_email_address_id: None,
            primary_phone_number_id: None,
            primary_web3_wallet_id: None,
            email_addresses: Vec::new(),
            phone_numbers: Vec::new(),
            web3_wallets: Vec::new(),
            passkeys: [],
            external_accounts: [],
            saml_accounts: [],
            enterprise_accounts: [],
            organization_memberships: [],
            public_metadata: Metadata::new(),
            private_metadata: Metadata::new(),
            unsafe_metadata: Metadata::new(),
            password_enabled: false,
            password_last_updated_at: None,
            two_factor_enabled: false,
            totp_enabled: false,
            backup_code_enabled: false,
            mfa_enabled_at: None,
            mfa_disabled_at: None,
            banned: false,
            locked: false,
            lockout_expires_in_seconds: None,
            verification_attempts_remaining: None,
            delete_self_enabled: true,
            create_organization_enabled: true,
            create_organizations_limit: None,
            bypass_client_trust: false,
            legal_accepted_at: None,
            last_sign_in_at: None,
            last_active_at: None,
            created_at: now,
            updated_at: now,
        }
    }

    /// Adds an e-mail address; the first becomes the primary one.
    pub(super) fn add_email_address(&mut self, address: String, reserved: bool, now: Millis) {
        let id = self.contact_id("idn_email", self.email_addresses.iter().map(|email| &email.id));
        self.primary_email_address_id.get_or_insert_with(|| id.clone());
        self.email_addresses.push(EmailAddress::new(id, address, reserved, now));
    }

    /// Adds a phone number; the first becomes the primary one.
    pub(super) fn add_phone_number(&mut self, number: String, reserved: bool, now: Millis) {
        let id = self.contact_id("idn_phone", self.phone_numbers.iter().map(|number| &number.id));
        self.primary_phone_number_id.get_or_insert_with(|| id.clone());
        self.phone_numbers.push(PhoneNumber::new(id, number, reserved, now));
    }

    /// Adds an e-mail address that is neither verified nor the primary one.
    pub(super) fn push_email_address(&mut self, address: String, now: Millis) {
        let id = self.contact_id("idn_email", self.email_addresses.iter().map(|email| &email.id));
        let mut email = EmailAddress::new(id, address, false, now);
        email.set_verified(false, now);
        self.email_addresses.push(email);
    }

    /// Adds a phone number that is neither verified nor the primary one.
    pub(super) fn push_phone_number(&mut self, number: String, now: Millis) {
        let id = self.contact_id("idn_phone", self.phone_numbers.iter().map(|number| &number.id));
        let mut number = PhoneNumber::new(id, number, false, now);
        number.set_verified(false, now);
        self.phone_numbers.push(number);
    }

    /// Recomputes whether the user has a second factor, after one of them changed.
    pub(super) fn update_second_factor(&mut self, now: Millis) {
        let by_phone = self.phone_numbers.iter().any(|number| number.reserved_for_second_factor);
        let is_enabled = self.totp_enabled || self.backup_code_enabled || by_phone;
        match (self.two_factor_enabled, is_enabled) {
            (false, true) => self.mfa_enabled_at = Some(now),
            (true, false) => self.mfa_disabled_at = Some(now),
            _ => {}
        }
        self.two_factor_enabled = is_enabled;
    }

    /// Adds a wallet; the first becomes the primary one.
    pub(super) fn add_web3_wallet(&mut self, wallet: String, now: Millis) {
        let id = self.contact_id("idn_wallet", self.web3_wallets.iter().map(|wallet| &wallet.id));
        self.primary_web3_wallet_id.get_or_insert_with(|| id.clone());
        self.web3_wallets.push(Web3Wallet::new(id, wallet, now));
    }

    /// Sets or removes the image as an operation of its own.
    pub(super) fn change_image(&mut self, id: Option<&str>, now: Millis) {
        self.set_image(id);
        self.updated_at = now;
    }

    /// Sets the image, or the default one.
    pub(super) fn set_image(&mut self, id: Option<&str>) {
        self.has_image = id.is_some();
        self.image_url = id.map_or_else(|| DEFAULT_IMAGE.to_owned(), |id| format!("https://images.invalid/{id}"));
    }

    fn contact_id<'c>(&self, kind: &str, others: impl Iterator<Item = &'c String>) -> String {
        // one more than the highest, not than their number: after a deletion that could be the id of another contact
        let number = |id: &String| id.rsplit('_').next()?.parse::<usize>().ok();
        let highest = others.filter_map(number).max().unwrap_or_default();
        let owner = self.id.strip_prefix("user_").unwrap_or(&self.id);
        format!("{kind}_{owner}_{}", highest + 1)
    }
}
