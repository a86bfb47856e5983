//! Errors in Clerk's wire shape. Like those of the gateway, they hold no value of the request.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// An error response of the stand-in.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ClerkError {
    status: StatusCode,
    code: &'static str,
    message: &'static str,
    long_message: String,
    param_name: Option<&'static str>,
}

impl ClerkError {
    const fn new(status: StatusCode, code: &'static str, message: &'static str, long_message: String) -> Self {
        Self { status, code, message, long_message, param_name: None }
    }

    /// 401: no secret key.
    pub(super) fn invalid_authentication() -> Self {
        let long = "the request needs the header `Authorization: Bearer sk_...`".to_owned();
        Self::new(StatusCode::UNAUTHORIZED, "authentication_invalid", "invalid authentication", long)
    }

    /// 404: no user has this id.
    pub(super) fn no_such_user() -> Self {
        let long = "no user has the id that the path names".to_owned();
        Self::new(StatusCode::NOT_FOUND, "resource_not_found", "not found", long)
    }

    /// 404: no e-mail address or phone number has this id.
    pub(super) fn no_such_contact() -> Self {
        let long = "no user has an e-mail address or a phone number with the id that the path names".to_owned();
        Self::new(StatusCode::NOT_FOUND, "resource_not_found", "not found", long)
    }

    /// 404: no token has this id.
    pub(super) fn no_such_token() -> Self {
        let long = "no token has the id that the path names".to_owned();
        Self::new(StatusCode::NOT_FOUND, "resource_not_found", "not found", long)
    }

    /// 400: the user has no password that could be verified.
    pub(super) fn no_password() -> Self {
        let long = "this user has no password".to_owned();
        Self::new(StatusCode::BAD_REQUEST, "no_password_set", "no password set", long)
    }

    /// 400: the user has no authenticator application whose code could be verified.
    pub(super) fn no_totp() -> Self {
        let long = "this user has no TOTP".to_owned();
        Self::new(StatusCode::BAD_REQUEST, "totp_disabled", "totp disabled", long)
    }

    /// 403: there are as many tokens as the stand-in stores.
    pub(super) fn too_many_tokens(most: usize) -> Self {
        let long = format!("the built-in stand-in for the BAPI stores at most {most} tokens");
        Self::new(StatusCode::FORBIDDEN, "token_quota_exceeded", "too many tokens", long)
    }

    /// 404: the stand-in does not have this operation.
    pub(super) fn no_such_path() -> Self {
        let long = "the built-in stand-in for the BAPI has no such path".to_owned();
        Self::new(StatusCode::NOT_FOUND, "resource_not_found", "not found", long)
    }

    /// 405: the path has no such method.
    pub(super) fn no_such_method() -> Self {
        let long = "the built-in stand-in for the BAPI has no such method on this path".to_owned();
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "method not allowed", long)
    }

    /// 403: there are as many users as the stand-in stores.
    pub(super) fn too_many_users(most: usize) -> Self {
        let long = format!("the built-in stand-in for the BAPI stores at most {most} users");
        Self::new(StatusCode::FORBIDDEN, "user_quota_exceeded", "too many users", long)
    }

    /// 400: the body is not a JSON object.
    pub(super) fn not_a_json_object() -> Self {
        let long = "the request body must be a JSON object".to_owned();
        Self::new(StatusCode::BAD_REQUEST, "request_body_invalid", "invalid request body", long)
    }

    /// 422: the parameter has a wrong type or format.
    pub(super) fn wrong_format(param: &'static str) -> Self {
        let long = format!("`{param}` does not have the type or form that it should have");
        Self::unprocessable("form_param_format_invalid", "has a wrong format", long, param)
    }

    /// 422: the parameter names something that is not the user's.
    pub(super) fn unknown_reference(param: &'static str) -> Self {
        let long = format!("`{param}` names nothing that belongs to this user");
        Self::unprocessable("form_resource_not_found", "not found", long, param)
    }

    /// 422: the parameter is required.
    pub(super) fn missing(param: &'static str) -> Self {
        let long = format!("`{param}` must be included");
        Self::unprocessable("form_param_missing", "is missing", long, param)
    }

    /// 422: the password fails a check that `skip_password_checks` would have skipped.
    pub(super) fn short_password(least: usize) -> Self {
        let long = format!("`password` must have {least} or more characters");
        Self::unprocessable("form_password_length_too_short", "is too short", long, "password")
    }

    const fn unprocessable(code: &'static str, message: &'static str, long: String, param: &'static str) -> Self {
        let mut error = Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, message, long);
        error.param_name = Some(param);
        error
    }
}

impl IntoResponse for ClerkError {
    fn into_response(self) -> Response {
        let meta = self.param_name.map_or_else(|| json!({}), |name| json!({ "param_name": name }));
        let error =
            json!({ "code": self.code, "message": self.message, "long_message": self.long_message, "meta": meta });
        // Clerk sends one in every error, and SDKs show it
        let trace_id = format!("{:032x}", rand::random::<u128>());
        (self.status, Json(json!({ "errors": [error], "clerk_trace_id": trace_id }))).into_response()
    }
}
