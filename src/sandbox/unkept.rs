//! Operations whose objects the stand-in does not keep: they check what they are given, and return it.

use super::clerk_error::ClerkError;
use super::fields::BodyFields;
use super::routes::{OneUser, Store, UserId};
use super::state::SandboxState;
use super::timestamp;
use axum::extract::{Path, State};
use axum::routing::{patch, post};
use axum::{Json, Router};
use bytes::Bytes;
use serde_json::{Map, Value, json};

type OneObject = Result<Json<Value>, ClerkError>;

pub(super) fn router() -> Router<SandboxState> {
    Router::new()
        .route("/v1/invitations", post(invite))
        .route("/v1/invitations/bulk", post(invite_many))
        .route("/v1/sessions", post(create_session))
        .route("/v1/agents/tasks", post(create_agent_task))
        .route("/v1/sign_ups/{id}", patch(update_sign_up))
        .route("/v1/organizations/{organization_id}/domains", post(create_domain))
        .route("/v1/organizations/{organization_id}/domains/{domain_id}", patch(update_domain))
        .route("/v1/users/{user_id}/remove_password", post(remove_password))
}

/// `CreateInvitation`.
async fn invite(mut fields: BodyFields) -> OneObject {
    invitation(&mut fields).map(Json)
}

/// `CreateBulkInvitations`, whose body is a list.
async fn invite_many(body: Bytes) -> OneObject {
    let items: Vec<Map<String, Value>> = serde_json::from_slice(&body).map_err(|_| ClerkError::not_a_json_object())?;
    let items = items.into_iter().map(|item| invitation(&mut BodyFields::of(item)));
    items.collect::<Result<Vec<_>, _>>().map(|items| Json(Value::Array(items)))
}

fn invitation(fields: &mut BodyFields) -> Result<Value, ClerkError> {
    let address: String = fields.take_required("email_address")?;
    let metadata = fields.take::<Map<String, Value>>("public_metadata")?.value().unwrap_or_default();
    let given = [("email_address", address.into()), ("public_metadata", metadata.into())];
    Ok(object("invitation", "inv_portcullis_1", "pending", given))
}

/// `createSession`.
async fn create_session(State(users): Store, mut fields: BodyFields) -> OneObject {
    let user_id: String = fields.take_required("user_id")?;
    users.get(&user_id)?;
    Ok(Json(object("session", "sess_portcullis_1", "active", [("user_id", user_id.into())])))
}

/// `CreateAgentTask`.
async fn create_agent_task(mut fields: BodyFields) -> OneObject {
    fields.take_required::<Map<String, Value>>("on_behalf_of")?;
    Ok(Json(object("agent_task", "agt_portcullis_1", "pending", [])))
}

/// `UpdateSignUp`, of any sign-up.
async fn update_sign_up(Path(id): Path<String>, mut fields: BodyFields) -> OneObject {
    let external_id = fields.take::<String>("external_id")?.value();
    Ok(Json(object("sign_up_attempt", &id, "missing_requirements", [("external_id", external_id.into())])))
}

/// `CreateOrganizationDomain`.
async fn create_domain(mut fields: BodyFields) -> OneObject {
    let name: String = fields.take_required("name")?;
    domain("orgdmn_portcullis_1", &mut fields, [("name", name.into())]).map(Json)
}

/// `UpdateOrganizationDomain`.
async fn update_domain(Path((_, id)): Path<(String, String)>, mut fields: BodyFields) -> OneObject {
    domain(&id, &mut fields, []).map(Json)
}

fn domain<const N: usize>(id: &str, fields: &mut BodyFields, given: [(&str, Value); N]) -> Result<Value, ClerkError> {
    let is_verified = fields.take::<bool>("verified")?.value().unwrap_or_default();
    Ok(object("organization_domain", id, if is_verified { "verified" } else { "unverified" }, given))
}

/// `RemoveUserPassword`.
async fn remove_password(State(users): Store, UserId(id): UserId, mut fields: BodyFields) -> OneUser {
    fields.take::<bool>("sign_out_of_other_sessions")?;
    let changed = users.update(&id, |user| {
        (user.password_enabled, user.updated_at) = (false, timestamp::now());
        Ok(())
    });
    changed.map(Json)
}

/// An object that is new, with what was `given` of it.
fn object<const N: usize>(object: &str, id: &str, status: &str, given: [(&str, Value); N]) -> Value {
    let now = timestamp::now();
    let own = [("object", object.into()), ("id", id.into()), ("status", status.into())];
    let times = ["created_at", "updated_at"].map(|name| (name, json!(now)));
    // an object that is not kept has no other state than this
    own.into_iter().chain(times).chain(given).map(|(name, value)| (name.to_owned(), value)).collect()
}
