//! The three metadata objects of a user, and the two ways to change them.

use super::clerk_error::ClerkError;
use super::fields::{BodyFields, FieldUpdate};
use super::timestamp::Millis;
use super::user::{Metadata, User};
use serde_json::Value;

/// Merges the body into the user's metadata, at every depth; null removes a name.
pub(super) fn merge(user: &mut User, fields: &mut BodyFields, now: Millis) -> Result<(), ClerkError> {
    for (name, metadata) in objects_of(user) {
        match fields.take::<Metadata>(name)? {
            FieldUpdate::Keep => {}
            // null is an empty object: metadata is never null in a response
            FieldUpdate::Clear => metadata.clear(),
            FieldUpdate::Set(patch) => merge_object(metadata, patch),
        }
    }
    user.updated_at = now;
    Ok(())
}

/// Replaces the user's objects by those of the body; absent ones are kept.
pub(super) fn replace(user: &mut User, fields: &mut BodyFields, now: Millis) -> Result<(), ClerkError> {
    for (name, metadata) in objects_of(user) {
        fields.take(name)?.apply_to(metadata, Metadata::new());
    }
    user.updated_at = now;
    Ok(())
}

const fn objects_of(user: &mut User) -> [(&'static str, &mut Metadata); 3] {
    [
        ("public_metadata", &mut user.public_metadata),
        ("private_metadata", &mut user.private_metadata),
        ("unsafe_metadata", &mut user.unsafe_metadata),
    ]
}

/// JSON Merge Patch (RFC 7396), as Clerk documents its deep merge.
fn merge_object(target: &mut Metadata, patch: Metadata) {
    for (name, change) in patch {
        match change {
            Value::Null => {
                target.remove(&name);
            }
            Value::Object(inner) => {
                let slot = target.entry(name).or_insert(Value::Null);
                // RFC 7396: a patch object replaces a value that is not an object
                if !slot.is_object() {
                    *slot = Value::Object(Metadata::new());
                }
                if let Value::Object(object) = slot {
                    merge_object(object, inner);
                }
            }
            value => {
                target.insert(name, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{BodyFields, ClerkError, User, merge, replace};
    use serde_json::{Value, json};

    fn user_with(public_metadata: &Value) -> User {
        let mut user = User::new("user_portcullis_test".to_owned(), 0);
        user.public_metadata = public_metadata.as_object().expect("an object").clone();
        user
    }

    fn fields(body: &Value) -> BodyFields {
        BodyFields::parse(body.to_string().as_bytes()).expect("a body")
    }

    #[test]
    fn merge_goes_into_objects_removes_on_null_and_keeps_the_rest() {
        let mut user = user_with(&json!({ "plan": { "name": "pro", "seats": 3 }, "old": 1, "kept": [1, 2] }));
        let body = json!({ "public_metadata":
            { "plan": { "seats": 5, "name": null }, "old": null, "new": { "a": { "b": null, "c": 1 } }, "none": null } });
        merge(&mut user, &mut fields(&body), 7).expect("merged");
        let merged = json!({ "plan": { "seats": 5 }, "kept": [1, 2], "new": { "a": { "c": 1 } } });
        assert_eq!(Value::Object(user.public_metadata), merged);
    }

    #[test]
    fn merge_replaces_what_is_no_object_on_either_side() {
        let mut user = user_with(&json!({ "a": 1, "b": { "c": 1 }, "d": [1, 2] }));
        let body = json!({ "public_metadata": { "a": { "x": 1 }, "b": 2, "d": [3] } });
        merge(&mut user, &mut fields(&body), 7).expect("merged");
        assert_eq!(Value::Object(user.public_metadata), json!({ "a": { "x": 1 }, "b": 2, "d": [3] }));
    }

    #[test]
    fn replace_keeps_nothing_of_a_named_object_and_everything_of_the_others() {
        let mut user = user_with(&json!({ "old": 1 }));
        user.private_metadata.insert("kept".to_owned(), json!(true));
        replace(&mut user, &mut fields(&json!({ "public_metadata": { "new": 1 }, "unsafe_metadata": null })), 7)
            .expect("replaced");
        assert_eq!(Value::Object(user.public_metadata), json!({ "new": 1 }));
        assert_eq!(Value::Object(user.private_metadata), json!({ "kept": true }));
        assert!(user.unsafe_metadata.is_empty());
    }

    #[test]
    fn numbers_come_back_as_they_were_written() {
        let mut user = user_with(&json!({}));
        let mut body = BodyFields::parse(br#"{"public_metadata":{"n":0.12345678901234567890123}}"#).expect("a body");
        merge(&mut user, &mut body, 7).expect("merged");
        let written = serde_json::to_string(&user.public_metadata).expect("json");
        assert_eq!(written, r#"{"n":0.12345678901234567890123}"#);
    }

    #[test]
    fn metadata_that_is_no_object_is_refused_by_name() {
        let mut user = user_with(&json!({}));
        let refused = merge(&mut user, &mut fields(&json!({ "private_metadata": "text" })), 7);
        assert_eq!(refused, Err(ClerkError::wrong_format("private_metadata")));
    }
}
