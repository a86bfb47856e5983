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

/// An expression in one line, its start where it is long.
pub(super) fn one_line(source: &str) -> String {
    const LONGEST: usize = 60;
    let line = source.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= LONGEST { line } else { line.chars().take(LONGEST - 3).chain("...".chars()).collect() }
}

#[cfg(test)]
mod tests {
    use super::{columns, wrapped};

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
