//! The conjuncts of an expression, in a normal form for comparison.

use super::syntax::{Syntax, Tree, parse, words};

/// The operands of the outermost `&&`, without blanks, comments and outer parentheses. An expression with a syntax error is its own
/// only conjunct.
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
        _ => conjuncts.push(strip_parentheses(&words(source.get(tree.span.clone()).unwrap_or_default())).join(" ")),
    }
}

/// The tokens without parentheses around all of them.
fn strip_parentheses<'w, 's>(words: &'w [&'s str]) -> &'w [&'s str] {
    let [first @ "(", inner @ .., ")"] = words else { return words };
    // `(a) || (b)` begins and ends with a parenthesis too: it must not close before the end
    let mut open = 1;
    let closes_early = inner.iter().any(|word| {
        open += i32::from(word == first) - i32::from(*word == ")");
        open == 0
    });
    if closes_early { words } else { strip_parentheses(inner) }
}

#[cfg(test)]
mod tests {
    use super::conjuncts;

    #[test]
    fn blanks_comments_and_outer_parentheses_do_not_count() {
        let plain = ["body . a != \"x y\"", "body . b == null || body . c"];
        assert_eq!(conjuncts("body.a!=\"x y\" && (body.b == null||body.c)"), plain);
        assert_eq!(conjuncts("((body.a != \"x y\" // not that\n)&&(body.b==null || body.c))"), plain);
        assert_eq!(conjuncts("(body.a || body.b) == (body.c)"), ["( body . a || body . b ) == ( body . c )"]);
        assert_ne!(conjuncts("body.a != \"xy\""), conjuncts("body.a != \"x y\""));
    }
}
