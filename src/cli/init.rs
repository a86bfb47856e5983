//! `portcullis init`: write the built-in configuration, policies, tests and editor schemas to a folder.

use super::console;
use super::exit::{CommandError, Exit};
use super::schema::{SchemaKind, schema_of};
use crate::app::built_in_files;
use clap::Args;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

/// The schemas that the first line of each written file names, for editors.
const SCHEMAS: [(&str, SchemaKind); 6] = [
    ("config/gateway.schema.json", SchemaKind::Gateway),
    ("policies/policy.schema.json", SchemaKind::Policy),
    ("policies/request-limit.schema.json", SchemaKind::RequestLimit),
    ("policies/waiver.schema.json", SchemaKind::Waiver),
    ("policies/params.schema.json", SchemaKind::Params),
    ("policies/policy-test.schema.json", SchemaKind::PolicyTest),
];

#[derive(Debug, Args)]
pub(super) struct InitArgs {
    /// The folder to write to; it is created if it does not exist
    folder: PathBuf,
}

pub(super) fn init(args: &InitArgs) -> Result<Exit, CommandError> {
    let schemas = SCHEMAS.map(|(path, kind)| (PathBuf::from(path), format!("{:#}\n", schema_of(kind))));
    let files: Vec<(PathBuf, String)> = built_in_files().into_iter().chain(schemas).collect();
    // all are checked before the first is written: a half-written folder would be harder to understand than an error
    let existing: Vec<String> = files.iter().filter_map(|(path, _)| existing(&args.folder, path)).collect();
    if !existing.is_empty() {
        return Err(CommandError::failure(format!("nothing is written, because these exist: {}", existing.join(", "))));
    }
    for (path, text) in &files {
        write(&args.folder.join(path), text).map_err(|error| {
            CommandError::failure(format!("`{}` cannot be written: {error}", args.folder.join(path).display()))
        })?;
    }
    let folder = args.folder.display();
    console::print(&format!(
        "wrote {} files to {folder}\n\nNext:\n  portcullis check --config {folder}/config/gateway.yaml\n  \
         portcullis test --config {folder}/config/gateway.yaml\n  portcullis run --config {folder}/config/gateway.yaml",
        files.len()
    ))?;
    Ok(Exit::Ok)
}

fn existing(folder: &Path, path: &Path) -> Option<String> {
    let file = folder.join(path);
    // a dangling link exists, too: to write through it would create a file elsewhere
    file.symlink_metadata().is_ok().then(|| file.display().to_string())
}

fn write(file: &Path, text: &str) -> std::io::Result<()> {
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    // `create_new` closes the gap between the check above and this write
    fs::File::create_new(file)?.write_all(text.as_bytes())
}
