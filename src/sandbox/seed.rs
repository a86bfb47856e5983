//! The users that the stand-in starts with.

use super::timestamp::Millis;
use super::user::User;

/// 2024-01-01T00:00:00Z.
// fixed, so that examples in documentation show what a reader gets
const CREATED_AT: Millis = 1_704_067_200_000;

/// Three users. Ada has two of every kind of contact, so that a demo can change which is the primary one.
pub(super) fn users() -> Vec<User> {
    let mut ada = seed_user("ada", "Ada", "Lovelace");
    ada.add_email_address("ada@analytical.example".to_owned(), false, CREATED_AT);
    for number in ["+15555550100", "+15555550101"] {
        ada.add_phone_number(number.to_owned(), false, CREATED_AT);
    }
    for wallet in ["0x0000000000000000000000000000000000000ada", "0x000000000000000000000000000000000001ada0"] {
        ada.add_web3_wallet(wallet.to_owned(), CREATED_AT);
    }
    vec![ada, seed_user("grace", "Grace", "Hopper"), seed_user("edsger", "Edsger", "Dijkstra")]
}

fn seed_user(username: &str, first_name: &str, last_name: &str) -> User {
    let mut user = User::new(format!("user_portcullis_{username}"), CREATED_AT);
    user.username = Some(username.to_owned());
    user.first_name = Some(first_name.to_owned());
    user.last_name = Some(last_name.to_owned());
    user.password_enabled = true;
    user.add_email_address(format!("{username}@example.com"), false, CREATED_AT);
    user
}
