//! From the vendor's OpenAPI spec (3.0 or 3.1) to a contract file: text in, text out.
//!
//! Operations keep id, method, path, statuses and body ([`operation`]); body schemas become JSON Schema 2020-12
//! ([`body_translation`], [`keyword`]). Descriptions are not copied. What cannot be translated is an error with its place
//! in the spec: a contract must not silently accept more than the spec.

mod body_translation;
mod keyword;
mod operation;
mod removals;
mod spec;

pub use removals::removals;

use super::body_schema::{InvalidSchema, assemble};
use super::compiled_schema::CompiledSchema;
use super::contract_file::ContractFile;
use super::schema_bounds;
use super::spec_source::SpecSource;
use crate::diagnostic::Diagnostic;
use crate::manifest;
use aws_lc_rs::digest;
use serde_json::Value;
use spec::OpenApiSpec;
use std::path::Path;

/// A contract file made from a spec.
#[derive(Debug)]
pub struct Imported {
    /// The date of the spec, such as `2026-05-12`; it names the file.
    pub api_version: Box<str>,
    /// The number of its operations.
    pub operations: usize,
    /// The number of operations with a JSON body.
    pub bodies: usize,
    /// The SHA-256 of the spec, in lower-case hexadecimal.
    pub sha256: String,
    /// The text of the file. The same spec gives the same bytes.
    pub text: String,
}

/// Translates the spec `text`. `file` is only its name in errors. `base` is the path that its paths are below; `None` for that of
/// its server, which must be `/v1`. `date` is the day of the spec, which no spec has in itself. `family` is the name of another API on the same host, if the spec is of one: its versions need
/// not be dates.
///
/// # Errors
///
/// All parts of it that are not OpenAPI or cannot be translated, each with its place.
pub fn import(
    (file, text): (&Path, &str),
    date: &str,
    base: Option<&str>,
    family: Option<&str>,
) -> Result<Imported, Vec<Diagnostic>> {
    let mut documents = manifest::read::<Value>(file, text)?;
    if let Some(second) = documents.get(1) {
        return Err(vec![second.source.at("", "an OpenAPI spec is one document")]);
    }
    let Some(document) = documents.pop() else { return Err(vec![Diagnostic::of_file(file, "the file is empty")]) };
    let mut spec = OpenApiSpec::new(&document.value, &document.source);
    let mut contract = operation::contract(&mut spec, base, family);
    let sha256 = sha256(text);
    contract.source = Some(SpecSource { sha256: sha256.as_str().into(), date: date.into() });
    if spec.is_valid() {
        // only if the translation has no errors: those of the compiler would be consequences of them
        verify(&contract, &mut spec);
    }
    let text = contract.to_text().unwrap_or_else(|error| {
        spec.refuse("", format!("the contract cannot be written: {error}"));
        String::new()
    });
    let bodies = contract.operations.iter().filter_map(|operation| operation.body.as_ref()?.schema.as_ref());
    let (operations, bodies) = (contract.operations.len(), bodies.count());
    spec.finish(Imported { api_version: contract.api_version, operations, bodies, sha256, text })
}

/// The SHA-256 of `text`, in lower-case hexadecimal.
fn sha256(text: &str) -> String {
    let digest = digest::digest(&digest::SHA256, text.as_bytes());
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Compiles every schema as the gateway does, so that an error of the spec appears now and not at the first request.
fn verify(contract: &ContractFile, spec: &mut OpenApiSpec<'_>) {
    for operation in &contract.operations {
        let Some(schema) = operation.body.as_ref().and_then(|body| body.schema.as_ref()) else { continue };
        let compiled = assemble(schema, &contract.definitions).map_err(|error| error.to_string());
        let compiled = compiled.and_then(|schema| {
            schema_bounds::check(&schema)?;
            CompiledSchema::compile(&schema).map_err(|error| InvalidSchema::from(error).to_string())
        });
        if let Err(error) = compiled {
            let message = format!(
                "the schema of the body of `{}` is not valid: {}",
                operation.id,
                error.replace(char::is_control, " ")
            );
            spec.refuse("/paths", message);
        }
    }
}
