//! YAML files (configuration, policies), decoded so that all errors are reported at once, each with its place.
//!
//! A file is parsed into a tree whose nodes have places ([`tree`]). The tree is validated against the JSON Schema of its type
//! ([`decode()`]), and each error of the validator becomes a message ([`schema_errors`]) at its place ([`source`]).

mod decode;
pub(crate) mod duration;
mod interpolate;
mod pointer;
mod scalar_span;
mod schema_errors;
mod source;
mod tree;
mod yaml_habits;
mod yaml_hints;

pub use decode::json_schema_errors;
pub use pointer::field;
pub use source::Source;

use crate::diagnostic::Diagnostic;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use std::path::Path;
use std::sync::Arc;

/// One document of a file.
#[derive(Clone, Debug)]
pub struct Manifest<T> {
    /// The decoded document.
    pub value: T,
    /// The places of its parts in the file.
    pub source: Source,
}

/// Looks up a variable; `None` if it is not set.
pub type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

/// The bytes of a file as text.
///
/// # Errors
/// The bytes are not UTF-8: the place of the first invalid one.
pub fn text(file: &Path, bytes: Vec<u8>) -> Result<String, Diagnostic> {
    String::from_utf8(bytes).map_err(|error| {
        let start = error.utf8_error().valid_up_to();
        let shown: Arc<str> = Arc::from(String::from_utf8_lossy(error.as_bytes()));
        let error = Diagnostic::at(file, &shown, start..start + 1, "cannot be read: it is not text in UTF-8");
        error.with_help("save it as UTF-8")
    })
}

/// Decodes every document of a file. `text` is its content, `file` only its name in errors.
///
/// # Errors
/// All errors in the order of the file. Of invalid YAML only the first, because a parser cannot know what follows it.
pub fn read<T: DeserializeOwned + JsonSchema>(file: &Path, text: &str) -> Result<Vec<Manifest<T>>, Vec<Diagnostic>> {
    manifests(documents(file, text)?)
}

/// As [`read`], with `${VAR}` and `${VAR:-default}` in values replaced by the variables that `lookup` returns.
///
/// # Errors
/// As [`read`], and one for each variable that is not set.
pub fn read_with_variables<T: DeserializeOwned + JsonSchema>(
    file: &Path,
    text: &str,
    lookup: Lookup<'_>,
) -> Result<Vec<Manifest<T>>, Vec<Diagnostic>> {
    let mut documents = documents(file, text)?;
    let mut errors = Vec::new();
    for document in &mut documents {
        document.interpolate(lookup, &mut errors);
    }
    if errors.is_empty() { manifests(documents) } else { Err(errors) }
}

impl<T: DeserializeOwned + JsonSchema> Manifest<T> {
    /// Decodes the document at `source`.
    ///
    /// # Errors
    /// All errors in the order of the file.
    pub fn of(source: Source) -> Result<Self, Vec<Diagnostic>> {
        Ok(Self { value: decode(&source)?, source })
    }
}

/// The documents of a file, for [`Manifest::of`]: for files that hold more than one kind of them.
///
/// # Errors
/// The first error if it is not YAML, else one for every repeated key.
pub fn documents(file: &Path, text: &str) -> Result<Vec<Source>, Vec<Diagnostic>> {
    // editors on Windows write a byte order mark, which is not an error in a file that people edit
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let (file, text): (Arc<Path>, Arc<str>) = (Arc::from(file), Arc::from(text));
    let trees = tree::parse(&text).map_err(|error| vec![error.diagnostic(&file, &text)])?;
    if trees.is_empty() {
        return Err(vec![Diagnostic::of_file(&file, "the file is empty")]);
    }
    let sources: Vec<_> = trees.into_iter().map(|root| Source::new(&file, &text, root)).collect();
    let repeated: Vec<_> = sources.iter().flat_map(Source::entry_errors).collect();
    if repeated.is_empty() { Ok(sources) } else { Err(repeated) }
}

/// Decodes the part of the document at `source` that `T` describes. `T` decides whether other keys are allowed.
///
/// # Errors
/// All errors in the order of the file.
pub fn decode<T: DeserializeOwned + JsonSchema>(source: &Source) -> Result<T, Vec<Diagnostic>> {
    decode::SchemaDecoder::of::<T>().decode(source)
}

fn manifests<T: DeserializeOwned + JsonSchema>(documents: Vec<Source>) -> Result<Vec<Manifest<T>>, Vec<Diagnostic>> {
    let (mut manifests, mut errors) = (Vec::with_capacity(documents.len()), Vec::new());
    for document in documents {
        match Manifest::of(document) {
            Ok(manifest) => manifests.push(manifest),
            Err(found) => errors.extend(found),
        }
    }
    if errors.is_empty() { Ok(manifests) } else { Err(errors) }
}

#[cfg(test)]
mod tests;
