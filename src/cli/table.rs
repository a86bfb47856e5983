//! Text that fits the terminal: tables, lists and paragraphs that wrap at word ends.

use comfy_table::presets::NOTHING;
use comfy_table::{ColumnConstraint, ContentArrangement, Width};

/// Space between two columns.
const GAP: usize = 2;

/// The rows below each other, at most `width` columns wide. See [`rows_of_table`].
pub(super) fn table(indent: usize, rows: &[Vec<String>], width: usize) -> String {
    rows_of_table(indent, rows, width).join("\n")
}

/// Each row of a table, which may take several lines. Cells wrap at spaces, so that lists in them are separated by `, `. If
/// even the longest words do not fit beside each other, the widest column is below its row.
pub(super) fn rows_of_table(indent: usize, rows: &[Vec<String>], width: usize) -> Vec<String> {
    let available = width.saturating_sub(indent);
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let widest = |column: usize, length: &dyn Fn(&String) -> usize| {
        rows.iter().filter_map(|row| row.get(column)).map(length).max().unwrap_or_default()
    };
    let mut widths: Vec<usize> = (0..columns).map(|column| widest(column, &|cell| length(cell))).collect();
    let least: Vec<usize> = (0..columns).map(|column| widest(column, &|cell| longest_word(cell))).collect();
    let gaps = GAP * columns.saturating_sub(1);
    if columns > 1 && least.iter().sum::<usize>() + gaps > available {
        let below = (0..columns).max_by_key(|column| widths.get(*column)).unwrap_or_default();
        return rows_with_column_below(indent, rows, below, width);
    }
    while widths.iter().sum::<usize>() + gaps > available {
        let shrinkable = widths.iter_mut().zip(&least).filter(|(width, least)| **width > **least);
        // the widest has most room to wrap
        let Some(widest) = shrinkable.map(|(width, _)| width).max() else { break };
        *widest -= 1;
    }
    rows.iter().map(|row| render(indent, row, &widths)).collect()
}

fn rows_with_column_below(indent: usize, rows: &[Vec<String>], column: usize, width: usize) -> Vec<String> {
    let without = |row: &Vec<String>| -> Vec<String> {
        row.iter().enumerate().filter(|(at, _)| *at != column).map(|(_, cell)| cell.clone()).collect()
    };
    let rest: Vec<Vec<String>> = rows.iter().map(without).collect();
    let below = rows.iter().map(|row| row.get(column).map_or("", String::as_str));
    let rows = rows_of_table(indent, &rest, width).into_iter().zip(below);
    rows.map(
        |(row, cell)| {
            if cell.is_empty() { row } else { format!("{row}\n{}", fill(indent + 2, indent + 2, width, cell)) }
        },
    )
    .collect()
}

fn render(indent: usize, row: &[String], widths: &[usize]) -> String {
    let mut table = comfy_table::Table::new();
    table.load_style(NOTHING).set_content_arrangement(ContentArrangement::Dynamic).add_row(row);
    for (position, width) in widths.iter().enumerate() {
        let before = if position == 0 { indent } else { GAP };
        let Some(column) = table.column_mut(position) else { continue };
        column.set_padding((u16::try_from(before).unwrap_or_default(), 0));
        let whole = u16::try_from(before + width.max(&1)).unwrap_or(u16::MAX);
        column.set_constraint(ColumnConstraint::Absolute(Width::Fixed(whole)));
    }
    table.trim_fmt()
}

fn longest_word(cell: &str) -> usize {
    cell.split_whitespace().map(length).max().unwrap_or_default()
}

/// `words` separated by commas; lines break after a comma, and the following ones are indented by `indent` columns. The
/// first one is expected to begin there.
pub(super) fn comma_list<'w>(indent: usize, width: usize, words: impl Iterator<Item = &'w str>) -> String {
    let (mut text, mut column) = (String::new(), indent);
    for word in words {
        let length = length(word);
        if text.is_empty() {
            column += length;
        // the comma and space before the word, and the comma that may follow it
        } else if column + 3 + length > width {
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

/// `text` as a paragraph of lines that break at spaces: the first indented by `indent` columns, the others by `hanging`.
/// Runs of spaces are kept, and a word that is longer than a line is not broken.
pub(super) fn fill(indent: usize, hanging: usize, width: usize, text: &str) -> String {
    let mut lines = " ".repeat(indent);
    let (mut column, mut is_start) = (indent, true);
    for word in text.split_inclusive(' ') {
        if !is_start && column + length(word.trim_end()) > width {
            lines.truncate(lines.trim_end().len());
            lines.push('\n');
            lines.push_str(&" ".repeat(hanging));
            column = hanging;
        }
        lines.push_str(word);
        column += length(word);
        is_start = false;
    }
    lines.truncate(lines.trim_end().len());
    lines
}

/// An expression on one line, cut to 60 characters.
pub(super) fn one_line(source: &str) -> String {
    const LONGEST: usize = 60;
    let line = source.split_whitespace().collect::<Vec<_>>().join(" ");
    if length(&line) <= LONGEST { line } else { line.chars().take(LONGEST - 3).chain("...".chars()).collect() }
}

fn length(text: &str) -> usize {
    text.chars().count()
}

#[cfg(test)]
mod tests {
    use super::{comma_list, fill, table};

    fn rows(rows: &[&[&str]]) -> Vec<Vec<String>> {
        rows.iter().map(|row| row.iter().map(|cell| (*cell).to_owned()).collect()).collect()
    }

    #[test]
    fn text_breaks_at_spaces_and_keeps_its_blanks() {
        let text = fill(2, 4, 100, &format!("a  b {}", "0123456789 ".repeat(10)));
        assert_eq!(text.lines().count(), 2);
        assert!(text.starts_with("  a  b 0123456789") && text.contains("\n    0123456789"));
        assert!(text.lines().all(|line| line.len() <= 100 && !line.ends_with(' ')));
        assert_eq!(fill(2, 4, 100, &"a".repeat(120)).lines().count(), 1);
    }

    #[test]
    fn cells_are_below_each_other() {
        let rows = rows(&[&["a", "long", ""], &["longer", "b", "c"]]);
        assert_eq!(table(2, &rows, 80), "  a       long\n  longer  b     c");
    }

    #[test]
    fn cells_wrap_at_words() {
        let rows = rows(&[&["name", "operations", "owner"], &["a-policy", "CreateUser, UpdateUser", "identity"]]);
        insta::assert_snapshot!(table(2, &rows, 36), @"
        name      operations      owner
        a-policy  CreateUser,     identity
                  UpdateUser
        ");
    }

    #[test]
    fn a_column_that_does_not_fit_is_below_its_row() {
        let rows = rows(&[&["name", "operations", "owner"], &["a-policy", "CreateUser, UpdateUser", "identity"]]);
        insta::assert_snapshot!(table(2, &rows, 24), @r"
          name      owner
            operations
          a-policy  identity
            CreateUser,
            UpdateUser
        ");
    }

    #[test]
    fn lists_break_before_they_are_too_long() {
        let text = comma_list(4, 100, std::iter::repeat_n("0123456789", 9));
        assert_eq!(text.lines().count(), 2);
        assert!(text.contains(",\n    0123456789") && text.lines().all(|line| line.len() <= 100));
    }
}
