//! What may reach a terminal: text, line breaks, and the styles of this program.

use std::borrow::Cow;
use std::fmt::Write as _;

/// The parameters of the styles (SGR) that this program and its parser of arguments use.
// not those that hide text: concealed, or black, which is the background of most terminals
const STYLES: [&str; 16] = ["", "0", "1", "2", "3", "4", "31", "32", "33", "34", "35", "36", "91", "92", "94", "96"];

/// `text` with each control character, and each that changes the direction of text, as its JSON escape.
///
/// Everything that is printed passes here, because it may quote a request, a log or a file: an escape sequence could change what
/// is on the screen, or what the terminal sends as if it was typed.
// the escapes of JSON, so that what is printed as JSON stays JSON
pub(super) fn printable(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_harmful) {
        return Cow::Borrowed(text);
    }
    let mut printable = String::with_capacity(text.len() + 16);
    let mut rest = text;
    while let Some(start) = rest.find(is_harmful) {
        let (harmless, found) = rest.split_at(start);
        printable.push_str(harmless);
        let length = style_length(found).or_else(|| found.starts_with("\r\n").then_some(2));
        let (passed, escaped) = match length {
            Some(length) => (found.get(..length).unwrap_or_default(), None),
            None => ("", found.chars().next()),
        };
        printable.push_str(passed);
        if let Some(letter) = escaped {
            // writing to a String can't fail
            let _ = write!(printable, "\\u{:04x}", u32::from(letter));
        }
        rest = found.get(passed.len() + escaped.map_or(0, char::len_utf8)..).unwrap_or_default();
    }
    printable.push_str(rest);
    Cow::Owned(printable)
}

fn is_harmful(letter: char) -> bool {
    letter.is_control() && !matches!(letter, '\n' | '\t')
        // marks, embeddings, overrides and isolates of direction; separators of lines and paragraphs
        || matches!(letter, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The bytes of the style at the start of `text`. `None` if there is none, or one that this program does not use.
fn style_length(text: &str) -> Option<usize> {
    let (parameters, _) = text.strip_prefix("\u{1b}[")?.split_once('m')?;
    let is_known = parameters.split(';').all(|parameter| STYLES.contains(&parameter));
    is_known.then_some("\u{1b}[".len() + parameters.len() + "m".len())
}

#[cfg(test)]
mod tests {
    use super::printable;

    #[test]
    fn text_and_our_styles_stay() {
        for text in ["", "ä\n\tb\r\nc", "\u{1b}[1m\u{1b}[31merror\u{1b}[0m: x", "\u{1b}[1;36ma\u{1b}[m"] {
            assert_eq!(printable(text), text);
        }
    }

    #[test]
    fn what_changes_the_terminal_or_the_order_of_text_is_escaped() {
        for (text, expected) in [
            ("a\u{1b}]0;title\u{7}b", r"a\u001b]0;title\u0007b"),
            ("\u{1b}[2J", r"\u001b[2J"),
            ("\u{1b}[8mhidden", r"\u001b[8mhidden"),
            ("\u{1b}[30;1mhidden", r"\u001b[30;1mhidden"),
            ("\u{1b}[31", r"\u001b[31"),
            ("\u{9b}31m", r"\u009b31m"),
            ("a\rb", r"a\u000db"),
            ("a\u{8}b\u{7f}", r"a\u0008b\u007f"),
            ("\u{202e}gpj.exe\u{2066}", r"\u202egpj.exe\u2066"),
            ("\u{1b}\u{1b}[31m", "\\u001b\u{1b}[31m"),
        ] {
            assert_eq!(printable(text), expected);
        }
    }
}
