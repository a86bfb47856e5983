//! The filter of a list or a count of users.

use super::clerk_error::ClerkError;
use super::user::User;
use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;

/// Default size of a page, as in the BAPI.
const DEFAULT_LIMIT: usize = 10;
/// Maximum size of a page, as in the BAPI.
const MAX_LIMIT: usize = 500;

/// The query of a list or a count. Other parameters are ignored.
#[derive(Debug, Default)]
pub(super) struct UserFilter {
    pub(super) limit: usize,
    pub(super) offset: usize,
    email_addresses: Vec<String>,
    user_ids: Vec<String>,
    query: Option<String>,
}

impl UserFilter {
    fn from_pairs(pairs: Vec<(String, String)>) -> Result<Self, ClerkError> {
        let mut filter = Self { limit: DEFAULT_LIMIT, ..Self::default() };
        for (name, value) in pairs {
            match name.as_str() {
                "limit" => filter.limit = number("limit", &value)?.min(MAX_LIMIT),
                "offset" => filter.offset = number("offset", &value)?,
                "email_address" => filter.email_addresses.push(value.to_lowercase()),
                "user_id" => filter.user_ids.push(value),
                "query" => filter.query = Some(value.to_lowercase()),
                _ => {}
            }
        }
        Ok(filter)
    }

    /// Whether the user matches, on whatever page.
    pub(super) fn matches(&self, user: &User) -> bool {
        let id_fits = self.user_ids.is_empty() || self.user_ids.contains(&user.id);
        let mut emails = user.email_addresses.iter().map(|email| email.value.to_lowercase());
        let email_fits = self.email_addresses.is_empty() || emails.any(|email| self.email_addresses.contains(&email));
        id_fits && email_fits && self.query.as_deref().is_none_or(|query| mentions(user, query))
    }
}

/// Whether `query`, in lower case, is part of anything a user can be found by.
fn mentions(user: &User, query: &str) -> bool {
    let names = [&user.username, &user.first_name, &user.last_name].into_iter().flatten();
    let emails = user.email_addresses.iter().map(|email| &email.value);
    let phones = user.phone_numbers.iter().map(|phone| &phone.value);
    let wallets = user.web3_wallets.iter().map(|wallet| &wallet.value);
    let mut words = names.chain(emails).chain(phones).chain(wallets).chain([&user.id]);
    words.any(|word| word.to_lowercase().contains(query))
}

fn number(name: &'static str, value: &str) -> Result<usize, ClerkError> {
    value.parse().map_err(|_| ClerkError::wrong_format(name))
}

impl<S: Send + Sync> FromRequestParts<S> for UserFilter {
    type Rejection = ClerkError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ClerkError> {
        let pairs = Query::from_request_parts(parts, state).await.map_err(|_| ClerkError::wrong_format("query"))?;
        Self::from_pairs(pairs.0)
    }
}

#[cfg(test)]
mod tests {
    use super::super::seed;
    use super::UserFilter;

    fn found(pairs: &[(&str, &str)]) -> Vec<String> {
        let pairs = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let filter = UserFilter::from_pairs(pairs).expect("a filter");
        seed::users().into_iter().filter(|user| filter.matches(user)).map(|user| user.id).collect()
    }

    #[test]
    fn every_filter_given_must_fit() {
        assert_eq!(found(&[]).len(), 3);
        assert_eq!(found(&[("email_address", "GRACE@example.com")]), ["user_portcullis_grace"]);
        assert_eq!(found(&[("user_id", "user_portcullis_ada"), ("user_id", "user_portcullis_edsger")]).len(), 2);
        assert_eq!(found(&[("query", "hopp")]), ["user_portcullis_grace"]);
        assert_eq!(found(&[("user_id", "user_portcullis_ada"), ("query", "hopp")]), [""; 0]);
        assert_eq!(found(&[("order_by", "-created_at")]).len(), 3);
    }

    #[test]
    fn a_limit_must_be_a_number_and_is_bounded() {
        let limit = |value: &str| UserFilter::from_pairs(vec![("limit".to_owned(), value.to_owned())]).map(|f| f.limit);
        assert_eq!(limit("9000"), Ok(500));
        assert!(limit("many").is_err());
    }
}
