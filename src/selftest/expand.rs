//! The placeholders in the texts of cases: `${...}` stands for bytes that YAML cannot hold, or that are long.
//!
//! | placeholder | bytes |
//! | --- | --- |
//! | `${K}` | the name of the forbidden field |
//! | `${FB}`, `${OK}` | a forbidden and a harmless body |
//! | `${len:FB}` | the length of one of those |
//! | `${USER}`, `${HOST}` | a user's id, the gateway's authority |
//! | `${hex:ff fe}` | bytes |
//! | `${repeat:1000:ab}` | a text many times |

/// The forbidden field, which must not reach a production instance.
pub(super) const KEY: &str = "skip_password_checks";
const FORBIDDEN: &str = r#"{"password":"correct horse","skip_password_checks":true}"#;
const HARMLESS: &str = r#"{"first_name":"Ada"}"#;
const USER: &str = "user_2selftest";

/// Replaces the placeholders of `text`; an unknown one is an error. `host` is the gateway's authority.
pub(super) fn expand(text: &str, host: &str) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once("${") {
        bytes.extend_from_slice(before.as_bytes());
        let (word, after) = behind.split_once('}').ok_or("`${` without an end")?;
        word_into(word, host, &mut bytes)?;
        rest = after;
    }
    bytes.extend_from_slice(rest.as_bytes());
    Ok(bytes)
}

fn word_into(word: &str, host: &str, bytes: &mut Vec<u8>) -> Result<(), String> {
    match word.split_once(':') {
        None => bytes.extend_from_slice(constant(word, host)?.as_bytes()),
        Some(("len", name)) => bytes.extend_from_slice(constant(name, host)?.len().to_string().as_bytes()),
        Some(("hex", digits)) => {
            for pair in digits.split_whitespace() {
                bytes.push(u8::from_str_radix(pair, 16).map_err(|_| format!("`{pair}` is no byte"))?);
            }
        }
        Some(("repeat", what)) => {
            let (times, text) = what.split_once(':').ok_or("`repeat` needs a number and a text")?;
            let times = times.parse().map_err(|_| format!("`{times}` is no number"))?;
            bytes.extend_from_slice(text.repeat(times).as_bytes());
        }
        Some((other, _)) => return Err(format!("`{other}` stands for nothing")),
    }
    Ok(())
}

fn constant<'h>(name: &str, host: &'h str) -> Result<&'h str, String> {
    match name {
        "K" => Ok(KEY),
        "FB" => Ok(FORBIDDEN),
        "OK" => Ok(HARMLESS),
        "USER" => Ok(USER),
        "HOST" => Ok(host),
        _ => Err(format!("`{name}` stands for nothing")),
    }
}

#[cfg(test)]
mod tests {
    use super::expand;

    #[test]
    fn words_stand_for_bytes() {
        let expanded = |text| expand(text, "gateway").map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        assert_eq!(expanded("a${hex:0d 0a}b").as_deref(), Ok("a\r\nb"));
        assert_eq!(expanded("{${repeat:3:[}}").as_deref(), Ok("{[[[}"));
        assert_eq!(expanded("${HOST}/${len:OK}").as_deref(), Ok("gateway/20"));
        for wrong in ["${", "${X}", "${hex:xx}", "${repeat:3}", "${repeat:x:y}", "${a:b}"] {
            assert!(expanded(wrong).is_err(), "{wrong}");
        }
    }
}
