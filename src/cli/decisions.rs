//! Reads decision logs, line by line: whatever they hold, one line at a time is in memory.

use super::Failure;
use crate::decision_log::Entry;
use serde_json::error::Category;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

/// Longest line that is read, in bytes; what is longer is no entry of ours.
const LONGEST: u64 = 4 * 1024 * 1024;
/// Bytes that are read at once.
const BUFFER: usize = 256 * 1024;

/// What was in the files besides entries.
#[derive(Debug, Default)]
pub(super) struct Skipped {
    /// Lines that are no JSON, or too long.
    pub(super) damaged: u64,
    /// Where the first of them is.
    pub(super) first_damaged: Option<String>,
    /// Entries of a form that this version does not know.
    pub(super) unknown: u64,
    /// Where the first of them is.
    pub(super) first_unknown: Option<String>,
}

impl Skipped {
    /// What was skipped, for people; none where nothing was.
    pub(super) fn told(&self) -> Vec<String> {
        let line = |count: u64, what: &str, first: &Option<String>| {
            let first = first.as_ref()?;
            let (lines, are) = if count == 1 { ("line", "is") } else { ("lines", "are") };
            Some(format!("{count} {lines} {are} {what} and left out, the first at {first}"))
        };
        let damaged = line(self.damaged, "damaged", &self.first_damaged);
        let unknown = line(self.unknown, "of a form that this version does not know", &self.first_unknown);
        damaged.into_iter().chain(unknown).collect()
    }

    fn add(&mut self, category: Category, file: &Path, line: u64) {
        let place = || format!("{}:{line}", file.display());
        let (count, first) = match category {
            Category::Data => (&mut self.unknown, &mut self.first_unknown),
            Category::Io | Category::Syntax | Category::Eof => (&mut self.damaged, &mut self.first_damaged),
        };
        *count += 1;
        first.get_or_insert_with(place);
    }
}

/// Gives each entry of `files` to `take`, in order; `-` is standard input. Files without any are not what was meant: whoever
/// relies on what is found in them must not take nothing for a good sign.
pub(super) fn read(files: &[PathBuf], mut take: impl FnMut(&Entry<'_>)) -> Result<Skipped, Failure> {
    let (mut skipped, mut found) = (Skipped::default(), 0_u64);
    let mut take = |entry: &Entry<'_>| {
        found += 1;
        take(entry);
    };
    for file in files {
        let unreadable = |error: io::Error| Failure::Trouble(format!("`{}` cannot be read: {error}", file.display()));
        if file.as_os_str() == "-" {
            entries(io::stdin().lock(), file, &mut skipped, &mut take).map_err(unreadable)?;
        } else {
            let opened = BufReader::with_capacity(BUFFER, File::open(file).map_err(unreadable)?);
            entries(opened, file, &mut skipped, &mut take).map_err(unreadable)?;
        }
    }
    if found == 0 {
        let names: Vec<_> = files.iter().map(|file| format!("`{}`", file.display())).collect();
        let message =
            format!("there is no decision in {}; a decision log is what `decisionLog.file` names", names.join(", "));
        return Err(Failure::Trouble(message));
    }
    Ok(skipped)
}

fn entries(
    mut from: impl BufRead,
    file: &Path,
    skipped: &mut Skipped,
    take: &mut impl FnMut(&Entry<'_>),
) -> io::Result<()> {
    let mut line = Vec::new();
    for number in 1.. {
        line.clear();
        if from.by_ref().take(LONGEST).read_until(b'\n', &mut line)? == 0 {
            break;
        }
        if line.last() != Some(&b'\n') {
            // the rest of one that is too long, or none at the end of the file
            from.skip_until(b'\n')?;
        }
        let text = line.trim_ascii();
        if text.is_empty() {
            continue;
        }
        match std::str::from_utf8(text).map(Entry::read) {
            Ok(Ok(entry)) => take(&entry),
            Ok(Err(error)) => skipped.add(error.classify(), file, number),
            Err(_) => skipped.add(Category::Syntax, file, number),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{LONGEST, Skipped, entries};
    use std::path::Path;

    const SAMPLE: &str = include_str!("../decision_log/sample.jsonl");

    fn read(text: &[u8]) -> (Vec<String>, Skipped) {
        let (mut ids, mut skipped) = (Vec::new(), Skipped::default());
        let mut take = |entry: &crate::decision_log::Entry<'_>| ids.push(entry.decision_id.to_string());
        entries(text, Path::new("log"), &mut skipped, &mut take).expect("memory can be read");
        (ids, skipped)
    }

    #[test]
    fn damaged_and_unknown_lines_are_counted_and_the_others_read() {
        let [one, two, ..] = SAMPLE.lines().collect::<Vec<_>>()[..] else { panic!("two lines") };
        let cut = one.split_at(one.len() / 2).0;
        let later = two.replace("\"outcome\":\"deny\"", "\"outcome\":\"deferred\"");
        let (ids, skipped) = read(format!("{one}\n\n{cut}\nnonsense\n{later}\r\n{two}\r\n{cut}").as_bytes());
        assert_eq!(ids, ["0000000000000abc", "0000000000000abd"]);
        assert_eq!((skipped.damaged, skipped.unknown), (3, 1));
        assert_eq!(
            skipped.told(),
            [
                "3 lines are damaged and left out, the first at log:3",
                "1 line is of a form that this version does not know and left out, the first at log:5"
            ]
        );
    }

    #[test]
    fn a_line_that_is_too_long_is_passed_over() {
        let mut text = vec![b'x'; usize::try_from(LONGEST).expect("small") * 2];
        text.push(b'\n');
        text.extend_from_slice(SAMPLE.as_bytes());
        let (ids, skipped) = read(&text);
        assert_eq!((ids.len(), skipped.damaged), (SAMPLE.lines().count(), 1));
    }

    #[test]
    fn what_is_no_text_is_damaged() {
        assert_eq!(read(b"\xff\xfe\n").1.damaged, 1);
    }
}
