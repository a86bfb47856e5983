//! The spec that a version of the contract was made from.

use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::SystemTime;

/// The spec that a contract file was made from.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SpecSource {
    /// The SHA-256 of its bytes, in lower-case hexadecimal.
    pub sha256: Box<str>,
    /// The day on which it was published or fetched, such as `2026-08-14`.
    pub date: Box<str>,
}

/// A version of the contract with the spec that it was made from.
#[derive(Clone, Debug)]
pub struct VersionSpec {
    /// The API version, such as `2026-05-12`.
    pub version: Arc<str>,
    /// The API that it is of: `backend`, or a family such as `platform`.
    pub family: Box<str>,
    /// `None` if its file does not name one, as those of older releases do not.
    pub spec: Option<SpecSource>,
}

impl SpecSource {
    /// Why it cannot be; `None` if it can.
    pub(super) fn defect(&self) -> Option<&'static str> {
        let is_digest = self.sha256.len() == 64
            && self.sha256.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
        match (is_digest, day(&self.date)) {
            (false, _) => Some("`source.sha256` must be 64 lower-case hexadecimal digits"),
            (_, None) => Some("`source.date` must be a day such as `2026-08-14`"),
            (true, Some(_)) => None,
        }
    }

    /// Seconds from its day, in UTC, to `now`; 0 if that is in the future.
    pub fn age(&self, now: SystemTime) -> f64 {
        let age = day(&self.date).and_then(|day| now.duration_since(day).ok());
        age.unwrap_or_default().as_secs_f64()
    }
}

/// The first moment of the day `text`, in UTC.
pub(super) fn day(text: &str) -> Option<SystemTime> {
    // jiff alone takes more spellings of a day
    let date: jiff::civil::Date = if super::version::is_date(text) { text.parse().ok()? } else { return None };
    jiff::tz::TimeZone::UTC.to_timestamp(date.at(0, 0, 0, 0)).ok()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::{SpecSource, day};
    use crate::contract::contract_file::ContractFile;
    use crate::contract::{ANY_VERSION, Contract, ContractTexts};
    use std::collections::BTreeSet;
    use std::time::Duration;

    #[test]
    fn the_age_is_counted_from_the_day_of_the_spec() {
        let source = SpecSource { sha256: "a".repeat(64).into(), date: "2026-08-14".into() };
        assert_eq!(source.defect(), None);
        let start = day("2026-08-14").expect("a day");
        assert!((source.age(start + Duration::from_secs(86_400)) - 86_400.0).abs() < 1e-6);
        assert!(source.age(start - Duration::from_secs(1)) < 1e-6, "a day in the future");
    }

    #[test]
    fn a_digest_or_day_that_cannot_be_is_found() {
        for (sha256, date) in [("a", "2026-08-14"), (&*"A".repeat(64), "2026-08-14"), (&*"a".repeat(64), "2026-02-30")]
        {
            let source = SpecSource { sha256: sha256.into(), date: date.into() };
            assert!(source.defect().is_some(), "{sha256} {date}");
        }
    }

    #[test]
    fn a_built_in_file_is_written_as_import_writes_it() {
        for text in ContractTexts::built_in().versions {
            let file: ContractFile = serde_json::from_str(&text.text).expect("a contract file");
            assert!(file.to_text().expect("JSON") == text.text, "{} is edited by hand", text.file.display());
        }
    }

    #[test]
    fn every_built_in_version_has_a_spec_of_its_own() {
        let contract = Contract::built_in(ANY_VERSION).expect("the built-in contract is valid");
        let sources = contract.sources();
        let specs: BTreeSet<_> = sources.iter().filter_map(|it| Some(it.spec.as_ref()?.sha256.clone())).collect();
        assert_eq!((sources.len(), specs.len()), (7, 7));
        let platform = sources.last().expect("seven");
        assert_eq!((platform.family.as_ref(), platform.version.as_ref()), ("platform", "platform-beta"));
        for source in &sources {
            let date = source.spec.as_ref().map(|spec| spec.date.as_ref()).unwrap_or_default();
            assert!(date >= source.version.as_ref() || *source.family == *"platform", "{source:?}");
        }
    }
}
