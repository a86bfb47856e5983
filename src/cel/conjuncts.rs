//! What an expression asks for, piece by piece, in a form by which two expressions can be compared.

use super::syntax::{Syntax, Tree, parse, words};

/// The parts of the expression that must all be true, without what means nothing: blanks, comments, parentheses around a part.
/// An expression that cannot be parsed is its own only part.
pub(crate) fn conjuncts(source: &str) -> Vec<String> {
    let mut conjuncts = Vec::new();
    match parse(source) {
        Ok(tree) => collect(source, &tree, &mut conjuncts),
        Err(_) => conjuncts.push(source.to_owned()),
    }
    conjuncts
}

fn collect(source: &str, tree: &Tree, conjuncts: &mut Vec<String>) {
    match &tree.syntax {
        Syntax::And(parts) => parts.iter().for_each(|part| collect(source, part, conjuncts)),
        _ => conjuncts.push(unwrapped(&words(source.get(tree.span.clone()).unwrap_or_default())).join(" ")),
    }
}

/// The words without parentheses that enclose all of them.
fn unwrapped<'w, 's>(words: &'w [&'s str]) -> &'w [&'s str] {
    let [first @ "(", inner @ .., ")"] = words else { return words };
    let mut open = 1;
    let closes_early = inner.iter().any(|word| {
        open += i32::from(word == first) - i32::from(*word == ")");
        open == 0
    });
    if closes_early { words } else { unwrapped(inner) }
}

#[cfg(test)]
mod tests {
    use super::conjuncts;

    #[test]
    fn what_means_nothing_is_left_out() {
        let plain = ["body . a != \"x y\"", "body . b == null || body . c"];
        assert_eq!(conjuncts("body.a!=\"x y\" && (body.b == null||body.c)"), plain);
        assert_eq!(conjuncts("((body.a != \"x y\" // not that\n)&&(body.b==null || body.c))"), plain);
        assert_eq!(conjuncts("(body.a || body.b) == (body.c)"), ["( body . a || body . b ) == ( body . c )"]);
        assert_ne!(conjuncts("body.a != \"xy\""), conjuncts("body.a != \"x y\""));
    }
}
