//! `portcullis verify-log`: whether the files of a chained decision log are unchanged and complete.

mod text;

use super::bounded_lines::{ReadLine, read_line};
use super::console;
use super::exit::{CommandError, Exit};
use super::log_reader::{LogReader, without_copies};
use crate::decision_log::chain::ChainedLine;
use crate::decision_log::checkpoint::CheckpointKey;
use crate::decision_log::numbering::NumberGap;
use crate::decision_log::verify::{ChainBreak, VerifiedLine, Verifier};
use clap::Args;
use jiff::Timestamp;
use serde::Serialize;
use std::io;
use std::path::{Path, PathBuf};
use text::OpenEnd;

#[derive(Debug, Args)]
pub(super) struct VerifyLogArgs {
    /// The files of one log, rotated ones included, in any order
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// Require checkpoints signed with the private key of this public key (PEM); give all of them if the key was changed
    #[arg(long, value_name = "FILE")]
    public_key: Vec<PathBuf>,
    /// Print the result as JSON
    #[arg(long)]
    json: bool,
}

/// The result for a whole log. The names of its JSON fields are an interface.
#[derive(Serialize)]
struct Verification {
    /// Whether no line was found to be changed, removed, moved or inserted, no decision is missing, and what must be signed is.
    #[serde(rename = "sound")]
    is_valid: bool,
    /// How many lines are linked, up to the break if there is one.
    entries: u64,
    first: Option<VerifiedLine>,
    last: Option<VerifiedLine>,
    /// The first line that is not linked to the one before it; `None` if there is none.
    broken: Option<BrokenLine>,
    /// The number of decisions that are missing by their numbers.
    missing_decisions: u64,
    /// Where they are missing; at most a hundred places.
    gaps: Vec<NumberGap>,
    /// The time of the last entry, if it is not the end of a process.
    open_end: Option<String>,
    /// How the log ends, if it may be in use.
    #[serde(skip)]
    note: Option<String>,
    /// The sequence number of the last checkpoint that was verified.
    signed_to: Option<u64>,
    /// Why the end of the log is not signed as it should be.
    unsigned: Option<String>,
    /// What is no error, and may still mean that something is missing.
    warnings: Vec<String>,
}

#[derive(Serialize)]
struct BrokenLine {
    file: PathBuf,
    line: u64,
    why: String,
}

pub(super) fn verify_log(args: &VerifyLogArgs) -> Result<Exit, CommandError> {
    let mut verifier = Verifier::with_keys(public_keys(&args.public_key)?);
    let mut broken = None;
    for file in sort(&without_copies(&args.files))? {
        broken = verify(&mut verifier, &file).map_err(|error| unreadable(&file, &error))?;
        // the links after a break prove nothing
        if broken.is_some() {
            break;
        }
    }
    let verification = verification(&verifier, broken);
    if args.json {
        console::print(&serde_json::to_string(&verification).map_err(CommandError::failure)?)?;
    } else {
        console::print(&text::verification(&verification))?;
        for warning in &verification.warnings {
            console::note(&format!("warning: {warning}"));
        }
        if let Some(note) = &verification.note {
            console::note(&format!("note: {note}"));
        }
    }
    Ok(if verification.is_valid { Exit::Ok } else { Exit::Refused })
}

fn verification(verifier: &Verifier, broken: Option<BrokenLine>) -> Verification {
    let numbering = verifier.numbering();
    let (first, last) = verifier.ends();
    let mut warnings = numbering.warnings();
    // what follows a break is not read, the end of the log included
    let open_end = numbering.open_end().filter(|_| broken.is_none());
    let mut note = None;
    match open_end.map(|last| text::open_end(last, Timestamp::now())) {
        Some(OpenEnd::Fresh(end)) => note = Some(end),
        Some(OpenEnd::Stale(end)) => warnings.push(end),
        None => {}
    }
    let unsigned = verifier.signatures().unsigned_end().filter(|_| broken.is_none());
    Verification {
        is_valid: broken.is_none() && numbering.missing() == 0 && unsigned.is_none(),
        entries: verifier.lines(),
        first: first.cloned(),
        last: last.cloned(),
        broken,
        missing_decisions: numbering.missing(),
        gaps: numbering.gaps().to_vec(),
        open_end: open_end.map(|time| time.to_string()),
        note,
        signed_to: verifier.signatures().last_checkpoint().map(|(signed, _)| signed),
        unsigned: unsigned.map(|lines| lines.to_string()),
        warnings,
    }
}

fn public_keys(files: &[PathBuf]) -> Result<Vec<CheckpointKey>, CommandError> {
    let key = |file: &PathBuf| {
        let pem = std::fs::read(file).map_err(|error| unreadable(file, &error))?;
        let help = "make it with `openssl pkey -in signing.key -pubout`";
        CheckpointKey::from_pem(&pem)
            .map_err(|error| CommandError::Failed(format!("`--public-key`: {} {error}; {help}", file.display())))
    };
    files.iter().map(key).collect()
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
    read_line(&mut LogReader::open(file)?, &mut line)?;
    Ok(ChainedLine::read(&String::from_utf8_lossy(&line)).ok().map(|line| line.sequence))
}

/// Verifies the lines of `file`, and returns the first that is not linked to the one before it.
fn verify(verifier: &mut Verifier, file: &Path) -> io::Result<Option<BrokenLine>> {
    let mut reader = LogReader::open(file)?;
    let mut bytes = Vec::new();
    for line in 1.. {
        let Some(read) = read_line(&mut reader, &mut bytes)? else {
            // whole lines before the damage are linked, but those after it are missing
            return Ok(reader.damage().map(|why| BrokenLine { file: file.to_owned(), line, why: why.to_owned() }));
        };
        let result = match read {
            ReadLine::Whole => {
                // the gateway writes nothing that is not UTF-8
                std::str::from_utf8(&bytes).map_err(|_| ChainBreak::Changed).and_then(|text| verifier.verify_line(text))
            }
            ReadLine::TooLong => Err(ChainBreak::TooLong),
            // the gateway writes whole lines: one without its end was cut
            ReadLine::Unended => Err(ChainBreak::BrokenOff),
        };
        if let Err(why) = result {
            let why = reader.damage().filter(|_| read == ReadLine::Unended).map_or(why.to_string(), str::to_owned);
            return Ok(Some(BrokenLine { file: file.to_owned(), line, why }));
        }
    }
    Ok(None)
}

fn unreadable(file: &Path, error: &io::Error) -> CommandError {
    CommandError::Failed(format!("{}: cannot be read: {error}", file.display()))
}
