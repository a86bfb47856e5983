//! `src/cel` could be a crate: it imports nothing of this program but the did-you-mean and the digits of numbers, and its files do not import each other in a
//! circle.

use crate::support::source::{Source, around, breaches, hold, is_of_a_word, src};
use std::collections::{BTreeMap, BTreeSet};

const ROOM: &str = "src/cel/";

fn files_of_cel() -> Vec<Source> {
    src().into_iter().filter(|file| file.path.starts_with(ROOM)).collect()
}

#[test]
fn cel_imports_only_itself_and_suggest() {
    let foreign = |_: &Source, line: &str| {
        around(line, "crate::").any(|(_, after)| {
            let module = after.split(|letter| !is_of_a_word(letter)).next().unwrap();
            !["cel", "decimal", "suggest"].contains(&module)
        })
    };
    hold("cel knows nothing of its host", &breaches(&files_of_cel(), Source::product, foreign));
}

#[test]
fn no_files_of_cel_import_each_other_in_a_circle() {
    let files = files_of_cel();
    let paths: BTreeSet<String> = files.iter().map(|file| module_of(&file.path)).collect();
    let mut imports: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for file in &files {
        let module = module_of(&file.path);
        let edges = imports.entry(module.clone()).or_default();
        // what a parent re-exports is no edge of the parent: its children would all be in a circle with it
        if !file.path.ends_with("/mod.rs") {
            edges.extend(imported(file, &module, &paths));
            edges.remove(&module);
        }
    }
    assert!(imports.values().map(BTreeSet::len).sum::<usize>() > 100, "the imports were not found");
    // takes away files that import nothing that is left, until only circles are left
    while let Some(leaf) = imports.iter().find(|(_, edges)| edges.is_empty()).map(|(module, _)| module.clone()) {
        imports.remove(&leaf);
        for edges in imports.values_mut() {
            edges.remove(&leaf);
        }
    }
    let circles: Vec<String> = imports.iter().map(|(module, edges)| format!("{module} imports {edges:?}")).collect();
    hold("move what both need into a file of its own", &circles);
}

/// `check::call` for `src/cel/check/call.rs`, `check` for its `mod.rs`.
fn module_of(path: &str) -> String {
    let inside = path.trim_start_matches(ROOM).trim_end_matches(".rs").trim_end_matches("mod").trim_end_matches('/');
    inside.replace('/', "::")
}

/// The files that `use` lines of `file` name. A name that a `mod.rs` re-exports leads to the file that defines it.
fn imported(file: &Source, module: &str, paths: &BTreeSet<String>) -> BTreeSet<String> {
    let text: Vec<&str> = file.product().into_iter().map(|line| line.text.trim()).collect();
    let parent = module.rsplit_once("::").map_or("", |(parent, _)| parent);
    let uses = text.join(" ");
    let uses = uses.split(';').filter_map(|item| item.trim_start().strip_prefix("use "));
    let absolute = uses.filter_map(|path| match (path.strip_prefix("crate::cel::"), path.strip_prefix("super::")) {
        (Some(inside), _) => Some(inside.to_owned()),
        (None, Some(inside)) => Some([parent, inside].join("::").trim_start_matches(':').to_owned()),
        (None, None) => None,
    });
    absolute.flat_map(|path| targets(&path, paths)).collect()
}

/// The files that a path such as `syntax::{Tree, parse}` leads to.
fn targets(path: &str, paths: &BTreeSet<String>) -> Vec<String> {
    let (prefix, names) = match path.split_once('{') {
        Some((prefix, names)) => (prefix, names.trim_end_matches('}').split(',').collect()),
        None => ("", vec![path]),
    };
    let longest = |name: &str| {
        let full = format!("{prefix}{}", name.trim());
        let mut parts: Vec<&str> = full.split("::").collect();
        while !parts.is_empty() && !paths.contains(&parts.join("::")) {
            parts.pop();
        }
        let module = parts.join("::");
        (!module.is_empty()).then(|| defining(&module, full.rsplit("::").next().unwrap()))
    };
    names.into_iter().filter_map(longest).collect()
}

/// The file that defines `name` of `module`: another than its `mod.rs` if that re-exports it.
fn defining(module: &str, name: &str) -> String {
    let Some(parent) = files_of_cel().into_iter().find(|file| file.path == format!("{ROOM}{module}/mod.rs")) else {
        return module.to_owned();
    };
    let exports = parent.text.split(';').filter(|item| item.contains(" use "));
    let export = exports.filter_map(|item| item.split_once(" use ")).map(|(_, path)| path).find(|path| {
        let names = path.split(|letter| !is_of_a_word(letter));
        names.skip(1).any(|known| known == name)
    });
    let child = export.and_then(|path| path.split("::").next());
    child.map_or_else(|| module.to_owned(), |child| format!("{module}::{child}"))
}
