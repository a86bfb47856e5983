//! YAML files that people write (configuration, policies), read so that every error is reported at once with its place.
//!
//! A file becomes a tree that knows where each of its nodes stands ([`tree`]). The tree is checked against the JSON
//! Schema of the type it is for ([`decode()`]), which finds every error and not just the first, and each is told in our
//! words at its place in the file ([`source`]).

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

/// One document of a file, and where its parts stand.
#[derive(Clone, Debug)]
pub struct Manifest<T> {
    /// What the document says.
    pub value: T,
    /// Where it says it.
    pub source: Source,
}

/// The value of a variable; none where it is not set.
pub type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

/// The text that the bytes of a file are.
///
/// # Errors
/// The first byte that is none in UTF-8, with its place.
pub fn text(file: &Path, bytes: Vec<u8>) -> Result<String, Diagnostic> {
    String::from_utf8(bytes).map_err(|error| {
        let start = error.utf8_error().valid_up_to();
        let shown: Arc<str> = Arc::from(String::from_utf8_lossy(error.as_bytes()));
        let error = Diagnostic::at(file, &shown, start..start + 1, "cannot be read: it is not text in UTF-8");
        error.with_help("save it as UTF-8")
    })
}

/// Reads every document of a file. `text` is its content, `file` only its name in errors.
///
/// # Errors
/// All errors found, in the order of the file: where it is no YAML only the first, as a parser cannot know what follows.
pub fn read<T: DeserializeOwned + JsonSchema>(file: &Path, text: &str) -> Result<Vec<Manifest<T>>, Vec<Diagnostic>> {
    manifests(documents(file, text)?)
}

/// As [`read`], with `${VAR}` and `${VAR:-default}` in values replaced by what `lookup` says.
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
    /// What the document at `source` says.
    ///
    /// # Errors
    /// All errors found, in the order of the file.
    pub fn of(source: Source) -> Result<Self, Vec<Diagnostic>> {
        Ok(Self { value: decode(&source)?, source })
    }
}

/// The documents of a file, for [`Manifest::of`]: for files that hold more than one kind of them.
///
/// # Errors
/// Where it is no YAML the first error; otherwise every key that is there twice.
pub fn documents(file: &Path, text: &str) -> Result<Vec<Source>, Vec<Diagnostic>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let (file, text): (Arc<Path>, Arc<str>) = (Arc::from(file), Arc::from(text));
    let trees = tree::parse(&text).map_err(|error| vec![error.diagnostic(&file, &text)])?;
    if trees.is_empty() {
        return Err(vec![Diagnostic::of_file(&file, "the file says nothing")]);
    }
    let sources: Vec<_> = trees.into_iter().map(|root| Source::new(&file, &text, root)).collect();
    let repeated: Vec<_> = sources.iter().flat_map(Source::entry_errors).collect();
    if repeated.is_empty() { Ok(sources) } else { Err(repeated) }
}

/// What the part of the document at `source` says that `T` is about, whatever else it says where `T` lets it.
///
/// # Errors
/// All errors found, in the order of the file.
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
