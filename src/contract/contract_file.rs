//! The format of a contract file (`policies/contract/clerk/<version>.json`): read when the gateway starts, written by `import`.

use super::spec_source::SpecSource;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// Shared schemas of a file, by name. `RawValue`, because most are never used: parsing them is left to the first use.
pub(super) type Definitions = BTreeMap<Box<str>, Box<RawValue>>;

/// One API version of the contract.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct ContractFile {
    pub(super) api_version: Box<str>,
    /// The spec that it was made from. Files of older releases have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) source: Option<SpecSource>,
    #[serde(rename = "$defs", default)]
    pub(super) definitions: Definitions,
    pub(super) operations: Vec<OperationFile>,
}

/// One operation of the file.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OperationFile {
    pub(super) id: Box<str>,
    pub(super) method: Box<str>,
    pub(super) path: Box<str>,
    pub(super) statuses: Vec<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) body: Option<BodyFile>,
    /// Whether it is from the overlay and not from the file.
    #[serde(skip)]
    pub(super) is_added: bool,
}

/// The body of an operation.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct BodyFile {
    // for readers of the file: the gateway inspects JSON bodies only, and those have a schema
    pub(super) media_types: Vec<Box<str>>,
    // for readers of the file: a missing body is for the upstream to refuse (an SDK's `updateUser(id)` sends none)
    pub(super) required: bool,
    /// The JSON Schema (2020-12) of a JSON body; `None` if the body is not JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) schema: Option<Box<RawValue>>,
}

impl ContractFile {
    /// The text of the file, one definition or operation a line.
    pub(super) fn to_text(&self) -> serde_json::Result<String> {
        // not `to_string_pretty`: a new version of the vendor's spec is reviewed as a diff, of which each line should be one
        // operation
        let version = serde_json::to_string(&self.api_version)?;
        let source = match &self.source {
            Some(source) => format!("\"source\":{},\n", serde_json::to_string(source)?),
            None => String::new(),
        };
        let definitions = self.definitions.iter().map(|(name, schema)| {
            let name = serde_json::to_string(name)?;
            Ok(format!("{name}:{schema}"))
        });
        let definitions = lines(&definitions.collect::<serde_json::Result<Vec<_>>>()?);
        let operations = self.operations.iter().map(serde_json::to_string);
        let operations = lines(&operations.collect::<serde_json::Result<Vec<_>>>()?);
        Ok(format!(
            "{{\"apiVersion\":{version},\n{source}\"$defs\":{{{definitions}}},\n\"operations\":[{operations}]}}\n"
        ))
    }
}

/// The parts, each on a line of its own.
fn lines(parts: &[String]) -> String {
    if parts.is_empty() { String::new() } else { format!("\n{}\n", parts.join(",\n")) }
}
