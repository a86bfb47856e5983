//! The state that handlers share.

use super::store::Users;
use super::tokens::TokenStore;
use super::user::User;
use axum::extract::FromRef;
use std::sync::Arc;

/// The users and tokens of one stand-in. Cheap to clone.
#[derive(Clone)]
pub(super) struct SandboxState {
    users: Arc<Users>,
    tokens: Arc<TokenStore>,
}

impl SandboxState {
    /// A state with these users, and no tokens.
    pub(super) fn new(users: Vec<User>) -> Self {
        Self { users: Arc::new(Users::with(users)), tokens: Arc::default() }
    }
}

impl FromRef<SandboxState> for Arc<Users> {
    fn from_ref(state: &SandboxState) -> Self {
        Self::clone(&state.users)
    }
}

impl FromRef<SandboxState> for Arc<TokenStore> {
    fn from_ref(state: &SandboxState) -> Self {
        Self::clone(&state.tokens)
    }
}
