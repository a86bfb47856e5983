//! Fields of bodies, as people write them.

/// A bare name for a field at the top of the body, a JSON Pointer for one below it.
pub(super) fn field_name(pointer: &str) -> String {
    match pointer.strip_prefix('/') {
        None => "the body".to_owned(),
        Some(name) if !name.contains('/') => name.to_owned(),
        Some(_) => pointer.to_owned(),
    }
}
