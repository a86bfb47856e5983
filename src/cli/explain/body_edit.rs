//! A body with one field changed.

use crate::judge::violation::Field;
use crate::redact::escaped_name;
use serde_json::Value;

/// What `body` has at `field`; `None` if it is absent.
pub(super) fn find<'b>(body: &'b Value, field: &Field) -> Option<&'b Value> {
    let (parent, name) = place(body, field)?;
    child(body.pointer(&parent)?, &name)
}

/// Whether `body` has `field`.
pub(super) fn has(body: &Value, field: &Field) -> bool {
    find(body, field).is_some()
}

/// Takes `field` out.
pub(super) fn leave_out(body: &mut Value, field: &Field) -> Option<()> {
    let (parent, name) = place(body, field)?;
    match body.pointer_mut(&parent)? {
        Value::Object(members) => members.remove(&name).map(drop),
        Value::Array(items) => {
            // `Vec::remove` panics past the end
            let position = name.parse().ok().filter(|position: &usize| *position < items.len())?;
            items.remove(position);
            Some(())
        }
        _ => None,
    }
}

/// Gives `field` a value, whether it is there or not.
pub(super) fn set(body: &mut Value, field: &Field, value: Value) -> Option<()> {
    let (parent, name) = place(body, field)?;
    body.pointer_mut(&parent)?.as_object_mut()?.insert(name, value);
    Some(())
}

/// Gives the value of `field` to the one called `name` beside it, which is not there yet.
pub(super) fn rename(body: &mut Value, field: &Field, name: &str) -> Option<()> {
    let (parent, old) = place(body, field)?;
    let members = body.pointer_mut(&parent)?.as_object_mut()?;
    if members.contains_key(name) {
        return None;
    }
    let value = members.remove(&old)?;
    members.insert(name.to_owned(), value);
    Some(())
}

/// The pointer of what holds `field`, and its name there. Of a name that the request made up only the form is known that may
/// be shown, so that the member is looked for by that.
fn place(body: &Value, field: &Field) -> Option<(String, String)> {
    match field {
        Field::Declared(pointer) => {
            let pointer = if pointer.starts_with('/') { pointer.clone() } else { format!("/{pointer}") };
            let (parent, name) = pointer.rsplit_once('/')?;
            // in this order (RFC 6901 section 4): the other one makes `/` of `~01`
            Some((parent.to_owned(), name.replace("~1", "/").replace("~0", "~")))
        }
        Field::Undeclared { parent, name } => {
            let mut members = body.pointer(parent)?.as_object()?.keys();
            let member = members.find(|member| escaped_name(member) == *name)?;
            Some((parent.clone(), member.clone()))
        }
    }
}

fn child<'b>(parent: &'b Value, name: &str) -> Option<&'b Value> {
    match parent {
        Value::Object(members) => members.get(name),
        Value::Array(items) => items.get(name.parse::<usize>().ok()?),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{has, leave_out, rename, set};
    use crate::judge::violation::Field;
    use serde_json::json;

    #[test]
    fn a_field_is_found_wherever_it_is() {
        let body = json!({ "a": [1, 2], "b": { "c/d": 3, "e\nf": 4 } });
        let declared = |pointer: &str| Field::Declared(pointer.to_owned());
        let made_up = |name: &str| Field::Undeclared { parent: "/b".to_owned(), name: name.to_owned() };
        let edited = |edit: &dyn Fn(&mut serde_json::Value) -> Option<()>| {
            let mut body = body.clone();
            edit(&mut body).map(|()| body)
        };
        assert!(has(&body, &declared("a")) && has(&body, &declared("/a/1")) && !has(&body, &declared("/a/2")));
        assert_eq!(edited(&|body| leave_out(body, &declared("/a/0"))), Some(json!({ "a": [2], "b": body["b"] })));
        assert_eq!(edited(&|body| leave_out(body, &declared("/b/c~1d"))).unwrap()["b"], json!({ "e\nf": 4 }));
        assert_eq!(edited(&|body| leave_out(body, &made_up(r"e\u{a}f"))).unwrap()["b"], json!({ "c/d": 3 }));
        assert_eq!(edited(&|body| set(body, &declared("g"), true.into())).unwrap()["g"], json!(true));
        assert_eq!(edited(&|body| rename(body, &declared("a"), "h")).unwrap()["h"], json!([1, 2]));
        assert_eq!(edited(&|body| rename(body, &declared("a"), "b")), None);
        assert_eq!(edited(&|body| leave_out(body, &declared("x"))), None);
    }
}
