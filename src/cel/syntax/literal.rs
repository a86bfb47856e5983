//! The values of literals.

use crate::cel::activation::Value;

const UNKNOWN: &str = "no escape that CEL has";

/// The number of the digits `text`, negated or not; `None` if it does not fit.
pub(super) fn int(text: &str, negative: bool) -> Option<i64> {
    let magnitude = uint_digits(text)?;
    if negative { 0_i64.checked_sub_unsigned(magnitude) } else { i64::try_from(magnitude).ok() }
}

/// As [`int`], with a `u` at the end.
pub(super) fn uint(text: &str) -> Option<u64> {
    uint_digits(text.trim_end_matches(['u', 'U']))
}

fn uint_digits(text: &str) -> Option<u64> {
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(hex) => u64::from_str_radix(hex, 16).ok(),
        None => text.parse().ok(),
    }
}

/// The value of a string; `text` has its quotes and prefix.
///
/// # Errors
///
/// One of its escapes is wrong; returns how.
pub(super) fn string(text: &str) -> Result<Value<'static>, &'static str> {
    String::from_utf8(unescape(text, false)?).map(|text| Value::Text(text.into())).map_err(|_| "not UTF-8")
}

/// As [`string`], for bytes.
pub(super) fn bytes(text: &str) -> Result<Value<'static>, &'static str> {
    Ok(Value::Bytes(unescape(text, true)?.into()))
}

/// How to write a literal backslash, if the string `text` has an escape that CEL does not know. `wrong` is the error in it.
pub(super) fn escape_help(text: &str, wrong: &str) -> Option<String> {
    let mut letters = text.chars().skip_while(|letter| *letter != '\\');
    let mut unknown = None;
    while let Some(letter) = letters.next() {
        if letter == '\\' {
            let escaped = letters.next().filter(char::is_ascii_graphic);
            unknown = unknown.or(escaped.filter(|letter| !"abfnrtv\\'\"`?xXuU0123".contains(*letter)));
        }
    }
    let letter = unknown.filter(|_| wrong == UNKNOWN)?;
    Some(format!("write `\\\\{letter}`, or `r{text}`"))
}

fn unescape(text: &str, is_bytes: bool) -> Result<Vec<u8>, &'static str> {
    let body = text.trim_start_matches(['r', 'R', 'b', 'B']);
    let is_raw = text.get(..text.len() - body.len()).is_some_and(|prefix| prefix.contains(['r', 'R']));
    let quotes = if body.len() >= 6 && (body.starts_with("'''") || body.starts_with("\"\"\"")) { 3 } else { 1 };
    let inside = body.get(quotes..body.len().saturating_sub(quotes)).unwrap_or_default();
    // the specification normalizes line ends in literals
    let inside = inside.replace("\r\n", "\n").replace('\r', "\n");
    let mut out = Vec::with_capacity(inside.len());
    let mut rest = inside.as_str();
    while let Some(position) = rest.find('\\').filter(|_| !is_raw) {
        let (plain, escape) = rest.split_at(position);
        out.extend_from_slice(plain.as_bytes());
        rest = one_escape(escape.get(1..).unwrap_or_default(), is_bytes, &mut out)?;
    }
    out.extend_from_slice(rest.as_bytes());
    Ok(out)
}

/// Decodes one escape, whose backslash was read, and returns the rest.
fn one_escape<'t>(text: &'t str, is_bytes: bool, out: &mut Vec<u8>) -> Result<&'t str, &'static str> {
    let letter = text.chars().next().ok_or(UNKNOWN)?;
    let rest = text.get(letter.len_utf8()..).unwrap_or_default();
    let plain = match letter {
        'a' => 0x07,
        'b' => 0x08,
        'f' => 0x0c,
        'n' => b'\n',
        'r' => b'\r',
        't' => b'\t',
        'v' => 0x0b,
        '\\' | '\'' | '"' | '`' | '?' => u8::try_from(letter).unwrap_or_default(),
        'x' | 'X' => return code_point(rest, 2, 16, is_bytes, out),
        'u' if !is_bytes => return code_point(rest, 4, 16, false, out),
        'U' if !is_bytes => return code_point(rest, 8, 16, false, out),
        '0'..='3' => return code_point(text, 3, 8, is_bytes, out),
        _ => return Err(UNKNOWN),
    };
    out.push(plain);
    Ok(rest)
}

/// Decodes `width` digits as a code point, or as a byte, and returns the rest.
fn code_point<'t>(
    text: &'t str,
    width: usize,
    radix: u32,
    is_byte: bool,
    out: &mut Vec<u8>,
) -> Result<&'t str, &'static str> {
    const NO_CHARACTER: &str = "an escape that is no character";
    let digits = text.get(..width).filter(|digits| digits.chars().all(|digit| digit.is_digit(radix)));
    let code = digits.and_then(|digits| u32::from_str_radix(digits, radix).ok()).ok_or(NO_CHARACTER)?;
    // `\xff` is the byte 255 in bytes, and the code point 255 in a string
    if is_byte {
        out.push(u8::try_from(code).map_err(|_| NO_CHARACTER)?);
    } else {
        let character = char::from_u32(code).ok_or(NO_CHARACTER)?;
        out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
    }
    Ok(text.get(width..).unwrap_or_default())
}
