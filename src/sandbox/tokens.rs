//! Actor tokens and sign-in tokens, by which one signs in as a user. They open nothing.

use super::clerk_error::ClerkError;
use super::fields::BodyFields;
use super::routes::Store;
use super::state::SandboxState;
use super::timestamp::{self, Millis};
use axum::extract::{Path, State};
use axum::routing::post;
use axum::{Json, Router};
use serde::Serialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Maximum number of tokens, so that a loop in a demo cannot fill the memory.
const MAX_TOKENS: usize = 10_000;

type OneToken = Result<Json<IssuedToken>, ClerkError>;

/// A token, whose serialised form is Clerk's wire shape.
#[derive(Clone, Debug, Serialize)]
pub(super) struct IssuedToken {
    object: &'static str,
    id: String,
    status: &'static str,
    user_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    actor: Option<Map<String, Value>>,
    token: String,
    url: String,
    created_at: Millis,
    updated_at: Millis,
}

/// The tokens that were created, by id.
#[derive(Default)]
pub(super) struct TokenStore(Mutex<BTreeMap<String, IssuedToken>>);

pub(super) fn router() -> Router<SandboxState> {
    Router::new()
        .route("/v1/actor_tokens", post(create_actor_token))
        .route("/v1/actor_tokens/{token_id}/revoke", post(revoke))
        .route("/v1/sign_in_tokens", post(create_sign_in_token))
        .route("/v1/sign_in_tokens/{token_id}/revoke", post(revoke))
}

/// `CreateActorToken`.
async fn create_actor_token(
    State(users): Store,
    State(tokens): State<Arc<TokenStore>>,
    mut fields: BodyFields,
) -> OneToken {
    let user_id: String = fields.take_required("user_id")?;
    let actor: Map<String, Value> = fields.take_required("actor")?;
    // the only member that Clerk requires: who acts
    if !actor.get("sub").is_some_and(Value::is_string) {
        return Err(ClerkError::wrong_format("actor"));
    }
    for name in ["expires_in_seconds", "session_max_duration_in_seconds"] {
        fields.take::<u32>(name)?;
    }
    // a token for a user who does not exist would pass here and fail at Clerk
    users.get(&user_id)?;
    tokens.create("actor_token", "act", user_id, Some(actor)).map(Json)
}

/// `CreateSignInToken`.
async fn create_sign_in_token(
    State(users): Store,
    State(tokens): State<Arc<TokenStore>>,
    mut fields: BodyFields,
) -> OneToken {
    let user_id: String = fields.take_required("user_id")?;
    fields.take::<u32>("expires_in_seconds")?;
    users.get(&user_id)?;
    tokens.create("sign_in_token", "sit", user_id, None).map(Json)
}

/// `RevokeActorToken` and `RevokeSignInToken`.
async fn revoke(State(tokens): State<Arc<TokenStore>>, Path(id): Path<String>) -> OneToken {
    let mut tokens = tokens.lock();
    let token = tokens.get_mut(&id).ok_or_else(ClerkError::no_such_token)?;
    (token.status, token.updated_at) = ("revoked", timestamp::now());
    Ok(Json(token.clone()))
}

impl TokenStore {
    fn create(
        &self,
        object: &'static str,
        prefix: &str,
        user_id: String,
        actor: Option<Map<String, Value>>,
    ) -> Result<IssuedToken, ClerkError> {
        let mut tokens = self.lock();
        if tokens.len() >= MAX_TOKENS {
            return Err(ClerkError::too_many_tokens(MAX_TOKENS));
        }
        let now = timestamp::now();
        // tokens are revoked and never removed, so that their number is new each time
        let id = format!("{prefix}_portcullis_{}", tokens.len() + 1);
        let token = IssuedToken {
            object,
            status: "pending",
            user_id,
            actor,
            // no signature, and a host that never resolves (RFC 2606): it must not pass for a credential
            token: format!("not-a-token-{id}"),
            url: format!("https://sign-in.invalid/tickets/{id}"),
            created_at: now,
            updated_at: now,
            id,
        };
        tokens.insert(token.id.clone(), token.clone());
        Ok(token)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, IssuedToken>> {
        // a panic while the lock is held leaves whole tokens behind
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
