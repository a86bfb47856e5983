//! JSON Pointers (RFC 6901), and how messages show them.

/// The part at a JSON Pointer, as messages show it: `limits.bodyBytes` or `policies[0]` in backticks, or "the document".
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
            // the key is from the file: it must not write control sequences to a terminal
            name.extend(token.escape_debug());
        }
    }
    format!("`{name}`")
}

/// `key` as a segment of a JSON Pointer (RFC 6901 section 3).
pub(super) fn escape(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}
