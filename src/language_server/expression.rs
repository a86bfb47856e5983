//! What is at a place in an expression, by its text alone: the rest of it is mostly not written yet.

/// What an expression has before a place.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Before<'e> {
    /// A name that begins an expression, as far as it is typed.
    Name(&'e str),
    /// What is asked for a member, and the name of that as far as it is typed.
    Member(String, &'e str),
}

/// A name that a macro brings into scope, and an expression for what it stands for.
struct LocalName {
    name: String,
    value: Option<String>,
}

/// Macros that visit the elements of what they are called on.
const VISITORS: [&str; 8] =
    ["all", "exists", "exists_one", "existsOne", "map", "filter", "transformList", "transformMap"];

/// What is before the end of `before`, which is the begin of an expression. `None` where no name can be: in a text or a comment.
pub(super) fn before_place(before: &str) -> Option<Before<'_>> {
    if let Some(open) = open_text(before)? {
        // a member that is asked for by a text: `body["`
        let receiver = before.get(..open)?.trim_end().strip_suffix('[')?;
        let typed = before.get(open + 1..)?;
        return Some(Before::Member(in_scope(receiver, receiver_at_end(receiver)), typed));
    }
    let rest = before.trim_end_matches(is_of_name);
    let typed = before.get(rest.len()..)?;
    if typed.starts_with(|first: char| first.is_ascii_digit()) {
        return None;
    }
    let dotted = rest.strip_suffix('?').filter(|rest| rest.ends_with('.')).unwrap_or(rest).strip_suffix('.');
    Some(match dotted {
        Some(receiver) => Before::Member(in_scope(receiver, receiver_at_end(receiver)), typed),
        None => Before::Name(typed),
    })
}

/// The names that macros bring into scope before the end of `before`.
pub(super) fn local_names(before: &str) -> Vec<String> {
    locals(before).into_iter().map(|local| local.name).collect()
}

/// Where the text begins that is open at the end of `before`: `Some(None)` outside of texts, `None` in a comment.
#[expect(clippy::option_option, reason = "two questions: whether names are possible, and whether a text is open")]
fn open_text(before: &str) -> Option<Option<usize>> {
    let mut letters = before.char_indices().peekable();
    let mut open: Option<(usize, char)> = None;
    while let Some((at, letter)) = letters.next() {
        match (open, letter) {
            (Some((_, quote)), letter) if letter == quote => open = None,
            (Some(_), '\\') => drop(letters.next()),
            (None, '"' | '\'') => open = Some((at, letter)),
            (None, '/') if letters.peek().is_some_and(|(_, next)| *next == '/') => {
                letters.find(|(_, letter)| *letter == '\n')?;
            }
            _ => {}
        }
    }
    Some(open.map(|(at, _)| at))
}

pub(super) fn is_of_name(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || letter == '_'
}

/// The operand at the end of `text`, with all that it is a member of: `body.a[0].b` of `1 + body.a[0].b`.
fn receiver_at_end(text: &str) -> &str {
    let mut start = text.len();
    while let Some(rest) = text.get(..start).map(str::trim_end) {
        let Some(last) = rest.chars().next_back() else { break };
        let begin = match last {
            ')' | ']' | '}' => group_start(rest),
            '"' | '\'' => rest.get(..rest.len() - 1).and_then(|inner| inner.rfind(last)),
            letter if is_of_name(letter) => Some(rest.trim_end_matches(is_of_name).len()),
            _ => None,
        };
        let Some(begin) = begin else { break };
        start = begin;
        let before = text.get(..start).unwrap_or_default();
        let is_call = matches!(last, ')' | ']') && before.ends_with(|it: char| is_of_name(it) || ")]".contains(it));
        if is_call {
            continue;
        }
        let before = before.trim_end();
        let Some(dotted) = before.strip_suffix('?').filter(|it| it.ends_with('.')).unwrap_or(before).strip_suffix('.')
        else {
            break;
        };
        start = dotted.len();
    }
    text.get(start..).unwrap_or_default().trim()
}

/// Where the group that ends `text` begins.
fn group_start(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    let mut quote = None;
    for (at, letter) in text.char_indices().rev() {
        match (quote, letter) {
            (Some(open), letter) if letter == open => quote = None,
            (None, '"' | '\'') => quote = Some(letter),
            (None, ')' | ']' | '}') => depth += 1,
            (None, '(' | '[' | '{') => {
                depth = depth.checked_sub(1)?;
                if depth == 0 {
                    return Some(at);
                }
            }
            _ => {}
        }
    }
    None
}

/// The names in scope at the end of `before`, the outermost first.
fn locals(before: &str) -> Vec<LocalName> {
    let mut found: Vec<LocalName> = Vec::new();
    for (at, _) in before.match_indices('.') {
        let (receiver, rest) = (before.get(..at).unwrap_or_default(), before.get(at + 1..).unwrap_or_default());
        let Some((called, arguments)) = rest.split_once('(') else { continue };
        if !VISITORS.contains(&called) {
            continue;
        }
        let over = expand(&found, receiver_at_end(receiver));
        let mut names = arguments.split(',').map(str::trim).take(2).take_while(|name| is_name(name));
        let (first, second) = (names.next(), names.next());
        // `map(x, x)` has one name and a value that looks like one
        let is_keyed =
            second.is_some() && arguments.split(',').nth(2).is_some() && !["map", "filter"].contains(&called);
        let element = Some(format!("({over})[0]"));
        match (first, second.filter(|_| is_keyed)) {
            (Some(key), Some(value)) => {
                found.push(LocalName { name: key.to_owned(), value: None });
                found.push(LocalName { name: value.to_owned(), value: element });
            }
            (Some(name), None) => found.push(LocalName { name: name.to_owned(), value: element }),
            (None, _) => {}
        }
    }
    found
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(is_of_name) && !text.starts_with(|first: char| first.is_ascii_digit())
}

/// `receiver` without names that macros bring into scope before it.
fn in_scope(before: &str, receiver: &str) -> String {
    expand(&locals(before), receiver)
}

fn expand(locals: &[LocalName], receiver: &str) -> String {
    let length = receiver.find(|letter| !is_of_name(letter)).unwrap_or(receiver.len());
    let (first, rest) = receiver.split_at_checked(length).unwrap_or((receiver, ""));
    let value = locals.iter().rev().find(|local| local.name == first).and_then(|local| local.value.as_deref());
    match value {
        Some(value) => format!("{value}{rest}"),
        None => receiver.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::{Before, before_place, local_names};

    #[test]
    fn a_place_has_its_receiver() {
        for (before, receiver, typed) in [
            ("body.", "body", ""),
            ("a && !body.public_meta", "body", "public_meta"),
            ("x + body.a[0].b(1, \")\").c", "body.a[0].b(1, \")\")", "c"),
            ("body.?a.?b", "body.?a", "b"),
            ("request.headers[\"x-", "request.headers", "x-"),
            ("(1 + body\n  .a).", "(1 + body\n  .a)", ""),
            ("[1, 2].ex", "[1, 2]", "ex"),
            ("\"a b\".sta", "\"a b\"", "sta"),
            ("body.emails.all(x, x.na", "(body.emails)[0]", "na"),
            ("body.a.exists(x, x.b.exists(y, y.", "((body.a)[0].b)[0]", ""),
            ("body.a.all(i, x, x.", "(body.a)[0]", ""),
        ] {
            assert_eq!(before_place(before), Some(Before::Member(receiver.to_owned(), typed)), "{before}");
        }
        for (before, typed) in [("", ""), ("bo", "bo"), ("a == bo", "bo"), ("f(x, ", ""), ("'a' + b", "b")] {
            assert_eq!(before_place(before), Some(Before::Name(typed)), "{before}");
        }
        for before in ["'a", "a // note", "12", "\"x\\\"", "a == 'b.c"] {
            assert_eq!(before_place(before), None, "{before}");
        }
    }

    #[test]
    fn macros_bring_names_into_scope() {
        assert_eq!(local_names("body.a.all(x, x.b.map(i, y, "), ["x", "i"]);
        assert_eq!(local_names("body.a.transformList(i, y, "), ["i", "y"]);
    }
}
