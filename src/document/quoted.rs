//! The size of strings as compact JSON.

/// How many bytes a string takes in quotes, with what must be escaped escaped (RFC 8259 section 7).
pub fn quoted_size(text: &str) -> usize {
    // most strings have nothing to escape; counting is answered for many bytes at a time
    if text.bytes().filter(|byte| matches!(byte, 0..=0x1f | b'"' | b'\\')).count() == 0 {
        return 2 + text.len();
    }
    let escaped = text.bytes().map(|byte| match byte {
        b'"' | b'\\' | 0x08 | 0x09 | 0x0a | 0x0c | 0x0d => 2,
        0..=0x1f => 6,
        _ => 1,
    });
    2 + escaped.sum::<usize>()
}
