//! A request body as fields, each of which keeps, clears or sets a property.

use super::clerk_error::ClerkError;
use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

/// The update that a request asks for one property.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum FieldUpdate<T> {
    /// The field is absent.
    Keep,
    /// The field is null.
    Clear,
    /// The field has a value.
    Set(T),
}

impl<T> FieldUpdate<T> {
    /// Applies the update; null clears.
    pub(super) fn apply_to_option(self, field: &mut Option<T>) {
        match self {
            Self::Keep => {}
            Self::Clear => *field = None,
            Self::Set(value) => *field = Some(value),
        }
    }

    /// Applies the update; null sets `default`.
    pub(super) fn apply_to(self, field: &mut T, default: T) {
        match self {
            Self::Keep => {}
            Self::Clear => *field = default,
            Self::Set(value) => *field = value,
        }
    }

    /// The value, if there is one.
    pub(super) fn value(self) -> Option<T> {
        match self {
            Self::Set(value) => Some(value),
            Self::Keep | Self::Clear => None,
        }
    }

    /// Converts the value of the update.
    pub(super) fn try_map<U, E>(self, convert: impl FnOnce(T) -> Result<U, E>) -> Result<FieldUpdate<U>, E> {
        Ok(match self {
            Self::Keep => FieldUpdate::Keep,
            Self::Clear => FieldUpdate::Clear,
            Self::Set(value) => FieldUpdate::Set(convert(value)?),
        })
    }
}

/// The fields of a body. Fields that no handler takes are ignored, so that newer SDKs work with an older stand-in.
pub(super) struct BodyFields(Map<String, Value>);

impl BodyFields {
    /// The fields of one item of a body that is a list.
    pub(super) const fn of(fields: Map<String, Value>) -> Self {
        Self(fields)
    }

    /// Parses a body. An empty body is an empty object, since `updateUser(id)` of the SDKs sends one.
    pub(super) fn parse(body: &[u8]) -> Result<Self, ClerkError> {
        if body.is_empty() {
            return Ok(Self(Map::new()));
        }
        // the error of serde is dropped, as it can quote the body
        serde_json::from_slice(body).map(Self).map_err(|_| ClerkError::not_a_json_object())
    }

    /// Removes a field that must have a value.
    pub(super) fn take_required<T: DeserializeOwned>(&mut self, name: &'static str) -> Result<T, ClerkError> {
        self.take(name)?.value().ok_or_else(|| ClerkError::missing(name))
    }

    /// Removes one field.
    pub(super) fn take<T: DeserializeOwned>(&mut self, name: &'static str) -> Result<FieldUpdate<T>, ClerkError> {
        match self.0.remove(name) {
            None => Ok(FieldUpdate::Keep),
            Some(Value::Null) => Ok(FieldUpdate::Clear),
            Some(value) => {
                serde_json::from_value(value).map(FieldUpdate::Set).map_err(|_| ClerkError::wrong_format(name))
            }
        }
    }
}

impl<S: Send + Sync> FromRequest<S> for BodyFields {
    type Rejection = ClerkError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ClerkError> {
        // by axum, whose limit on the size holds here, too
        let body = Bytes::from_request(request, state).await.map_err(|_| ClerkError::not_a_json_object())?;
        Self::parse(&body)
    }
}
