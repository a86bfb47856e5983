//! The tables of functions in `docs/cel.md` have every function, with an example that is true.

use super::{lift, path, run};
use std::fs;

/// The rows of the tables whose first column is a function: their cells.
fn rows() -> Vec<[String; 3]> {
    let page = fs::read_to_string(path("docs/cel.md")).expect("the page");
    let functions = page
        .split("\n| function |")
        .skip(1)
        .flat_map(|table| table.lines().skip(2).take_while(|it| it.starts_with('|')));
    let cells = functions.map(|row| {
        // a `|` of the language has a backslash before it
        let row = row.replace("\\|", "\u{0}");
        let cells: Vec<String> = row.split('|').map(|cell| cell.trim().replace('\u{0}', "|")).collect();
        <[String; 5]>::try_from(cells).unwrap_or_else(|cells| panic!("{cells:?}"))
    });
    cells.map(|[_, function, gives, example, _]| [function, gives, example]).collect()
}

#[test]
fn each_example_is_true_folded_and_evaluated() {
    let rows = rows();
    assert!(rows.len() > 20, "the tables were not found");
    for [function, _, example] in rows {
        let source = example.trim_matches('`');
        assert_eq!(run(source, "{}"), Ok("true".to_owned()), "{function}: {source}");
        let (lifted, body) = lift::lift(source);
        assert_eq!(run(&lifted, &body), Ok("true".to_owned()), "{function}: {lifted}");
    }
}

#[test]
fn every_function_has_a_row() {
    let shown: String = rows().into_iter().map(|[function, gives, _]| function + &gives).collect();
    for name in crate::cel::function_names() {
        let last = name.rsplit('.').next().expect("a name");
        let is_shown = if name.contains('.') {
            shown.contains(name)
        } else {
            [format!(".{last}("), format!("`{last}(")].iter().any(|it| shown.contains(it))
                || shown.contains(&format!("`{last}`"))
        };
        assert!(is_shown, "`{name}` is not in docs/cel.md");
    }
}
