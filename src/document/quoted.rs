//! The size of strings in compact JSON.

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
