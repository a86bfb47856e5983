//! Rotated files that are compressed: what is kept, under which names, and what a crash leaves.

use super::{LINE, Log, add, fs, numbered, put, verified};
use crate::config::gateway::LogCompression;
use crate::telemetry::decision_log::rotated_files::RotatedFiles;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

fn compressed(max_bytes: u64, keep: u32, chain: bool) -> Log {
    let mut log = Log::new(max_bytes, keep, chain);
    log.settings.compression = LogCompression::Gzip;
    log
}

/// The names of the files of the log, the oldest first, once no plain rotated one and no unfinished one is left.
fn settled(log: &Log) -> Vec<String> {
    let start = Instant::now();
    let name = |file: &Path| file.file_name().unwrap().to_string_lossy().into_owned();
    loop {
        let names: Vec<_> = log.files().iter().map(|file| name(file)).collect();
        let is_rotated = |name: &&String| *name != "decisions.jsonl";
        let unfinished = log.path(".decisions.jsonl.gz.tmp").exists();
        if names.iter().filter(is_rotated).all(|name| name.strip_suffix(".gz").is_some()) && !unfinished {
            return names;
        }
        assert!(start.elapsed() < Duration::from_secs(60), "{names:?}");
        std::thread::yield_now();
    }
}

fn until(is_met: impl Fn() -> bool) {
    let start = Instant::now();
    while !is_met() {
        assert!(start.elapsed() < Duration::from_secs(60), "it never came");
        std::thread::yield_now();
    }
}

#[test]
fn rotated_files_are_compressed_and_counted_as_before() {
    let log = compressed(3 * (LINE.len() as u64 + 1), 2, false);
    let mut file = log.open();
    add(&mut file, 4);
    assert_eq!(settled(&log), ["decisions.jsonl.1.gz", "decisions.jsonl"]);
    assert_eq!(fs::metadata(log.path("decisions.jsonl.1.gz")).unwrap().permissions().mode() & 0o777, 0o600);
    for _ in 0..4 {
        add(&mut file, 3);
        assert_eq!(
            settled(&log),
            ["decisions.jsonl.2.gz", "decisions.jsonl.1.gz", "decisions.jsonl"][3 - log.files().len()..]
        );
    }
    assert_eq!(log.lines(), [LINE; 7], "two rotated files of three lines");
}

#[test]
fn the_oldest_file_goes_whichever_form_it_has() {
    let mut log = compressed(LINE.len() as u64 + 1, 2, false);
    add(&mut log.open(), 3);
    assert_eq!(settled(&log).len(), 3);
    log.settings.compression = LogCompression::None;
    add(&mut log.open(), 1);
    let names: Vec<_> = log.files().iter().map(|file| file.extension().unwrap().to_owned()).collect();
    assert_eq!((log.files().len(), names[0].to_str()), (3, Some("gz")));
    add(&mut log.open(), 1);
    assert!(log.files().len() == 3 && log.files().iter().all(|file| file.extension().unwrap() != "gz"));
}

#[test]
fn the_chain_goes_on_over_compressed_files_and_restarts() {
    let log = compressed(700, 9, true);
    for round in 0..3 {
        put(&mut log.open(), &numbered(&format!("run{round}"), 1..=4));
        settled(&log);
    }
    // rotated and compressed, and nothing written since
    fs::remove_file(log.path("decisions.jsonl.9.gz")).unwrap_or_default();
    let before = log.sound();
    let files = RotatedFiles::new(&log.settings.file, 9);
    files.shift().unwrap();
    let file = log.open();
    settled(&log);
    drop(file);
    fs::remove_file(&log.settings.file).unwrap();
    put(&mut log.open(), &numbered("later", 1..=1));
    assert_eq!((log.sound(), verified(&log).numbering().missing()), (before + 1, 0));
}

#[test]
fn a_crash_during_compression_loses_nothing() {
    let mut log = compressed(LINE.len() as u64 + 1, 9, false);
    log.settings.compression = LogCompression::None;
    add(&mut log.open(), 4);
    log.settings.compression = LogCompression::Gzip;
    // before the name, and between the new name and the removal of the old file
    fs::write(log.path(".decisions.jsonl.gz.tmp"), "half").unwrap();
    fs::write(log.path("decisions.jsonl.2.gz"), "left over").unwrap();
    let file = log.open();
    let expected = ["decisions.jsonl.3.gz", "decisions.jsonl.2.gz", "decisions.jsonl.1.gz", "decisions.jsonl"];
    until(|| log.files().len() == 4);
    assert_eq!(settled(&log), expected);
    assert_eq!(log.lines(), [LINE; 4]);
    drop(file);
}

#[test]
fn a_file_that_is_still_written_is_not_compressed() {
    let log = compressed(1 << 20, 9, false);
    let mut file = log.open();
    add(&mut file, 1);
    // moved by hand; until SIGHUP the gateway writes to it
    fs::rename(&log.settings.file, log.path("decisions.jsonl.2")).unwrap();
    fs::write(log.path("decisions.jsonl.1"), format!("{LINE}\n")).unwrap();
    file.compressor.as_ref().unwrap().notify();
    until(|| log.path("decisions.jsonl.1.gz").exists());
    add(&mut file, 1);
    assert_eq!(super::lines(&log.path("decisions.jsonl.2")).len(), 2);
    file.moved_flag().store(true, Ordering::Relaxed);
    add(&mut file, 1);
    file.compressor.as_ref().unwrap().notify();
    assert_eq!(settled(&log).len(), 3);
    assert_eq!(log.lines().len(), 4);
}

#[test]
fn a_file_that_is_renamed_while_it_is_compressed_keeps_its_place() {
    let log = Log::new(1 << 20, 2, false);
    let files = RotatedFiles::new(&log.settings.file, 2);
    let finished = files.temporary_path();
    fs::write(&log.settings.file, "a\n").unwrap();
    files.shift().unwrap();
    let of = fs::metadata(log.path("decisions.jsonl.1")).unwrap();
    fs::write(&log.settings.file, "b\n").unwrap();
    files.shift().unwrap();
    fs::write(&finished, "compressed a").unwrap();
    files.replace(&of, &finished).unwrap();
    let read = |name: &str| fs::read_to_string(log.path(name)).ok();
    assert_eq!(read("decisions.jsonl.2.gz").as_deref(), Some("compressed a"));
    assert_eq!((read("decisions.jsonl.2"), read("decisions.jsonl.1").as_deref()), (None, Some("b\n")));
    // gone meanwhile
    let of = fs::metadata(log.path("decisions.jsonl.1")).unwrap();
    fs::remove_file(log.path("decisions.jsonl.1")).unwrap();
    fs::write(&finished, "compressed b").unwrap();
    files.replace(&of, &finished).unwrap();
    assert!(!finished.exists() && read("decisions.jsonl.1.gz").is_none());
}
