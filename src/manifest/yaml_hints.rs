//! How to mend a text that is no YAML, as far as the lines around the place tell: the parser's words say what it met.

/// What to do about the line at the byte `start` of `text`.
pub(super) fn hint(text: &str, start: usize) -> Option<&'static str> {
    let before = text.get(..start).unwrap_or_default();
    let from = before.rfind('\n').map_or(0, |end| end + 1);
    let mut lines = text.get(from..).unwrap_or_default().lines();
    let line = lines.next()?;
    let indentation = |line: &str| line.chars().take_while(|first| first.is_whitespace()).any(|blank| blank == '\t');
    if indentation(line) || lines.next().is_some_and(indentation) {
        return Some("indent with spaces, not with tabs");
    }
    if !is_indented_as_before(before.get(..from).unwrap_or_default(), line) {
        return Some("indentation: this line does not belong to the map begun above");
    }
    let entry = line.trim_start().trim_start_matches("- ");
    let (key, value) = entry.split_once(": ").map_or(("", entry), |(key, value)| (key, value.trim_start()));
    if key == "<<" {
        None
    } else if value.starts_with(['"', '\'', '[', '{', '@', '`', '%']) {
        Some("a text that begins with such a sign belongs in quotes as a whole, or behind `>-` on a line of its own")
    } else {
        let help = "a text with `: ` in it belongs in quotes, a map within a map on lines of its own";
        value.contains(": ").then_some(help)
    }
}

/// Whether `line` is indented deeper than the one before it, or as the nearest one that is no deeper than itself.
fn is_indented_as_before(before: &str, line: &str) -> bool {
    let indentation = |line: &str| line.len() - line.trim_start_matches([' ', '-']).len();
    let own = indentation(line);
    let says_something = |line: &&str| !line.trim().is_empty() && !line.trim_start().starts_with('#');
    let mut above = before.lines().rev().filter(says_something).map(indentation);
    let Some(last) = above.next() else { return true };
    own >= last || above.find(|indentation| *indentation <= own) == Some(own)
}

#[cfg(test)]
mod tests {
    use super::hint;

    #[test]
    fn the_line_tells_what_to_do() {
        let told = |text: &str| hint(text, text.find('^').unwrap_or_default()).unwrap_or("nothing");
        assert!(told("a:\n\t- ^b\n").contains("spaces"));
        assert!(told("a:\n  b: ^c\n\td: e\n").contains("spaces"), "the parser may be a line behind");
        assert!(told("- expression: body.a == \"x: ^y\"\n").contains("`: `"));
        assert!(told("- expression: \"a\" in ^body.b\n").contains("begins with such a sign"));
        assert_eq!(told("a: b\n  ^c: d\n"), "nothing");
        assert!(told("a:\n    b: 1\n  ^c: 2\n").contains("indentation"));
        assert!(told("a:\n  - b: 1\n   ^c: 2\n").contains("indentation"));
        assert_eq!(told("a:\n  - b: 1\n    ^c: 2\n"), "nothing");
        assert_eq!(told("<<: ^{ a: b }\n"), "nothing");
        assert_eq!(hint("", 7), None);
    }
}
