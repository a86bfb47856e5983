//! What the file of the decision log does over its life: rotation, chain, crashes, trouble.

use super::{DecisionFile, DecisionLogWriter, FileError};
use crate::config::gateway::{DecisionLogConfig as Settings, LogCompression};
use crate::decision_log::marker::MarkerEvent;
use crate::decision_log::verify::{ChainBreak, Verifier};
use crate::telemetry::metrics::dropped::DroppedItems;
use flate2::read::GzDecoder;
use prometheus_client::metrics::counter::Counter;
use std::fs;
use std::io::{Read as _, Write as _};
use std::ops::RangeInclusive;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
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
        let (compression, sample_allowed) = (LogCompression::None, 1.0);
        let (signing_key_file, fingerprints) = (None, None);
        let settings =
            Settings { file, max_bytes, keep, compression, sample_allowed, chain, signing_key_file, fingerprints };
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
        let rotated = (1..=9).rev().flat_map(|number| {
            [format!("decisions.jsonl.{number}"), format!("decisions.jsonl.{number}.gz")].map(|name| self.path(&name))
        });
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
    let mut text = String::new();
    let mut plain = fs::File::open(file).unwrap();
    if file.extension().is_some_and(|ending| ending == "gz") {
        GzDecoder::new(plain).read_to_string(&mut text).unwrap();
    } else {
        plain.read_to_string(&mut text).unwrap();
    }
    assert!(text.is_empty() || text.ends_with('\n'), "{text}");
    text.lines().map(str::to_owned).collect()
}

fn add(file: &mut DecisionFile, count: usize) {
    file.write_all(format!("{LINE}\n").repeat(count).as_bytes()).unwrap();
}

mod compression;
mod signing;

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

/// Lines of the decisions of run `run` with these numbers.
fn numbered(run: &str, numbers: RangeInclusive<u64>) -> String {
    let line = |number| {
        let second = number % 60;
        format!("{{\"time\":\"2026-05-12T08:30:{second:02}.125Z\",\"run\":\"{run}\",\"number\":{number}}}\n")
    };
    numbers.map(line).collect()
}

fn marker(event: MarkerEvent, run: &str, number: u64) -> String {
    let end = format!(",\"run\":\"{run}\",\"number\":{number}}}\n");
    event.head("2026-05-12T08:31:00.000Z") + &end
}

fn put(file: &mut DecisionFile, lines: &str) {
    file.write_all(lines.as_bytes()).unwrap();
}

fn verified(log: &Log) -> Verifier {
    let mut verifier = Verifier::default();
    log.lines().iter().for_each(|line| verifier.verify_line(line).unwrap());
    verifier
}

#[test]
fn lost_decisions_are_a_gap_with_its_reason() {
    let log = Log::new(1 << 20, 1, true);
    let mut file = log.open().of_run("abc");
    put(&mut file, &numbered("abc", 1..=3));
    // the queue was full for two, then the file could not be opened for three
    fs::rename(&log.settings.file, log.path("decisions.jsonl.1")).unwrap();
    fs::create_dir(&log.settings.file).unwrap();
    file.moved_flag().store(true, Ordering::Relaxed);
    put(&mut file, &(numbered("abc", 6..=8) + &marker(MarkerEvent::Heartbeat, "abc", 8)));
    fs::remove_dir(&log.settings.file).unwrap();
    put(&mut file, &numbered("abc", 9..=10));
    let verifier = verified(&log);
    let [gap] = verifier.numbering().gaps() else { panic!("{:?}", verifier.numbering().gaps()) };
    let lost = gap.lost.as_ref().unwrap();
    assert_eq!((gap.count, lost.queue_full, lost.write_failed, log.lost.get()), (5, 2, 3, 3));
    assert_eq!((&*lost.from, &*lost.to), ("2026-05-12T08:30:03.125Z", "2026-05-12T08:30:09.125Z"));
    let whole = "5 decisions are missing before entry 4 (2026-05-12T08:30:09.125Z), from 2026-05-12T08:30:03.125Z to \
                 2026-05-12T08:30:09.125Z: the queue was full for 2, and the file could not be written for 3";
    assert_eq!((gap.to_string().as_str(), verifier.numbering().missing()), (whole, 5));
}

#[test]
fn a_full_queue_is_a_gap_although_nothing_was_written_of_it() {
    let log = Log::new(1 << 20, 1, true);
    // the first decisions of a run and the last before its end, which only the markers show
    put(&mut log.open(), &(numbered("abc", 3..=4) + &marker(MarkerEvent::Shutdown, "abc", 6)));
    let verifier = verified(&log);
    let counts: Vec<_> = verifier.numbering().gaps().iter().map(|gap| gap.count).collect();
    assert_eq!((counts, verifier.numbering().missing()), (vec![2, 2], 4));
    assert!(verifier.numbering().warnings().is_empty() && verifier.numbering().open_end().is_none());
}

#[test]
fn a_gap_shows_without_its_entry_and_a_number_that_is_twice() {
    let log = Log::new(1 << 20, 1, true);
    // without `run` the file takes lines as they are, as one who makes a chain without the gateway
    let unmarked = |numbers| numbered("abc", numbers).replace("\"}", "\" }").replace("number\":", "number\": ");
    put(&mut log.open(), &(unmarked(1..=2) + &unmarked(5..=5)));
    let verifier = verified(&log);
    let [gap] = verifier.numbering().gaps() else { panic!("{:?}", verifier.numbering().gaps()) };
    assert_eq!((gap.count, gap.lost.is_none()), (2, true));
    put(&mut log.open(), &unmarked(5..=5));
    let mut verifier = Verifier::default();
    let broken = log.lines().iter().find_map(|line| verifier.verify_line(line).err());
    assert_eq!(broken, Some(ChainBreak::Renumbered { number: 5, after: 5 }));
}

#[test]
fn the_end_of_each_process_shows() {
    let log = Log::new(1 << 20, 1, true);
    put(&mut log.open(), &numbered("abc", 1..=2));
    put(&mut log.open(), &(numbered("abd", 1..=1) + &marker(MarkerEvent::Shutdown, "abd", 1)));
    // the heartbeat may come once more after the end
    put(&mut log.open(), &marker(MarkerEvent::Heartbeat, "abd", 1));
    let verifier = verified(&log);
    let warnings = verifier.numbering().warnings();
    assert_eq!((verifier.numbering().missing(), verifier.numbering().open_end(), warnings.len()), (0, None, 1));
    assert!(warnings[0].starts_with("run abc ends before entry 3 without a `shutdown` entry"), "{warnings:?}");
    put(&mut log.open(), &(numbered("abe", 1..=1) + &marker(MarkerEvent::Heartbeat, "abe", 1)));
    let end = verified(&log).numbering().open_end().unwrap();
    assert_eq!(end.to_string(), "2026-05-12T08:31:00Z");
}

#[test]
fn a_log_may_begin_anywhere_once_it_was_rotated() {
    let log = Log::new(1 << 20, 1, true);
    let mut file = log.open();
    put(&mut file, &(numbered("abc", 1..=2) + &numbered("abc", 5..=6) + &marker(MarkerEvent::Heartbeat, "abc", 6)));
    let lines = log.lines();
    for (from, missing) in [(0, 2), (1, 2), (2, 2), (3, 0), (5, 0)] {
        let mut verifier = Verifier::default();
        lines[from..].iter().for_each(|line| verifier.verify_line(line).unwrap());
        assert_eq!(verifier.numbering().missing(), missing, "from {from}");
    }
}

#[test]
fn a_log_of_an_older_version_is_valid_and_goes_on_with_numbers() {
    let log = Log::new(1 << 20, 1, true);
    let mut file = log.open();
    add(&mut file, 3);
    let verifier = verified(&log);
    assert!(verifier.numbering().open_end().is_none() && verifier.numbering().warnings().is_empty());
    put(&mut file, &(numbered("abc", 1..=2) + &marker(MarkerEvent::Shutdown, "abc", 2)));
    assert_eq!((verified(&log).numbering().missing(), verified(&log).numbering().warnings().len()), (0, 0));
    put(&mut file, &numbered("abd", 2..=2));
    assert_eq!(verified(&log).numbering().missing(), 1, "the first of a run is missing");
    add(&mut file, 1);
    let warnings = verified(&log).numbering().warnings();
    assert!(warnings[0].starts_with("an entry without a number follows numbered ones at entry 8"), "{warnings:?}");
}

#[test]
fn times_that_run_backwards_are_a_warning() {
    let log = Log::new(1 << 20, 1, true);
    let back = numbered("abc", 2..=3).replace("T08:", "T07:");
    put(&mut log.open(), &(numbered("abc", 1..=1) + &back + &numbered("abc", 4..=4).replace("T08:", "T06:")));
    let warnings = verified(&log).numbering().warnings();
    assert!(
        warnings[0].starts_with("times run backwards 2 times, first at entry 2: the clock was set"),
        "{warnings:?}"
    );
    // a request may take longer than those after it
    let log = Log::new(1 << 20, 1, true);
    put(&mut log.open(), &numbered("abc", 1..=61));
    assert!(verified(&log).numbering().warnings().is_empty());
}

/// The lines of the log once `is_met` is met by them.
fn await_lines(log: &Log, is_met: impl Fn(&[String]) -> bool) -> Vec<String> {
    let start = Instant::now();
    loop {
        let lines = fs::read_to_string(&log.settings.file).unwrap_or_default();
        let lines: Vec<String> = lines.lines().map(str::to_owned).collect();
        if is_met(&lines) {
            return lines;
        }
        assert!(start.elapsed() < Duration::from_secs(60), "{lines:?}");
        std::thread::yield_now();
    }
}

#[test]
fn a_log_without_decisions_shows_that_it_is_written() {
    let log = Log::new(1 << 20, 1, true);
    let losses = DroppedItems::of("write_failed");
    let writer = DecisionLogWriter::start_with(log.open(), &losses, Duration::from_millis(1)).unwrap();
    let lines = await_lines(&log, |lines| lines.len() >= 3);
    assert!(lines[..3].iter().all(|line| line.contains("\"event\":\"heartbeat\"")), "{lines:?}");
    assert!(writer.finish(Duration::from_secs(10)));
    drop(writer);
    assert!(verified(&log).numbering().open_end().is_none(), "{:?}", log.lines());
}
