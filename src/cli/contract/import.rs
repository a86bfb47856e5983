//! `portcullis contract import`: from the vendor's OpenAPI specs to contract files.

use crate::cli::console;
use crate::cli::exit::{CommandError, Exit};
use crate::contract::import::{Imported, import as translate};
use crate::diagnostic::Diagnostic;
use clap::Args;
use std::fs;
use std::path::{Path, PathBuf};

#[derive(Debug, Args)]
pub(in crate::cli) struct ImportArgs {
    /// OpenAPI 3.0 or 3.1 specs, in YAML or JSON; one for each API version
    #[arg(value_name = "OPENAPI", required = true)]
    specs: Vec<PathBuf>,
    /// The folder to write the contract files to
    #[arg(long, value_name = "FOLDER")]
    out: PathBuf,
}

/// Nothing is written unless every spec can be translated.
pub(super) fn import(args: &ImportArgs) -> Result<Exit, CommandError> {
    let (mut contracts, mut errors) = (Vec::<Imported>::new(), Vec::new());
    for spec in &args.specs {
        match read(spec) {
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

fn read(spec: &Path) -> Result<Imported, Vec<Diagnostic>> {
    let text = fs::read_to_string(spec)
        .map_err(|error| vec![Diagnostic::of_file(spec, format!("cannot be read: {error}"))])?;
    translate(spec, &text)
}

fn write(folder: &Path, contract: &Imported) -> Result<PathBuf, CommandError> {
    let file = folder.join(format!("{}.json", contract.api_version));
    let written = fs::create_dir_all(folder).and_then(|()| fs::write(&file, &contract.text));
    written.map_err(|error| CommandError::Failed(format!("{}: cannot be written: {error}", file.display())))?;
    Ok(file)
}
