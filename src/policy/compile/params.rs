//! Checks `kind: Params`.

use super::Compiler;
use crate::diagnostic::Diagnostic;
use crate::manifest::Manifest;
use crate::policy::params::ParamsSource;

/// Checks a document of shared values.
///
/// # Errors
///
/// Returns every error in the document, each with its place.
pub fn check_params(manifest: &Manifest<ParamsSource>) -> Result<(), Vec<Diagnostic>> {
    let mut compiler = Compiler::new(&manifest.source);
    compiler.check_name(&manifest.value.metadata.name);
    compiler.finish(())
}
