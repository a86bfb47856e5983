//! Links lead somewhere.

use super::page::{Page, page, pages, prose};
use super::workspace::root;
use portcullis::reason::Reason;
use std::path::Path;

/// The targets of the links of a page, outside of code.
fn targets(page: &Page) -> Vec<String> {
    let prose = page.prose_lines().join("\n");
    let outside_code: String = prose.split('`').step_by(2).collect::<Vec<_>>().join("`");
    let targets = outside_code.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    targets.map(str::to_owned).collect()
}

#[test]
fn every_link_leads_somewhere() {
    let mut followed = 0;
    for from in prose() {
        for target in targets(&from) {
            if target.starts_with("https://") {
                continue;
            }
            followed += 1;
            let (file, anchor) = target.split_once('#').map_or((&*target, None), |(file, anchor)| (file, Some(anchor)));
            let folder = root().join(&from.path).parent().unwrap().to_owned();
            let path = if file.is_empty() { root().join(&from.path) } else { folder.join(file) };
            assert!(path.exists(), "{}: {target}", from.path);
            if let Some(anchor) = anchor {
                let there = path.canonicalize().unwrap();
                let there = there.strip_prefix(root().canonicalize().unwrap()).unwrap().to_string_lossy().into_owned();
                assert!(page(&there).anchors().iter().any(|known| known == anchor), "{}: {target}", from.path);
            }
        }
    }
    assert!(followed > 50, "{followed} links only");
}

#[test]
fn the_readme_leads_to_every_page() {
    let known = targets(&page("README.md"));
    for page in pages().iter().filter(|page| page.path != "README.md") {
        assert!(known.contains(&page.path), "README.md does not lead to {}", page.path);
        assert!(page.text.starts_with("# "), "{} has no title", page.path);
    }
    for file in ["CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", "LICENSE"] {
        assert!(known.iter().any(|target| target == file), "README.md does not lead to {file}");
    }
}

/// Refusals name these anchors.
#[test]
fn every_reason_has_a_section() {
    let page = page("docs/refusals.md");
    let anchors = page.anchors();
    for reason in Reason::ALL {
        assert!(anchors.iter().any(|anchor| anchor == reason.as_str()), "no section `{}`", reason.as_str());
    }
}

/// Files outside the documentation lead readers into it, too.
#[test]
fn what_the_examples_name_of_the_documentation_is_there() {
    for file in crate::support::source::files("config").into_iter().chain(crate::support::source::files("policies")) {
        for (_, after) in crate::support::source::around(&file.text, "docs/") {
            let name: String =
                after.chars().take_while(|letter| letter.is_ascii_lowercase() || *letter == '-').collect();
            let path = format!("docs/{name}.md");
            assert!(
                !after.starts_with(&format!("{name}.md")) || Path::new(root()).join(&path).exists(),
                "{}: {path}",
                file.path
            );
        }
    }
}

/// The words in backticks of a page that are paths of the source, such as `src/judge` or, below `src`, `head/mod.rs`.
fn source_paths(page: &Page) -> Vec<String> {
    let quoted = page.text.split('`').skip(1).step_by(2);
    let is_path = |text: &&str| {
        let is_file = text.contains('/') && Path::new(text).extension().is_some_and(|end| end == "rs");
        is_file || text.starts_with("src/") && !text.contains([' ', '*'])
    };
    quoted.filter(is_path).map(|path| path.trim_start_matches("src/").to_owned()).collect()
}

#[test]
fn the_map_of_the_tree_is_that_of_the_tree() {
    for name in ["CONTRIBUTING.md", "src/selftest/corpus/README.md"] {
        for path in source_paths(&page(name)) {
            assert!(root().join("src").join(&path).exists(), "{name}: there is no src/{path}");
        }
    }
    let map = source_paths(&page("CONTRIBUTING.md"));
    for entry in std::fs::read_dir(root().join("src")).unwrap().map(Result::unwrap) {
        let room = entry.file_name().into_string().unwrap();
        assert!(!entry.path().is_dir() || map.contains(&room), "CONTRIBUTING.md has no row for src/{room}");
    }
}
