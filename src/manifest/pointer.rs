//! JSON Pointers (RFC 6901), and how messages show them.

/// The name for people of the part at a JSON Pointer: `limits.bodyBytes` or `policies[0]` in backticks, or "the document".
pub fn field(pointer: &str) -> String {
    if pointer.is_empty() {
        return "the document".to_owned();
    }
    let mut name = String::new();
    for token in pointer.split('/').skip(1) {
        let token = token.replace("~1", "/").replace("~0", "~");
        if token.parse::<usize>().is_ok() {
            name.extend(["[", &token, "]"]);
        } else {
            name.push_str(if name.is_empty() { "" } else { "." });
            name.extend(token.escape_debug());
        }
    }
    format!("`{name}`")
}

pub(super) fn escape(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}
