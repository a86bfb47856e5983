//! The first command of a line as a shell reads it: quotes of `bash` (`$'...'`) undone, and nothing behind an operator.

use std::iter::Peekable;
use std::str::Chars;

/// The first command of a line.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct ShellCommand {
    /// The program and its arguments, without quotes.
    pub(super) words: Vec<String>,
    /// Whether something follows it, behind an operator such as `|`.
    pub(super) has_more: bool,
    /// Whether there are variables or commands in it that a shell would put something else for.
    pub(super) has_variables: bool,
}

/// Reads `line`, which may begin with the `$` of a prompt.
///
/// # Errors
///
/// Why it cannot be read.
pub(super) fn command(line: &str) -> Result<ShellCommand, &'static str> {
    let line = line.trim();
    let mut reader =
        ShellReader { rest: line.strip_prefix("$ ").unwrap_or(line).chars().peekable(), ..ShellReader::default() };
    let has_more = reader.read()?;
    let words = shell_words::split(&reader.plain).map_err(|_| OPEN)?;
    Ok(ShellCommand { words, has_more, has_variables: reader.has_variables })
}

const OPEN: &str = "a quote is not closed";

struct ShellReader<'l> {
    rest: Peekable<Chars<'l>>,
    /// What was read, without what only `bash` knows.
    plain: String,
    has_variables: bool,
}

impl Default for ShellReader<'_> {
    fn default() -> Self {
        Self { rest: "".chars().peekable(), plain: String::new(), has_variables: false }
    }
}

impl ShellReader<'_> {
    /// Reads up to the first operator; whether there is one.
    fn read(&mut self) -> Result<bool, &'static str> {
        while let Some(letter) = self.rest.next() {
            match letter {
                '\\' => self.escape(),
                '\'' => self.quote('\'')?,
                '"' => self.quote('"')?,
                '$' if self.rest.next_if_eq(&'\'').is_some() => self.ansi()?,
                '|' | '&' | ';' | '(' | ')' | '\n' => return Ok(true),
                '<' | '>' => {
                    self.drop_descriptor();
                    return Ok(true);
                }
                '$' | '`' => {
                    self.has_variables = true;
                    self.plain.push(letter);
                }
                _ => self.plain.push(letter),
            }
        }
        Ok(false)
    }

    fn escape(&mut self) {
        // kept for `shell_words`, which undoes it
        self.plain.push('\\');
        self.plain.extend(self.rest.next());
    }

    /// Takes a quoted part as it is.
    fn quote(&mut self, quote: char) -> Result<(), &'static str> {
        self.plain.push(quote);
        while let Some(letter) = self.rest.next() {
            if letter == '\\' && quote == '"' {
                self.escape();
                continue;
            }
            // in single quotes a shell replaces nothing
            self.has_variables |= quote == '"' && matches!(letter, '$' | '`');
            self.plain.push(letter);
            if letter == quote {
                return Ok(());
            }
        }
        Err(OPEN)
    }

    /// The number before `>`, as in `2>`, is no word of the command.
    fn drop_descriptor(&mut self) {
        let before = self.plain.trim_end_matches(|letter: char| letter.is_ascii_digit());
        if before.ends_with(char::is_whitespace) {
            self.plain.truncate(before.len());
        }
    }

    /// The rest of `$'...'`, as a plain quoted part.
    fn ansi(&mut self) -> Result<(), &'static str> {
        let mut bytes = Vec::new();
        loop {
            match self.rest.next().ok_or(OPEN)? {
                '\'' => break,
                '\\' => self.ansi_escape(&mut bytes)?,
                letter => bytes.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
        let text = String::from_utf8(bytes).map_err(|_| "what `$'...'` stands for is not UTF-8")?;
        self.plain.push('\'');
        // a single quote cannot be inside of single quotes: they end, it is escaped, they begin again
        self.plain.push_str(&text.replace('\'', r"'\''"));
        self.plain.push('\'');
        Ok(())
    }

    fn ansi_escape(&mut self, bytes: &mut Vec<u8>) -> Result<(), &'static str> {
        let letter = self.rest.next().ok_or(OPEN)?;
        let stands_for = match letter {
            'n' => '\n',
            't' => '\t',
            'r' => '\r',
            'a' => '\u{7}',
            'b' => '\u{8}',
            'e' | 'E' => '\u{1b}',
            'f' => '\u{c}',
            'v' => '\u{b}',
            '\\' | '\'' | '"' | '?' => letter,
            'u' => char::from_u32(self.number(16, 4)?).ok_or(UNKNOWN)?,
            'U' => char::from_u32(self.number(16, 8)?).ok_or(UNKNOWN)?,
            'x' => {
                bytes.push(u8::try_from(self.number(16, 2)?).map_err(|_| UNKNOWN)?);
                return Ok(());
            }
            _ => return Err(UNKNOWN),
        };
        bytes.extend_from_slice(stands_for.encode_utf8(&mut [0; 4]).as_bytes());
        Ok(())
    }

    /// Up to `most` digits.
    fn number(&mut self, radix: u32, most: usize) -> Result<u32, &'static str> {
        let mut digits = String::new();
        while digits.len() < most
            && let Some(digit) = self.rest.next_if(|letter| letter.is_digit(radix))
        {
            digits.push(digit);
        }
        u32::from_str_radix(&digits, radix).map_err(|_| UNKNOWN)
    }
}

const UNKNOWN: &str = "`$'...'` has a `\\` in it that is not read; write the body in a file: `-d @FILE`";

#[cfg(test)]
mod tests {
    use super::command;

    fn words(line: &str) -> Vec<String> {
        command(line).unwrap().words
    }

    #[test]
    fn quotes_of_bash_are_undone() {
        assert_eq!(words(r"a $'{\u0021 it\'s\n\xc3\xa9 $x}' b"), ["a", "{! it's\n\u{e9} $x}", "b"]);
        assert!(!command(r"a $'$x' '$y' \$z").unwrap().has_variables);
        assert!(command("a \"$x\"").unwrap().has_variables && command("a `b`").unwrap().has_variables);
        for (line, why) in
            [("$'a", "not closed"), (r"$'\q'", "not read"), (r"$'\xff'", "not UTF-8"), (r"$'\ud800'", "read")]
        {
            assert!(command(line).unwrap_err().contains(why), "{line}");
        }
    }

    #[test]
    fn what_is_behind_an_operator_is_not_of_the_command() {
        for rest in ["| jq .", "> out", "2>/dev/null", "&& echo", "; b", "\nb", "2>&1 | b", "& "] {
            let command = command(&format!("$ a 'b|c' \"d>e\" f\\&g {rest}")).unwrap();
            assert_eq!((command.words.join(" ").as_str(), command.has_more), ("a b|c d>e f&g", true), "{rest}");
        }
        assert_eq!(words("a b2>c"), ["a", "b2"]);
        assert!(!command("a \\\n  b\n").unwrap().has_more);
    }
}
