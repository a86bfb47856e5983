//! Hints for text that is not valid YAML, from the lines around the error. The message of the parser only names what it found.

/// The hint for an error at the byte `start` of `text`.
pub(super) fn hint(text: &str, start: usize) -> Option<&'static str> {
    let before = text.get(..start).unwrap_or_default();
    let from = before.rfind('\n').map_or(0, |end| end + 1);
    let mut lines = text.get(from..).unwrap_or_default().lines();
    let line = lines.next()?;
    // YAML 1.2.2 section 6.1: tabs must not be used in indentation
    let indentation = |line: &str| line.chars().take_while(|first| first.is_whitespace()).any(|blank| blank == '\t');
    if indentation(line) || lines.next().is_some_and(indentation) {
        return Some("indent with spaces, not with tabs");
    }
    if !is_indented_as_before(before.get(..from).unwrap_or_default(), line) {
        return Some("indentation: this line does not belong to the map above");
    }
    let entry = line.trim_start().trim_start_matches("- ");
    let (key, value) = entry.split_once(": ").map_or(("", entry), |(key, value)| (key, value.trim_start()));
    if key == "<<" {
        Some("merge keys are not read: write the entries here, where they take effect")
    } else if value.starts_with(['"', '\'', '[', '{', '@', '`', '%']) {
        // an expression such as `"a" in body.b` begins like a quoted scalar, and then goes on
        Some("put text that begins with this character in quotes, or after `>-` on a line of its own")
    } else {
        let help = "put text that contains `: ` in quotes, and a map within a map on lines of its own";
        value.contains(": ").then_some(help)
    }
}

/// Whether `line` is indented deeper than the one before it, or as the nearest one that is no deeper than itself.
fn is_indented_as_before(before: &str, line: &str) -> bool {
    let indentation = |line: &str| line.len() - line.trim_start_matches([' ', '-']).len();
    let own = indentation(line);
    // blank lines and comments may have any indentation
    let has_content = |line: &&str| !line.trim().is_empty() && !line.trim_start().starts_with('#');
    let mut above = before.lines().rev().filter(has_content).map(indentation);
    let Some(last) = above.next() else { return true };
    own >= last || above.find(|indentation| *indentation <= own) == Some(own)
}

#[cfg(test)]
mod tests {
    use super::hint;

    #[test]
    fn the_hint_depends_on_the_line() {
        let hint_for = |text: &str| hint(text, text.find('^').unwrap_or_default()).unwrap_or("nothing");
        assert!(hint_for("a:\n\t- ^b\n").contains("spaces"));
        assert!(hint_for("a:\n  b: ^c\n\td: e\n").contains("spaces"), "the parser may be a line behind");
        assert!(hint_for("- expression: body.a == \"x: ^y\"\n").contains("`: `"));
        assert!(hint_for("- expression: \"a\" in ^body.b\n").contains("begins with this character"));
        assert_eq!(hint_for("a: b\n  ^c: d\n"), "nothing");
        assert!(hint_for("a:\n    b: 1\n  ^c: 2\n").contains("indentation"));
        assert!(hint_for("a:\n  - b: 1\n   ^c: 2\n").contains("indentation"));
        assert_eq!(hint_for("a:\n  - b: 1\n    ^c: 2\n"), "nothing");
        assert!(hint_for("<<: ^{ a: b }\n").contains("merge keys"));
        assert_eq!(hint("", 7), None);
    }
}
