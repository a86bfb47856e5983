//! The format of the decision log: what is recorded of a decision, so that it can be explained, counted and judged again later
//! without a value of the request.
//!
//! A [`LogEntry`] is one line of JSON. Of a request body it holds a [`RedactedValue`]: which declared fields are present, with
//! their types and sizes. [`RetentionRules`] decide what is recorded, [`chain`] links the lines, [`verify`] checks the links.
//! A [`marker`] is a line that is no decision: by it, and by the numbers of decisions, what is missing shows.
//! A [`checkpoint`] signs the lines before it.

pub mod chain;
pub mod checkpoint;
mod decision_input;
mod entry;
mod entry_text;
mod enum_names;
pub mod marker;
mod name_map;
pub mod numbering;
mod recorded_shadow;
mod redacted_value;
mod redactor;
mod retention_rules;
pub mod signatures;
pub mod verify;
pub mod written_numbers;

pub use decision_input::DecisionInput;
pub use entry::{
    FailedValidation, LogEntry, RecordedAttributes, RecordedBody, RecordedClient, RecordedInstance, RecordedOutcome,
    RecordedPolicy, RecordedRule, RecordedViolation, RedactedText, VersionSource,
};
pub use entry_text::EntryText;
pub use name_map::NameMap;
pub use recorded_shadow::{RecordedDifference, RecordedShadow};
pub use redacted_value::{NumberKind, RedactedShape, RedactedValue, Removal};
pub use retention_rules::{FingerprintRules, RetentionRules};
