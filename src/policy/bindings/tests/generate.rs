//! Expressions by chance, most of them sound.

/// What chance decided, used up one by one; `0` when there is no more, so that what is made is small.
pub(super) struct Choices<'c>(pub(super) &'c [u16]);

impl Choices<'_> {
    fn below(&mut self, bound: usize) -> usize {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        usize::from(*first) % bound
    }

    fn one_of<'t>(&mut self, words: &[&'t str]) -> &'t str {
        words[self.below(words.len())]
    }
}

/// The type that a generated expression should have.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    Bool,
    Int,
    Uint,
    Double,
    Text,
    List,
    Map,
    Duration,
    Timestamp,
    Anything,
}

const WANTED: [Wanted; 9] = [
    Wanted::Bool,
    Wanted::Int,
    Wanted::Uint,
    Wanted::Double,
    Wanted::Text,
    Wanted::List,
    Wanted::Map,
    Wanted::Duration,
    Wanted::Timestamp,
];

/// An expression; now and then of another type than `wanted`, and at times without brackets.
pub(super) fn expression(choices: &mut Choices<'_>, wanted: Wanted, depth: usize) -> String {
    let strays = choices.below(16) == 1;
    let wanted = match WANTED[choices.below(WANTED.len())] {
        // the crate adds the two
        Wanted::Map if wanted == Wanted::List => Wanted::List,
        stray if strays || wanted == Wanted::Anything => stray,
        _ => wanted,
    };
    if depth == 0 || choices.below(4) == 0 {
        return leaf(choices, wanted);
    }
    let text = composed(choices, wanted, depth - 1);
    if choices.below(3) == 1 { text } else { format!("({text})") }
}

fn leaf(choices: &mut Choices<'_>, wanted: Wanted) -> String {
    let words: &[&str] = match wanted {
        Wanted::Bool => &["true", "false", "m.yes", "m.no", "m.nothing == null"],
        Wanted::Int => {
            &["0", "1", "-1", "7", "0x10", "9223372036854775807", "-9223372036854775808", "m.one", "m.minus"]
        }
        Wanted::Uint => &["0u", "1u", "0xFFu", "18446744073709551615u", "m.huge"],
        Wanted::Double => &["0.0", "1.0", "-1.5", "2.5e3", "m.half", "1e300"],
        Wanted::Text => &["''", "'a'", "\"b\\u00e9\"", "'true'", "'12'", "r'a\\b'", "m.word", "m.unicode", "m.empty"],
        Wanted::List => &["[]", "[1, 2, 3]", "['a', 1, null]", "m.numbers", "m.words", "m.mixed", "m.none"],
        Wanted::Map => &["{}", "{'a': 1}", "{1: 'x', true: 2}", "m.inner", "m.inner.c"],
        Wanted::Duration => &["duration('1h')", "duration('-1.5s')", "duration('0')"],
        Wanted::Timestamp => {
            &["timestamp('2026-01-02T03:04:05.678Z')", "timestamp(0)", "timestamp('1969-12-31T23:59:59Z')"]
        }
        Wanted::Anything => &["null"],
    };
    choices.one_of(words).to_owned()
}

fn composed(choices: &mut Choices<'_>, wanted: Wanted, depth: usize) -> String {
    let number = [Wanted::Int, Wanted::Uint, Wanted::Double][choices.below(3)];
    let mut inner = |wanted| expression(choices, wanted, depth);
    match wanted {
        Wanted::Bool => truth(choices, depth, number),
        Wanted::Int | Wanted::Uint | Wanted::Double => figure(choices, wanted, depth, number),
        Wanted::Text => {
            let (left, right, other) = (inner(Wanted::Text), inner(Wanted::Text), inner(number));
            match choices.below(4) {
                0 => format!("string({other})"),
                1 => format!("string({})", expression(choices, Wanted::Duration, depth)),
                2 => format!("string({})", expression(choices, Wanted::Timestamp, depth)),
                _ => format!("{left} + {right}"),
            }
        }
        Wanted::List => {
            let (left, right) = (inner(Wanted::List), inner(Wanted::List));
            let (item, test) = (inner(Wanted::Anything), inner(Wanted::Bool));
            match choices.below(5) {
                0 => format!("[{item}, {test}]"),
                1 => format!("[{left}].filter(x, {test} || x == 1)"),
                2 => format!("({right}).map(x, [x, {item}])"),
                3 => format!("({right}).map(x, x == 1 || {test}, {item})"),
                _ => format!("{left} + {right}"),
            }
        }
        Wanted::Map => {
            let (key, value, test) = (inner(Wanted::Text), inner(Wanted::Anything), inner(Wanted::Bool));
            match choices.below(2) {
                0 => format!("{{{key}: {value}}}"),
                _ => format!("{test} ? {{}} : {{'a': {value}}}"),
            }
        }
        Wanted::Duration => {
            let (left, right) = (inner(Wanted::Duration), inner(Wanted::Duration));
            let (later, earlier) = (inner(Wanted::Timestamp), inner(Wanted::Timestamp));
            if choices.below(3) == 0 {
                format!("{later} - {earlier}")
            } else {
                format!("{left} {} {right}", choices.one_of(&["+", "-"]))
            }
        }
        Wanted::Timestamp => {
            let (time, length) = (inner(Wanted::Timestamp), inner(Wanted::Duration));
            format!("{time} {} {length}", choices.one_of(&["+", "-"]))
        }
        Wanted::Anything => inner(Wanted::Bool),
    }
}

fn figure(choices: &mut Choices<'_>, wanted: Wanted, depth: usize, number: Wanted) -> String {
    let mut inner = |wanted| expression(choices, wanted, depth);
    let (left, right) = (inner(wanted), inner(wanted));
    let (text, list, other) = (inner(Wanted::Text), inner(Wanted::List), inner(number));
    let name = match wanted {
        Wanted::Int => "int",
        Wanted::Uint => "uint",
        _ => "double",
    };
    match choices.below(8) {
        0 => format!("{name}({other})"),
        1 => format!("{name}({text})"),
        2 if wanted == Wanted::Int => format!("size({list})"),
        3 if wanted == Wanted::Int => format!("({text}).size()"),
        4 if wanted != Wanted::Uint => format!("-({left})"),
        5 if wanted == Wanted::Int => {
            let part = choices.one_of(&[
                "getFullYear",
                "getMonth",
                "getDate",
                "getDayOfWeek",
                "getDayOfYear",
                "getHours",
                "getMilliseconds",
            ]);
            format!("({}).{part}()", expression(choices, Wanted::Timestamp, depth))
        }
        _ => format!("{left} {} {right}", choices.one_of(&["+", "-", "*", "/", "%"])),
    }
}

fn truth(choices: &mut Choices<'_>, depth: usize, number: Wanted) -> String {
    let mut inner = |wanted| expression(choices, wanted, depth);
    let (one, other, condition) = (inner(Wanted::Bool), inner(Wanted::Bool), inner(Wanted::Bool));
    let (any, thing) = (inner(Wanted::Anything), inner(Wanted::Anything));
    let (left, right) = (inner(Wanted::Text), inner(Wanted::Text));
    let (amount, figure) = (inner(Wanted::Double), inner(number));
    let (list, map) = (inner(Wanted::List), inner(Wanted::Map));
    match choices.below(16) {
        0 | 1 => format!("{one} && {other}"),
        2 | 3 => format!("{one} || {other} || {condition}"),
        4 => format!("!({one})"),
        5 => format!("{condition} ? {one} : {other}"),
        6 | 7 => format!("{any} {} {thing}", choices.one_of(&["==", "!="])),
        8 => format!("{amount} {} {figure}", choices.one_of(&["<", "<=", ">", ">="])),
        9 => format!("{left} {} {right}", choices.one_of(&["<", "<=", ">", ">="])),
        10 => format!("({left}).{}({right})", choices.one_of(&["contains", "startsWith", "endsWith"])),
        11 => format!("({left}).matches('^[a-z]+$')"),
        12 => format!("{any} in {list}"),
        13 => format!("{} in {map}", leaf(choices, Wanted::Text)),
        14 => format!("({list}).{}(x, x == {any} || {one})", choices.one_of(&["all", "exists", "exists_one"])),
        _ => format!("has(m.{}) && ({map})[{left}] == {any}", choices.one_of(&["one", "absent", "inner"])),
    }
}

/// Tokens in a row, most of them no expression.
pub(super) fn tokens(choices: &mut Choices<'_>) -> String {
    const TOKENS: [&str; 36] = [
        "1",
        "2u",
        "1.5",
        "'a'",
        "\"b\"",
        "b'c'",
        "true",
        "null",
        "m",
        "x",
        "size",
        "(",
        ")",
        "(",
        ")",
        "[",
        "]",
        ",",
        ".",
        "?",
        ":",
        "+",
        "-",
        "*",
        "/",
        "%",
        "!",
        "==",
        "<",
        ">=",
        "in",
        "&&",
        "||",
        "has(m.a)",
        ".a",
        ".all(x, x)",
    ];
    let count = choices.below(12) + 1;
    (0..count).map(|_| choices.one_of(&TOKENS)).collect::<Vec<_>>().join(" ")
}
