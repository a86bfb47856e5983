//! Text for a terminal or a log, with control characters escaped.

use std::fmt::{self, Write as _};

/// Whether a character changes how the text around it is displayed: control characters (such as line breaks and the escape of
/// terminal commands), line and paragraph separators, and controls of the writing direction.
pub fn needs_escape(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            // direction controls can reorder a line so that it reads as another one
            '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}'
        )
}

/// Text on one line: every character for which [`needs_escape`] is true is displayed as `\u{..}`.
///
/// ```
/// use portcullis::redact::Escaped;
///
/// assert_eq!(Escaped("two\nlines, \u{1b}[31mred").to_string(), r"two\u{a}lines, \u{1b}[31mred");
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Escaped<'a>(
    /// Text from a request, another process or a file, as it came.
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
    fn no_control_character_is_left() {
        let odd = "\0\t\r\n\u{1b}\u{7f}\u{85}\u{9b}\u{61c}\u{200f}\u{2028}\u{2029}\u{202e}\u{2067}\u{feff}";
        assert!(Escaped(odd).to_string().chars().all(|character| character.is_ascii_graphic()));
        assert_eq!(Escaped("Grüße, \u{65e5}\u{672c}").to_string(), "Grüße, \u{65e5}\u{672c}");
    }
}
