//! What the file of the decision log does over its life: rotation, chain, crashes, trouble.

use super::{DecisionFile, FileError};
use crate::config::gateway::DecisionLogConfig as Settings;
use crate::decision_log::verify::Verifier;
use prometheus_client::metrics::counter::Counter;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use tempfile::TempDir;

const LINE: &str = r#"{"time":"2026-05-12T08:30:00.125Z"}"#;

struct Log {
    folder: TempDir,
    settings: Settings,
    lost: Counter,
}

impl Log {
    fn new(max_bytes: u64, keep: u32, chain: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("decisions.jsonl");
        let settings = Settings { file, max_bytes, keep, chain, fingerprints: None };
        Self { folder, settings, lost: Counter::default() }
    }

    fn open(&self) -> DecisionFile {
        DecisionFile::open(&self.settings).unwrap().counting(self.lost.clone())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The files, the oldest first.
    fn files(&self) -> Vec<PathBuf> {
        let rotated = (1..=9).rev().map(|number| self.path(&format!("decisions.jsonl.{number}")));
        rotated.chain([self.path("decisions.jsonl")]).filter(|file| file.exists()).collect()
    }

    fn lines(&self) -> Vec<String> {
        self.files().iter().flat_map(|file| lines(file)).collect()
    }

    /// How many lines there are, each following the one before.
    fn sound(&self) -> u64 {
        let mut verifier = Verifier::default();
        self.lines().iter().for_each(|line| verifier.verify_line(line).unwrap());
        verifier.lines()
    }
}

fn lines(file: &Path) -> Vec<String> {
    let text = fs::read_to_string(file).unwrap();
    assert!(text.is_empty() || text.ends_with('\n'), "{text}");
    text.lines().map(str::to_owned).collect()
}

fn add(file: &mut DecisionFile, count: usize) {
    file.write_all(format!("{LINE}\n").repeat(count).as_bytes()).unwrap();
}

#[test]
fn a_file_is_for_its_owner_and_for_one_process() {
    let log = Log::new(1 << 20, 1, false);
    let mut file = log.open();
    add(&mut file, 2);
    assert_eq!(log.lines(), [LINE, LINE]);
    let mode = fs::metadata(&log.settings.file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert!(matches!(DecisionFile::open(&log.settings), Err(FileError::Taken)));
    drop(file);
    log.open();
}

#[test]
fn what_is_no_file_is_not_opened() {
    let mut log = Log::new(1 << 20, 1, false);
    log.settings.file = log.folder.path().to_owned();
    assert!(matches!(DecisionFile::open(&log.settings), Err(FileError::NoFile)));
}

#[test]
fn files_are_rotated_by_size_and_the_oldest_goes() {
    let log = Log::new(3 * (LINE.len() as u64 + 1), 2, false);
    let mut file = log.open();
    add(&mut file, 7);
    assert_eq!(log.files().len(), 3);
    assert_eq!(log.files().iter().map(|file| lines(file).len()).collect::<Vec<_>>(), [3, 3, 1]);
    add(&mut file, 4);
    assert_eq!(log.files().iter().map(|file| lines(file).len()).collect::<Vec<_>>(), [3, 3, 2]);
    let mut alone = Log::new(3 * (LINE.len() as u64 + 1), 0, false);
    alone.settings.keep = 0;
    add(&mut alone.open(), 4);
    assert_eq!((alone.files().len(), alone.lines().len()), (1, 1));
}

#[test]
fn the_chain_goes_on_over_rotations_and_restarts() {
    let log = Log::new(700, 9, true);
    for _ in 0..3 {
        let mut file = log.open();
        add(&mut file, 3);
        add(&mut file, 1);
    }
    assert!(log.files().len() > 3, "{:?}", log.files());
    assert_eq!(log.sound(), 12);
    // the file was rotated, and nothing written since
    fs::rename(log.path("decisions.jsonl"), log.path("x")).unwrap();
    (1..9).rev().for_each(|number| {
        let _ = fs::rename(
            log.path(&format!("decisions.jsonl.{number}")),
            log.path(&format!("decisions.jsonl.{}", number + 1)),
        );
    });
    fs::rename(log.path("x"), log.path("decisions.jsonl.1")).unwrap();
    add(&mut log.open(), 1);
    assert_eq!(log.sound(), 13);
}

#[test]
fn a_line_that_a_crash_tore_is_cut_off() {
    let log = Log::new(1 << 20, 1, true);
    add(&mut log.open(), 2);
    let mut torn = fs::OpenOptions::new().append(true).open(&log.settings.file).unwrap();
    torn.write_all(br#"{"time":"2026-"#).unwrap();
    add(&mut log.open(), 1);
    assert_eq!(log.sound(), 3);
}

#[test]
fn a_file_is_chained_as_a_whole_or_not_at_all() {
    let mut log = Log::new(1 << 20, 5, false);
    add(&mut log.open(), 2);
    log.settings.chain = true;
    add(&mut log.open(), 2);
    log.settings.chain = false;
    add(&mut log.open(), 1);
    let counts: Vec<_> = log.files().iter().map(|file| lines(file).len()).collect();
    assert_eq!(counts, [2, 2, 1]);
    let chained = lines(&log.path("decisions.jsonl.1"));
    assert!(chained.iter().all(|line| line.contains("\"hash\"")), "{chained:?}");
}

#[test]
fn a_file_that_was_moved_is_followed_by_a_new_one() {
    let log = Log::new(1 << 20, 1, true);
    let mut file = log.open();
    add(&mut file, 2);
    fs::rename(&log.settings.file, log.path("decisions.jsonl.1")).unwrap();
    add(&mut file, 1);
    assert!(!log.settings.file.exists());
    file.moved_flag().store(true, Ordering::Relaxed);
    add(&mut file, 2);
    assert_eq!(lines(&log.settings.file).len(), 2);
    assert_eq!(log.sound(), 5);
    file.moved_flag().store(true, Ordering::Relaxed);
    add(&mut file, 1);
    assert_eq!(lines(&log.settings.file).len(), 3, "a file that stands where it stood is written on");
}

#[test]
fn trouble_with_the_disk_is_counted_and_leaves_no_gap() {
    let log = Log::new(1 << 20, 1, true);
    let mut file = log.open();
    add(&mut file, 2);
    fs::rename(&log.settings.file, log.path("decisions.jsonl.1")).unwrap();
    fs::create_dir(&log.settings.file).unwrap();
    file.moved_flag().store(true, Ordering::Relaxed);
    add(&mut file, 2);
    add(&mut file, 1);
    assert_eq!(log.lost.get(), 3);
    fs::remove_dir(&log.settings.file).unwrap();
    add(&mut file, 2);
    assert_eq!((log.lost.get(), log.sound()), (3, 4));
}
