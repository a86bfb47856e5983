//! Text for terminals: rows whose cells stand below each other, lists that break at a width, expressions in one line.

/// Where lists break.
const WIDTH: usize = 100;

/// Rows with each cell but the last as wide as the widest of its column, each behind `indent`.
pub(super) fn columns(indent: &str, rows: &[Vec<String>]) -> String {
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
    let line = |row: &Vec<String>| {
        let cells =
            row.iter().enumerate().map(|(column, cell)| format!("{cell:<0$}", width(column).unwrap_or_default()));
        format!("{indent}{}", cells.collect::<Vec<_>>().join("  ")).trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// `words` behind each other with commas; lines that would be too long go on below the first, `indent` columns in.
pub(super) fn wrapped<'w>(indent: usize, words: impl Iterator<Item = &'w str>) -> String {
    let (mut text, mut column) = (String::new(), indent);
    for word in words {
        let length = word.chars().count();
        if text.is_empty() {
            column += length;
        } else if column + 2 + length > WIDTH {
            text.push_str(",\n");
            text.push_str(&" ".repeat(indent));
            column = indent + length;
        } else {
            text.push_str(", ");
            column += 2 + length;
        }
        text.push_str(word);
    }
    text
}

/// `text` behind `indent` columns, on lines that break at spaces where they would be too long; those that follow are
/// `hanging` columns in. A word that is too long by itself stays whole.
pub(super) fn filled(indent: usize, hanging: usize, text: &str) -> String {
    let mut filled = " ".repeat(indent);
    let (mut column, mut is_start) = (indent, true);
    for word in text.split_inclusive(' ') {
        let length = word.trim_end().chars().count();
        if !is_start && column + length > WIDTH {
            filled.truncate(filled.trim_end().len());
            filled.push('\n');
            filled.push_str(&" ".repeat(hanging));
            column = hanging;
        }
        filled.push_str(word);
        column += word.chars().count();
        is_start = false;
    }
    filled.truncate(filled.trim_end().len());
    filled
}

/// An expression in one line, its start where it is long.
pub(super) fn one_line(source: &str) -> String {
    const LONGEST: usize = 60;
    let line = source.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= LONGEST { line } else { line.chars().take(LONGEST - 3).chain("...".chars()).collect() }
}

#[cfg(test)]
mod tests {
    use super::{columns, filled, wrapped};

    #[test]
    fn text_breaks_at_spaces_and_keeps_its_blanks() {
        let text = filled(2, 4, &format!("a  b {}", "0123456789 ".repeat(10)));
        assert_eq!(text.lines().count(), 2);
        assert!(text.starts_with("  a  b 0123456789") && text.contains("\n    0123456789"));
        assert!(text.lines().all(|line| line.len() <= 100 && !line.ends_with(' ')));
        assert_eq!(filled(2, 4, &"a".repeat(120)).lines().count(), 1);
    }

    #[test]
    fn cells_stand_below_each_other() {
        let rows = [["a", "long", ""], ["longer", "b", "c"]].map(|row| row.map(str::to_owned).to_vec());
        assert_eq!(columns("  ", &rows), "  a       long\n  longer  b     c");
    }

    #[test]
    fn lists_break_before_they_are_too_long() {
        let text = wrapped(4, std::iter::repeat_n("0123456789", 9));
        assert_eq!(text.lines().count(), 2);
        assert!(text.contains(",\n    0123456789") && text.lines().all(|line| line.len() <= 100));
    }
}
