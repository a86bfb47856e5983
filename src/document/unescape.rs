//! The escapes of a string (RFC 8259 section 7).

use super::parse::Defect;

/// Reads the escape at `at`, which is a backslash, and moves `at` behind it.
///
/// # Errors
///
/// The escape is invalid, or half of a surrogate pair; `at` is then at the byte where that shows.
pub(super) fn unescape(bytes: &[u8], at: &mut usize) -> Result<char, Defect> {
    *at += 1;
    let escaped = match bytes.get(*at) {
        Some(b'u') => {
            *at += 1;
            return unescape_unicode(bytes, at);
        }
        Some(byte @ (b'"' | b'\\' | b'/')) => char::from(*byte),
        Some(b'b') => '\u{8}',
        Some(b'f') => '\u{c}',
        Some(b'n') => '\n',
        Some(b'r') => '\r',
        Some(b't') => '\t',
        _ => return Err(Defect::Syntax),
    };
    *at += 1;
    Ok(escaped)
}

fn unescape_unicode(bytes: &[u8], at: &mut usize) -> Result<char, Defect> {
    let unit = hex_unit(bytes, at)?;
    // a first half without a second, or a second alone: decoders replace it by different characters, or drop it
    if !(0xd800..0xdc00).contains(&unit) {
        return char::from_u32(unit).ok_or(Defect::HalfSurrogate);
    }
    match bytes.get(*at..) {
        Some([b'\\', b'u', ..]) => *at += 2,
        // a text that ends here is not known to lack the second half
        None | Some([] | [b'\\']) => return Err(Defect::Syntax),
        Some(_) => return Err(Defect::HalfSurrogate),
    }
    let second = hex_unit(bytes, at)?;
    let pair = char::decode_utf16([unit, second].map(|unit| u16::try_from(unit).unwrap_or_default())).next();
    pair.and_then(Result::ok).ok_or(Defect::HalfSurrogate)
}

/// Four hexadecimal digits.
fn hex_unit(bytes: &[u8], at: &mut usize) -> Result<u32, Defect> {
    let mut unit = 0;
    for _ in 0..4 {
        let digit = bytes.get(*at).and_then(|byte| char::from(*byte).to_digit(16)).ok_or(Defect::Syntax)?;
        unit = unit * 16 + digit;
        *at += 1;
    }
    Ok(unit)
}
