//! `portcullis verify-log`: whether the files of a decision log are as they were written.

use super::args::VerifyLogArgs;
use super::{Exit, Failure, console};
use crate::decision_log::chain::ChainedLine;
use crate::decision_log::verify::{ChainBreak, VerifiedLine, Verifier};
use serde::Serialize;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

/// What the files turned out to be.
#[derive(Serialize)]
struct Report {
    sound: bool,
    /// How many lines follow each other.
    entries: u64,
    first: Option<VerifiedLine>,
    last: Option<VerifiedLine>,
    /// The first line that is not what must follow.
    broken: Option<Broken>,
}

#[derive(Serialize)]
struct Broken {
    file: PathBuf,
    line: u64,
    why: String,
}

pub(super) fn verify_log(args: &VerifyLogArgs) -> Result<Exit, Failure> {
    let mut verifier = Verifier::default();
    let mut broken = None;
    for file in in_order(&args.files)? {
        broken = verify(&mut verifier, &file).map_err(|error| unreadable(&file, &error))?;
        if broken.is_some() {
            break;
        }
    }
    let (first, last) = verifier.ends();
    let report = Report {
        sound: broken.is_none(),
        entries: verifier.lines(),
        first: first.cloned(),
        last: last.cloned(),
        broken,
    };
    if args.json {
        let json = serde_json::to_string(&report).map_err(|error| Failure::Trouble(error.to_string()))?;
        console::say(&json)?;
    } else {
        console::say(&text(&report))?;
    }
    Ok(if report.sound { Exit::Fine } else { Exit::Refused })
}

/// The files in the order in which they were written, as the number of their first line tells; `*` names them in another. One
/// whose first line has none comes where it was named.
fn in_order(files: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let mut numbered = Vec::with_capacity(files.len());
    for file in files {
        let number = first_number(file).map_err(|error| unreadable(file, &error))?;
        let before = numbered.last().map(|(number, _)| *number);
        numbered.push((number.or(before).unwrap_or_default(), file.clone()));
    }
    numbered.sort_by_key(|(number, _)| *number);
    Ok(numbered.into_iter().map(|(_, file)| file).collect())
}

fn first_number(file: &Path) -> io::Result<Option<u64>> {
    let mut line = Vec::new();
    BufReader::new(File::open(file)?).read_until(b'\n', &mut line)?;
    let line = String::from_utf8_lossy(&line);
    Ok(ChainedLine::read(line.trim_end_matches('\n')).ok().map(|linked| linked.sequence))
}

/// The first line of the file that is not what must follow.
fn verify(verifier: &mut Verifier, file: &Path) -> io::Result<Option<Broken>> {
    let mut reader = BufReader::new(File::open(file)?);
    let mut bytes = Vec::new();
    for line in 1.. {
        bytes.clear();
        if reader.read_until(b'\n', &mut bytes)? == 0 {
            break;
        }
        let checked = match bytes.strip_suffix(b"\n") {
            Some(text) => {
                std::str::from_utf8(text).map_err(|_| ChainBreak::Changed).and_then(|text| verifier.verify_line(text))
            }
            None => Err(ChainBreak::BrokenOff),
        };
        if let Err(why) = checked {
            return Ok(Some(Broken { file: file.to_owned(), line, why: why.to_string() }));
        }
    }
    Ok(None)
}

fn text(report: &Report) -> String {
    let Some(broken) = &report.broken else { return sound(report) };
    let before = match report.entries {
        0 => "no line in front of it was".to_owned(),
        1 => "the line in front of it is".to_owned(),
        many => format!("the {many} lines in front of it are"),
    };
    format!("broken: {}:{}: {}\n{before} as written", broken.file.display(), broken.line, broken.why)
}

fn sound(report: &Report) -> String {
    let (Some(first), Some(last)) = (&report.first, &report.last) else {
        return "no entries, which proves nothing".to_owned();
    };
    let earlier = match first.sequence {
        1 => String::new(),
        number => format!("\nentries 1 to {} are not in these files", number - 1),
    };
    format!(
        "sound: {} entries, {} ({}) to {} ({}), as they were written{earlier}\n\
         last hash: {}\n\
         whether anything came after it, no chain can tell: keep this hash elsewhere, and find it again next time",
        report.entries, first.sequence, first.time, last.sequence, last.time, last.hash
    )
}

fn unreadable(file: &Path, error: &io::Error) -> Failure {
    Failure::Trouble(format!("{}: cannot be read: {error}", file.display()))
}
