//! `portcullis contract import`: from the vendor's OpenAPI specs to contract files.

use crate::cli::console;
use crate::cli::exit::{CommandError, Exit};
use crate::contract::ContractError;
use crate::contract::import::{Imported, import as translate, removals};
use crate::diagnostic::Diagnostic;
use clap::Args;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

#[derive(Debug, Args)]
pub(in crate::cli) struct ImportArgs {
    /// OpenAPI 3.0 or 3.1 specs, in YAML or JSON; one for each API version
    #[arg(value_name = "OPENAPI", required = true)]
    specs: Vec<PathBuf>,
    /// The folder to write the contract files to
    #[arg(long, value_name = "FOLDER")]
    out: PathBuf,
    /// The day on which the specs were published, such as 2026-08-14; without it, that of the last change of each file
    #[arg(long, value_name = "DAY", value_parser = parse_day)]
    date: Option<jiff::civil::Date>,
    /// The path that the paths of the specs are below, if it is not the `/v1` of their server
    #[arg(long, value_name = "PATH")]
    base: Option<String>,
    /// Accept that operations and fields of the built-in contract are missing
    #[arg(long)]
    accept_removed: bool,
    /// The specs are of another API on the same host, such as `platform`: their version is this name with theirs
    #[arg(long, value_name = "NAME")]
    family: Option<String>,
}

/// Nothing is written unless every spec can be translated.
pub(super) fn import(args: &ImportArgs) -> Result<Exit, CommandError> {
    let (mut contracts, mut errors) = (Vec::<Imported>::new(), Vec::new());
    for spec in &args.specs {
        match read(spec, args) {
            // both would be written to the same file, and the last one would win
            Ok(made) if contracts.iter().any(|earlier| earlier.api_version == made.api_version) => {
                let message = format!("another spec is for `{}`, too", made.api_version);
                errors.push(Diagnostic::of_file(spec, message));
            }
            Ok(made) => contracts.push(made),
            Err(found) => errors.extend(found),
        }
    }
    if !errors.is_empty() {
        return Err(CommandError::Invalid(errors));
    }
    for contract in &contracts {
        let file = write(&args.out, contract)?;
        let (operations, bodies) = (contract.operations, contract.bodies);
        console::print(&format!("{}: {operations} operations, {bodies} with a JSON body", file.display()))?;
    }
    Ok(Exit::Ok)
}

fn read(spec: &Path, args: &ImportArgs) -> Result<Imported, Vec<Diagnostic>> {
    let text = fs::read_to_string(spec)
        .map_err(|error| vec![Diagnostic::of_file(spec, format!("cannot be read: {error}"))])?;
    let base = args.base.as_deref().map(|base| base.trim_end_matches('/'));
    let date = match args.date {
        Some(date) => date,
        None => last_change(spec).map_err(|error| {
            vec![Diagnostic::of_file(spec, format!("its time cannot be read: {error}; give `--date`"))]
        })?,
    };
    let made = translate((spec, &text), &date.to_string(), base, args.family.as_deref())?;
    let lost = if args.accept_removed { Vec::new() } else { removal_errors(spec, &made)? };
    if lost.is_empty() { Ok(made) } else { Err(lost) }
}

fn parse_day(text: &str) -> Result<jiff::civil::Date, String> {
    let date = text.parse().ok().filter(|date: &jiff::civil::Date| date.to_string() == text);
    date.ok_or_else(|| "must be a day such as 2026-08-14".to_owned())
}

/// The day, in UTC, on which the file was last changed. A spec names no day in itself.
fn last_change(file: &Path) -> io::Result<jiff::civil::Date> {
    let changed = fs::metadata(file)?.modified()?;
    let changed = jiff::Timestamp::try_from(changed).map_err(io::Error::other)?;
    Ok(jiff::tz::TimeZone::UTC.to_datetime(changed).date())
}

/// An error for all that the built-in contract has and the new one has not: no rule would cover it any more.
fn removal_errors(spec: &Path, made: &Imported) -> Result<Vec<Diagnostic>, Vec<Diagnostic>> {
    let lost = removals(made).map_err(|error| match error {
        ContractError::Files(errors) => errors,
        ContractError::Default { .. } => vec![Diagnostic::of_file(spec, error.to_string())],
    })?;
    let errors = lost.into_iter().map(|lost| {
        let error = Diagnostic::of_file(spec, format!("the built-in contract has {lost}, and this spec has not"));
        error.with_help("if it is meant, add `--accept-removed`")
    });
    Ok(errors.collect())
}

fn write(folder: &Path, contract: &Imported) -> Result<PathBuf, CommandError> {
    let file = folder.join(format!("{}.json", contract.api_version));
    let written = fs::create_dir_all(folder).and_then(|()| fs::write(&file, &contract.text));
    written.map_err(|error| CommandError::Failed(format!("{}: cannot be written: {error}", file.display())))?;
    Ok(file)
}
