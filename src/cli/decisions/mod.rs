//! Reads decision logs on every core, a block of lines at a time: whatever they hold, a few blocks are in memory.

mod block;
mod seen_numbers;
mod skipped;

pub(super) use skipped::Skipped;

use super::exit::CommandError;
use super::log_reader::{LogReader, without_copies};
use crate::decision_log::LogEntry;
use crate::decision_log::marker::EntryMarks;
use crate::rollout::Accumulator;
use block::Block;
use serde_json::error::Category;
use std::collections::VecDeque;
use std::io;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread;

/// Most threads; more would wait for the one that reads.
const THREADS: usize = 8;

/// A block to count, and where to put the outcome.
struct Job<'f, C> {
    block: Block,
    file: &'f Path,
    counted: SyncSender<BlockCounts<C>>,
}

/// What a block was found to hold.
struct BlockCounts<C> {
    counts: C,
    entries: u64,
    skipped: Skipped,
}

/// Counts the entries of `files` into `counts`, as if one after another; `-` is standard input. Files without any
/// entry are an error, because an empty result would look like a good one.
pub(super) fn count<C: Accumulator>(files: &[PathBuf], counts: &mut C) -> Result<Skipped, CommandError> {
    let threads = thread::available_parallelism().map_or(1, NonZero::get).min(THREADS);
    let fresh: Vec<_> = (0..threads).map(|_| counts.fresh()).collect();
    let mut total = BlockCounts { counts, entries: 0, skipped: Skipped::default() };
    let distinct = without_copies(files);
    let (jobs, waiting) = channel();
    // a receiver of std has one owner at a time: the thread that waits for the next block
    let waiting = &Mutex::new(waiting);
    thread::scope(|scope| {
        // dropped after the last block, which ends the threads
        let jobs = jobs;
        for fresh in fresh {
            scope.spawn(move || work(waiting, &fresh));
        }
        distinct.iter().try_for_each(|file| read(file, threads, &jobs, &mut total))
    })?;
    if total.entries == 0 {
        let names: Vec<_> = files.iter().map(|file| format!("`{}`", file.display())).collect();
        let broken = total.skipped.broken.iter().map(|broken| format!("{broken}; ")).collect::<String>();
        let names = names.join(", ");
        let message =
            format!("{broken}there is no decision in {names}; a decision log is what `decisionLog.file` names");
        return Err(CommandError::Failed(message));
    }
    Ok(total.skipped)
}

/// Has the blocks of `file` counted, two for each thread at a time, and adds them up in the order of the file.
fn read<'f, C: Accumulator>(
    file: &'f Path,
    threads: usize,
    jobs: &Sender<Job<'f, C>>,
    total: &mut BlockCounts<&mut C>,
) -> Result<(), CommandError> {
    let unreadable = |error: io::Error| CommandError::Failed(format!("`{}` cannot be read: {error}", file.display()));
    let mut from = LogReader::open(file).map_err(unreadable)?;
    let (mut under_way, mut lines) = (VecDeque::new(), 0);
    while let Some(block) = Block::read(&mut from, lines).map_err(unreadable)? {
        lines = block.end();
        // a channel for each block: outcomes are added in the order of the file, whichever block is counted first
        let (counted, outcome) = sync_channel(1);
        // without a thread to take the job its outcome never comes, which `add` reports
        let _ = jobs.send(Job { block, file, counted });
        under_way.push_back(outcome);
        // bounds the memory; two for each thread, so that none waits while the next block is read
        if under_way.len() >= 2 * threads
            && let Some(first) = under_way.pop_front()
        {
            total.add(&first)?;
        }
    }
    under_way.iter().try_for_each(|outcome| total.add(outcome))?;
    if let Some(damage) = from.damage() {
        total.skipped.add_break(file, lines, damage);
    }
    Ok(())
}

/// Counts blocks until there are no more.
fn work<C: Accumulator>(waiting: &Mutex<Receiver<Job<'_, C>>>, counts: &C) {
    // a thread that panicked while it held the lock left the queue intact
    let next = || waiting.lock().unwrap_or_else(PoisonError::into_inner).recv();
    while let Ok(Job { block, file, counted }) = next() {
        // the receiver is gone if the rest of the file could not be read
        let _ = counted.send(BlockCounts::of(&block, file, counts.fresh()));
    }
}

impl<C: Accumulator> BlockCounts<C> {
    /// Counts the lines of `block` of `file` into `counts`, which counted nothing yet.
    fn of(block: &Block, file: &Path, counts: C) -> Self {
        let mut counted = Self { counts, entries: 0, skipped: Skipped::default() };
        for (number, line) in block.lines() {
            match std::str::from_utf8(line).map(LogEntry::read) {
                Ok(Ok(entry)) => {
                    counted.entries += 1;
                    counted.skipped.numbers.add_decision(&entry);
                    counted.skipped.add_sampled(entry.sample_rate);
                    counted.counts.take(&entry);
                }
                Ok(Err(error)) => match std::str::from_utf8(line).ok().and_then(EntryMarks::read) {
                    Some(marks) if marks.event.is_some() => counted.skipped.numbers.add_marker(&marks),
                    _ => counted.skipped.add(error.classify(), file, number),
                },
                // bytes that are not UTF-8 are damage, not a newer format
                Err(_) => counted.skipped.add(Category::Syntax, file, number),
            }
        }
        counted
    }
}

impl<C: Accumulator> BlockCounts<&mut C> {
    /// Waits for the outcome of the block that comes next, and adds it.
    fn add(&mut self, outcome: &Receiver<BlockCounts<C>>) -> Result<(), CommandError> {
        let ended = |_| CommandError::Failed("a thread that counts decisions has ended".to_owned());
        let later = outcome.recv().map_err(ended)?;
        self.counts.merge(later.counts);
        self.entries += later.entries;
        self.skipped.merge(later.skipped);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{Accumulator, CommandError, LogEntry, Skipped, count};
    use crate::cli::bounded_lines::LONGEST;
    use std::path::PathBuf;

    const SAMPLE: &str = include_str!("../../decision_log/sample.jsonl");

    /// The ids of the decisions.
    #[derive(Default)]
    struct Ids(Vec<String>);

    impl Accumulator for Ids {
        fn fresh(&self) -> Self {
            Self::default()
        }

        fn take(&mut self, entry: &LogEntry<'_>) {
            self.0.push(entry.decision_id.to_string());
        }

        fn merge(&mut self, later: Self) {
            self.0.extend(later.0);
        }
    }

    fn counted(texts: &[&[u8]]) -> Result<(Vec<String>, Skipped), CommandError> {
        let folder = tempfile::tempdir().expect("a folder");
        let files: Vec<PathBuf> = (0..texts.len()).map(|at| folder.path().join(at.to_string())).collect();
        for (file, text) in files.iter().zip(texts) {
            std::fs::write(file, text).expect("a file");
        }
        let mut ids = Ids::default();
        let mut skipped = count(&files, &mut ids)?;
        for place in [&mut skipped.first_damaged, &mut skipped.first_unknown] {
            *place = place.take().map(|place| place.rsplit('/').next().unwrap_or_default().to_owned());
        }
        Ok((ids.0, skipped))
    }

    fn counted_of(text: &[u8]) -> (Vec<String>, Skipped) {
        counted(&[text]).expect("there are entries")
    }

    #[test]
    fn damaged_and_unknown_lines_are_counted_and_the_others_read() {
        let [one, two, ..] = SAMPLE.lines().collect::<Vec<_>>()[..] else { panic!("two lines") };
        let cut = one.split_at(one.len() / 2).0;
        let later = two.replace("\"outcome\":\"deny\"", "\"outcome\":\"deferred\"");
        let (ids, skipped) = counted_of(format!("{one}\n\n{cut}\nnonsense\n{later}\r\n{two}\r\n{cut}").as_bytes());
        assert_eq!(ids, ["0000000000000abc", "0000000000000abd"]);
        assert_eq!((skipped.damaged, skipped.unknown), (3, 1));
        assert_eq!(
            skipped.summary(),
            [
                "3 lines are damaged and left out, the first at 0:3",
                "1 line is of a form that this version does not know and left out, the first at 0:5"
            ]
        );
    }

    #[test]
    fn blocks_are_added_up_in_the_order_of_the_files_whoever_counts_them() {
        let line = SAMPLE.lines().next().expect("a line");
        let numbered = |from: usize| (from..from + 4_000).map(move |id| format!("{id:016x}"));
        let text = |from: usize| -> String {
            let lines = numbered(from).map(|id| line.replace("0000000000000abc", &id) + "\n");
            lines.collect::<String>() + "nonsense\n"
        };
        let (ids, skipped) = counted(&[text(0).as_bytes(), text(4_000).as_bytes()]).expect("there are entries");
        assert!(ids.into_iter().eq(numbered(0).chain(numbered(4_000))));
        assert_eq!((skipped.damaged, skipped.first_damaged.as_deref()), (2, Some("0:4001")));
    }

    /// The first decision of the sample with this number, of a run.
    fn numbered(run: &str, number: u64) -> String {
        let line = SAMPLE.lines().next().expect("a line").strip_suffix('}').expect("an object");
        format!("{line},\"run\":\"{run}\",\"number\":{number}}}\n")
    }

    #[test]
    fn markers_are_no_decisions_and_missing_ones_are_counted() {
        let lost = r#"{"time":"t","event":"lost","lost":{"count":7,"from":"a","to":"b","queue_full":5,"write_failed":2},"run":"r","number":9}"#;
        let beat = r#"{"time":"t","event":"heartbeat","run":"r","number":10}"#;
        let newer = r#"{"time":"t","event":"moved"}"#;
        let text = format!("{}{lost}\n{}{beat}\n{newer}\n", numbered("r", 2), numbered("r", 10));
        let (ids, skipped) = counted_of(text.as_bytes());
        assert_eq!((ids.len(), skipped.numbers.missing(), skipped.damaged, skipped.unknown), (2, 7, 0, 0));
        assert_eq!(
            skipped.summary(),
            [
                "7 decisions are missing from the log, by the numbers: the queue was full for 5, and the file could not be written for 2"
            ]
        );
        // files in any order, of several runs, without the reason
        let (later, earlier) = (numbered("r", 5) + &numbered("s", 1), numbered("r", 3) + "x\n");
        let (_, skipped) = counted(&[later.as_bytes(), earlier.as_bytes()]).expect("there are entries");
        assert_eq!((skipped.numbers.missing(), skipped.damaged), (1, 1));
        let (_, skipped) = counted(&[earlier.as_bytes(), earlier.as_bytes()]).expect("there are entries");
        assert_eq!(skipped.numbers.missing(), 0, "a file that is given twice");
        let after = format!("{beat}\n{}", numbered("r", 11));
        assert_eq!(counted_of(after.as_bytes()).1.numbers.missing(), 0);
        let at_the_end = format!("{}{}\n", numbered("r", 8), beat);
        assert_eq!(counted_of(at_the_end.as_bytes()).1.numbers.missing(), 2);
    }

    #[test]
    fn a_line_that_is_too_long_is_passed_over() {
        let mut text = vec![b'x'; usize::try_from(LONGEST).expect("small") * 2];
        text.push(b'\n');
        text.extend_from_slice(SAMPLE.as_bytes());
        let (ids, skipped) = counted_of(&text);
        assert_eq!((ids.len(), skipped.damaged), (SAMPLE.lines().count(), 1));
    }

    #[test]
    fn what_is_no_text_is_damaged_and_nothing_at_all_is_told() {
        let text = [b"\xff\xfe\n", SAMPLE.as_bytes()].concat();
        assert_eq!(counted_of(&text).1.damaged, 1);
        let Err(CommandError::Failed(told)) = counted(&[b"\xff\xfe\n"]) else { panic!("there is no entry") };
        assert!(told.starts_with("there is no decision in "), "{told}");
    }
}
