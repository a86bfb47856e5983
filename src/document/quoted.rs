//! Strings of compact JSON: how long they are, and what is written.

use super::scan::plain_run;

/// The number of bytes of `text` as a JSON string: quotes and escapes included (RFC 8259 section 7).
pub fn quoted_size(text: &str) -> usize {
    // most strings have nothing to escape
    if plain_run(text.as_bytes()) == text.len() {
        return 2 + text.len();
    }
    let escaped = text.bytes().map(|byte| match byte {
        b'"' | b'\\' | 0x08 | 0x09 | 0x0a | 0x0c | 0x0d => 2,
        0..=0x1f => 6,
        _ => 1,
    });
    2 + escaped.sum::<usize>()
}

/// Appends `text` as a JSON string to `json`.
//
// Before `serde_json`, which looks at every byte by itself: most strings have nothing to escape.
pub fn write_quoted(json: &mut Vec<u8>, text: &str) {
    if plain_run(text.as_bytes()) == text.len() {
        json.push(b'"');
        json.extend_from_slice(text.as_bytes());
        json.push(b'"');
    } else {
        // writing to a `Vec` cannot fail
        let _ = serde_json::to_writer(json, text);
    }
}

#[cfg(test)]
mod tests {
    use super::{quoted_size, write_quoted};

    #[test]
    fn strings_are_written_as_serde_json_writes_them() {
        for text in [
            "",
            "plain",
            "of more than sixteen bytes",
            "ünï\u{fffd}",
            "a \"quote\"",
            "a\\b",
            "\u{0}\u{1f}\n\t",
            "\u{7f}",
        ] {
            let mut json = b"before ".to_vec();
            write_quoted(&mut json, text);
            let expected = serde_json::to_string(text).unwrap();
            assert_eq!(String::from_utf8(json).unwrap(), format!("before {expected}"));
            assert_eq!(quoted_size(text), expected.len());
        }
    }
}
