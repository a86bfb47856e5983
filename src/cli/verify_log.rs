//! `portcullis verify-log`: whether the files of a chained decision log are unchanged.

use super::console;
use super::exit::{CommandError, Exit};
use crate::decision_log::chain::ChainedLine;
use crate::decision_log::verify::{ChainBreak, VerifiedLine, Verifier};
use clap::Args;
use serde::Serialize;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

#[derive(Debug, Args)]
pub(super) struct VerifyLogArgs {
    /// The files of one log, rotated ones included, in any order
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

/// The result for a whole log. The names of its JSON fields are an interface.
#[derive(Serialize)]
struct Verification {
    /// Whether no line was found to be changed, removed, moved or inserted.
    #[serde(rename = "sound")]
    is_valid: bool,
    /// How many lines are linked, up to the break if there is one.
    entries: u64,
    first: Option<VerifiedLine>,
    last: Option<VerifiedLine>,
    /// The first line that is not linked to the one before it; `None` if the log is valid.
    broken: Option<BrokenLine>,
}

#[derive(Serialize)]
struct BrokenLine {
    file: PathBuf,
    line: u64,
    why: String,
}

pub(super) fn verify_log(args: &VerifyLogArgs) -> Result<Exit, CommandError> {
    let mut verifier = Verifier::default();
    let mut broken = None;
    for file in sort(&args.files)? {
        broken = verify(&mut verifier, &file).map_err(|error| unreadable(&file, &error))?;
        // the links after a break prove nothing
        if broken.is_some() {
            break;
        }
    }
    let (first, last) = verifier.ends();
    let verification = Verification {
        is_valid: broken.is_none(),
        entries: verifier.lines(),
        first: first.cloned(),
        last: last.cloned(),
        broken,
    };
    if args.json {
        console::print(&serde_json::to_string(&verification).map_err(CommandError::failure)?)?;
    } else {
        console::print(&text(&verification))?;
    }
    Ok(if verification.is_valid { Exit::Ok } else { Exit::Refused })
}

/// Sorts files by the number of their first line: a shell expands `decisions.jsonl*` in another order. A file whose first
/// line has no number keeps its place after the file named before it.
fn sort(files: &[PathBuf]) -> Result<Vec<PathBuf>, CommandError> {
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
    Ok(ChainedLine::read(line.trim_end_matches('\n')).ok().map(|line| line.sequence))
}

/// Verifies the lines of `file`, and returns the first that is not linked to the one before it.
fn verify(verifier: &mut Verifier, file: &Path) -> io::Result<Option<BrokenLine>> {
    let mut reader = BufReader::new(File::open(file)?);
    let mut bytes = Vec::new();
    for line in 1.. {
        bytes.clear();
        if reader.read_until(b'\n', &mut bytes)? == 0 {
            break;
        }
        let result = match bytes.strip_suffix(b"\n") {
            Some(text) => {
                // the gateway writes nothing that is not UTF-8
                std::str::from_utf8(text).map_err(|_| ChainBreak::Changed).and_then(|text| verifier.verify_line(text))
            }
            // the gateway writes whole lines: one without its end was cut
            None => Err(ChainBreak::BrokenOff),
        };
        if let Err(why) = result {
            return Ok(Some(BrokenLine { file: file.to_owned(), line, why: why.to_string() }));
        }
    }
    Ok(None)
}

fn text(verification: &Verification) -> String {
    let Some(broken) = &verification.broken else { return valid_text(verification) };
    let before = match verification.entries {
        0 => "there is no line before it".to_owned(),
        1 => "the line before it is unchanged".to_owned(),
        many => format!("the {many} lines before it are unchanged"),
    };
    format!("broken: {}:{}: {}\n{before}", broken.file.display(), broken.line, broken.why)
}

fn valid_text(verification: &Verification) -> String {
    let (Some(first), Some(last)) = (&verification.first, &verification.last) else {
        return "no entries, which proves nothing".to_owned();
    };
    let earlier = match first.sequence {
        1 => String::new(),
        number => format!("\nentries 1 to {} are not in these files", number - 1),
    };
    format!(
        "valid: {} entries, {} ({}) to {} ({}), unchanged{earlier}\n\
         last hash: {}\n\
         a chain cannot prove that nothing was cut off after it: store this hash elsewhere, and find it again next time",
        verification.entries, first.sequence, first.time, last.sequence, last.time, last.hash
    )
}

fn unreadable(file: &Path, error: &io::Error) -> CommandError {
    CommandError::Failed(format!("{}: cannot be read: {error}", file.display()))
}
