//! Decodes a document into a type. The document is first validated against the JSON Schema of the type, because that finds every
//! error, and serde stops at the first.

use super::schema_errors;
use super::source::Source;
use crate::diagnostic::Diagnostic;
use jsonschema::Validator;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// The errors of the JSON Schema (2020-12) at `pointer` of a document, as far as the meta-schema finds them.
pub fn json_schema_errors(source: &Source, pointer: &str) -> Vec<Diagnostic> {
    let part = source.part(pointer);
    let written = part.to_value();
    let validator = jsonschema::draft202012::meta::validator();
    let mut errors: Vec<Diagnostic> = Vec::new();
    // the meta-schema has a part for each vocabulary, each of which finds the same
    for error in
        validator.iter_errors(&written).flat_map(|error| schema_errors::diagnostics(&error, &Value::Null, &part))
    {
        if !errors.contains(&error) {
            errors.push(error);
        }
    }
    errors
}

/// A decoder for one type, with the compiled schema of the type.
pub(super) struct SchemaDecoder {
    document: Value,
    validator: Result<Validator, String>,
}

impl SchemaDecoder {
    pub(super) fn of<T: JsonSchema>() -> Self {
        let document = schemars::schema_for!(T).to_value();
        let validator = jsonschema::validator_for(&document).map_err(|error| error.to_string());
        Self { document, validator }
    }

    /// The value of a document, or its errors in the order of the file.
    pub(super) fn decode<T: DeserializeOwned>(&self, source: &Source) -> Result<T, Vec<Diagnostic>> {
        let value = source.to_value();
        let mut errors = self.errors(source, &value);
        if !errors.is_empty() {
            errors.sort_by_key(|error| error.span.as_ref().map(|span| span.start));
            return Err(errors);
        }
        serde_json::from_value(value).map_err(|error| {
            // the schema accepts integers of any size, and serde does not name the place of one that does not fit
            let huge = source.huge_numbers();
            let reason = || source.at("", format!("cannot be read: {}", error.to_string().escape_debug()));
            if huge.is_empty() { vec![reason()] } else { huge }
        })
    }

    fn errors(&self, source: &Source, value: &Value) -> Vec<Diagnostic> {
        match &self.validator {
            Ok(validator) => validator
                .iter_errors(value)
                .flat_map(|error| schema_errors::diagnostics(&error, &self.document, source))
                .collect(),
            // an error of the program: reported, because a panic would end a gateway that reloads
            Err(reason) => vec![source.at("", format!("the schema of this kind of file is not valid: {reason}"))],
        }
    }
}
