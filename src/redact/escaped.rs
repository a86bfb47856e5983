//! Text that may be shown, made so that it cannot steer what shows it.

use std::fmt::{self, Write as _};

/// Whether a character moves what is around it, on a terminal or in a log: control characters (line breaks and the escape
/// that begins a terminal's commands among them), line and paragraph separators, and what turns the direction of writing.
pub fn needs_escape(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}'
        )
}

/// Text on one line: every character that [`needs_escape`] is written as `\u{..}`.
///
/// ```
/// use portcullis::redact::Escaped;
///
/// assert_eq!(Escaped("two\nlines, \u{1b}[31mred").to_string(), r"two\u{a}lines, \u{1b}[31mred");
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Escaped<'a>(
    /// The text.
    pub &'a str,
);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|character| {
            if needs_escape(character) {
                write!(f, "\\u{{{:x}}}", u32::from(character))
            } else {
                f.write_char(character)
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Escaped;

    #[test]
    fn nothing_that_steers_is_left() {
        let odd = "\0\t\r\n\u{1b}\u{7f}\u{85}\u{9b}\u{61c}\u{200f}\u{2028}\u{2029}\u{202e}\u{2067}\u{feff}";
        assert!(Escaped(odd).to_string().chars().all(|character| character.is_ascii_graphic()));
        assert_eq!(Escaped("Grüße, \u{65e5}\u{672c}").to_string(), "Grüße, \u{65e5}\u{672c}");
    }
}
