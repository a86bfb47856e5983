//! No text of a configuration file crashes the program that loads it.
#![no_main]

use portcullis::config::load::load;
use portcullis::config::overrides::Overrides;
use std::fs;
use std::sync::OnceLock;
use tempfile::TempDir;

libfuzzer_sys::fuzz_target!(|text: &str| {
    static FOLDER: OnceLock<TempDir> = OnceLock::new();
    let file = FOLDER.get_or_init(|| tempfile::tempdir().expect("a folder")).path().join("gateway.yaml");
    fs::write(&file, text).expect("a file");
    for mistake in load(&file, &Overrides::default(), &|_| None).err().into_iter().flatten() {
        assert!(!mistake.render(false).is_empty());
    }
});
