//! The wire shapes of contacts: e-mail addresses, phone numbers, wallets.

use super::timestamp::Millis;
use serde::Serialize;

/// A list that is always empty.
pub(super) type Nothing = [(); 0];

/// How a contact was verified: in the stand-in, always by an administrator.
#[derive(Clone, Debug, Serialize)]
pub(super) struct ContactVerification {
    object: &'static str,
    status: &'static str,
    strategy: &'static str,
    attempts: Option<i64>,
    expire_at: Option<Millis>,
}

impl ContactVerification {
    const BY_ADMIN: Self =
        Self { object: "verification_admin", status: "verified", strategy: "admin", attempts: None, expire_at: None };
}

/// An e-mail address of a user.
#[derive(Clone, Debug, Serialize)]
pub(super) struct EmailAddress {
    pub(super) id: String,
    object: &'static str,
    #[serde(rename = "email_address")]
    pub(super) value: String,
    reserved: bool,
    verification: Option<ContactVerification>,
    linked_to: Nothing,
    matches_sso_connection: bool,
    created_at: Millis,
    updated_at: Millis,
}

impl EmailAddress {
    /// The address with an id of its own; verified unless it is `reserved`.
    pub(super) fn new(id: String, value: String, reserved: bool, now: Millis) -> Self {
        Self {
            id,
            object: "email_address",
            value,
            reserved,
            verification: (!reserved).then_some(ContactVerification::BY_ADMIN),
            linked_to: [],
            matches_sso_connection: false,
            created_at: now,
            updated_at: now,
        }
    }

    /// Marks the address as verified by an administrator, or as not verified.
    pub(super) fn set_verified(&mut self, is_verified: bool, now: Millis) {
        (self.verification, self.updated_at) = (is_verified.then_some(ContactVerification::BY_ADMIN), now);
    }
}

/// A phone number of a user.
#[derive(Clone, Debug, Serialize)]
pub(super) struct PhoneNumber {
    pub(super) id: String,
    object: &'static str,
    #[serde(rename = "phone_number")]
    pub(super) value: String,
    pub(super) reserved_for_second_factor: bool,
    default_second_factor: bool,
    reserved: bool,
    verification: Option<ContactVerification>,
    linked_to: Nothing,
    backup_codes: Option<Nothing>,
    created_at: Millis,
    updated_at: Millis,
}

impl PhoneNumber {
    /// The number with an id of its own; verified unless it is `reserved`.
    pub(super) fn new(id: String, value: String, reserved: bool, now: Millis) -> Self {
        Self {
            id,
            object: "phone_number",
            value,
            reserved_for_second_factor: false,
            default_second_factor: false,
            reserved,
            verification: (!reserved).then_some(ContactVerification::BY_ADMIN),
            linked_to: [],
            backup_codes: None,
            created_at: now,
            updated_at: now,
        }
    }

    /// Marks the number as verified by an administrator, or as not verified.
    pub(super) fn set_verified(&mut self, is_verified: bool, now: Millis) {
        (self.verification, self.updated_at) = (is_verified.then_some(ContactVerification::BY_ADMIN), now);
    }
}

/// A wallet of a user.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Web3Wallet {
    pub(super) id: String,
    object: &'static str,
    #[serde(rename = "web3_wallet")]
    pub(super) value: String,
    verification: Option<ContactVerification>,
    created_at: Millis,
    updated_at: Millis,
}

impl Web3Wallet {
    /// The wallet with an id of its own, verified.
    pub(super) const fn new(id: String, value: String, now: Millis) -> Self {
        let verification = Some(ContactVerification::BY_ADMIN);
        Self { id, object: "web3_wallet", value, verification, created_at: now, updated_at: now }
    }
}
