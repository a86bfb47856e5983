//! The entry of a decision log that docs/decision-log.md shows.

use super::workspace::decision;
use portcullis::decision_log::LogEntry;
use serde_json::Value;

/// Field by field what the gateway would write.
#[test]
fn the_entry_shown_is_one_that_the_gateway_writes() {
    let shown = decision();
    let entry = serde_json::to_value(LogEntry::read(&shown).expect("an entry")).expect("JSON");
    assert_eq!(serde_json::from_str::<Value>(&shown).expect("JSON"), entry);
}
