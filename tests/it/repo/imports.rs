//! Which room imports which: computed from the source, kept as a snapshot, and free of circles.

use crate::support::source::{Source, around, breaches, hold, is_of_a_word, src};
use std::collections::{BTreeMap, BTreeSet};

/// Rooms that import no other: each could be a crate of its own.
const LEAVES: [&str; 12] = [
    "budget",
    "cel",
    "decimal",
    "diagnostic",
    "files",
    "head",
    "outcome",
    "peer",
    "reason",
    "secret",
    "suggest",
    "transport",
];

/// What even a leaf may import: small types without behaviour that all rooms share.
const SHARED: [&str; 4] = ["decimal", "diagnostic", "suggest", "secret"];

/// The rooms that only compute: same input, same output.
const PURE: [&str; 11] = [
    "policy_proof",
    "policy_test",
    "rollout",
    "decision_log",
    "judge",
    "policy",
    "cel",
    "document",
    "contract",
    "manifest",
    "head",
];

/// The rooms that `line` names by `crate::`.
fn imports(line: &str) -> impl Iterator<Item = &str> {
    around(line, "crate::").map(|(_, after)| after.split(|letter| !is_of_a_word(letter)).next().unwrap_or_default())
}

/// For each room the rooms that its product code imports.
fn arrows() -> BTreeMap<String, BTreeSet<String>> {
    let mut arrows: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for file in src().into_iter().filter(|file| !matches!(file.module(), "lib" | "main")) {
        let room = file.module().to_owned();
        let used = file.product().iter().flat_map(|line| imports(line.text)).map(str::to_owned).collect::<Vec<_>>();
        arrows.entry(room.clone()).or_default().extend(used.into_iter().filter(|used| *used != room));
    }
    arrows
}

/// The rooms from the top down, without those that are in a circle.
fn floors(mut arrows: BTreeMap<String, BTreeSet<String>>) -> Vec<Vec<String>> {
    let mut floors = Vec::new();
    while !arrows.is_empty() {
        let used: BTreeSet<&String> = arrows.values().flatten().collect();
        let floor: Vec<String> = arrows.keys().filter(|room| !used.contains(room)).cloned().collect();
        if floor.is_empty() {
            break;
        }
        arrows.retain(|room, _| !floor.contains(room));
        floors.push(floor);
    }
    floors
}

#[test]
fn imports_between_rooms_go_one_way() {
    let arrows = arrows();
    assert!(arrows.len() > 20, "the rooms were not found");
    let free: BTreeSet<String> = floors(arrows.clone()).into_iter().flatten().collect();
    let circle = arrows.iter().filter(|(room, _)| !free.contains(*room));
    let circle = circle.map(|(room, used)| format!("{room} -> {used:?}")).collect::<Vec<_>>();
    hold("these rooms are in a circle, or below one", &circle);
}

/// A new arrow is no error, but it is a decision: the diff of this snapshot shows it to the reviewer.
#[test]
fn the_arrows_between_rooms_are_those_of_the_snapshot() {
    let arrows = arrows();
    let row = |(room, used): (&String, &BTreeSet<String>)| {
        format!("{room}: {}\n", used.iter().cloned().collect::<Vec<_>>().join(" "))
    };
    let floors = floors(arrows.clone()).iter().map(|floor| floor.join(" ")).collect::<Vec<_>>().join("\n");
    insta::assert_snapshot!(format!("{floors}\n\n{}", arrows.iter().map(row).collect::<String>()));
}

#[test]
fn a_leaf_imports_no_other_room() {
    let above = |file: &Source, line: &str| {
        let room = file.module();
        LEAVES.contains(&room) && imports(line).any(|used| used != room && !SHARED.contains(&used))
    };
    hold("a leaf imports no other room", &breaches(&src(), Source::product, above));
}

/// `super` from the top of a room leads to the crate, past the rules above.
#[test]
fn another_room_is_named_by_crate_and_not_by_super() {
    let out = |file: &Source, line: &str| {
        let inside = file.path.trim_start_matches("src/").trim_end_matches("/mod.rs").trim_end_matches(".rs");
        line.contains(&"super::".repeat(inside.split('/').count()))
    };
    hold("name another room by `crate::`", &breaches(&src(), Source::product, out));
}

#[test]
fn the_pure_rooms_touch_nothing() {
    let impure = |file: &Source, line: &str| {
        let crates = ["hyper", "tower", "tokio", "opentelemetry"];
        let world = ["std::fs", "std::env", "TcpStream", "UdpSocket", "Instant::now", "SystemTime::now", "async fn"];
        // `use std::{fs, io}` imports the same under another spelling
        let grouped = line.trim_start().starts_with("use std::{");
        let forbidden = crates.iter().chain(&world);
        PURE.contains(&file.module()) && (grouped || forbidden.into_iter().any(|word| names(line, word)))
    };
    hold("no I/O, no clock, no runtime in a pure room", &breaches(&src(), Source::product, impure));
}

#[test]
fn only_telemetry_knows_opentelemetry() {
    let knows = |file: &Source, line: &str| file.module() != "telemetry" && names(line, "opentelemetry");
    hold("only telemetry knows opentelemetry", &breaches(&src(), Source::code, knows));
}

/// Whether `text` has the identifier, or one that begins with it and an underscore, as `hyper_util` does with `hyper`.
fn names(text: &str, identifier: &str) -> bool {
    around(text, identifier).any(|(before, after)| {
        !before.ends_with(is_of_a_word) && (after.starts_with('_') || !after.starts_with(is_of_a_word))
    })
}
