//! Words of closed lists: written by the one function that logs and metrics name them by, read by looking the word up.

use crate::contract::credential::KeyClass;
use crate::outcome::Outcome;
use crate::policy::Action;
use crate::reason::Reason;
use serde::Serializer;
use serde::de::{Deserialize, Deserializer, Error};

/// A word of a closed list.
pub(super) trait Word: Copy + 'static {
    /// The list.
    const ALL: &'static [Self];
    /// Its text.
    fn text(self) -> &'static str;
}

macro_rules! word {
    ($($name:ty),*) => {
        $(impl Word for $name {
            const ALL: &'static [Self] = &Self::ALL;

            fn text(self) -> &'static str {
                self.as_str()
            }
        })*
    };
}

word!(Action, KeyClass, Outcome, Reason);

pub(super) fn serialize<W: Word, S: Serializer>(word: &W, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(word.text())
}

pub(super) fn deserialize<'de, W: Word, D: Deserializer<'de>>(deserializer: D) -> Result<W, D::Error> {
    let text = super::Text::deserialize(deserializer)?;
    let found = W::ALL.iter().find(|word| word.text() == &*text);
    found.copied().ok_or_else(|| D::Error::custom("a word that this version does not know"))
}

/// The same for a word that may be missing.
pub(super) mod optional {
    use super::Word;
    use serde::Serializer;
    use serde::de::Deserializer;

    #[expect(clippy::ref_option, reason = "serde calls it so")]
    pub(in super::super) fn serialize<W: Word, S: Serializer>(
        word: &Option<W>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match word {
            Some(word) => super::serialize(word, serializer),
            None => serializer.serialize_none(),
        }
    }

    pub(in super::super) fn deserialize<'de, W: Word, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<W>, D::Error> {
        super::deserialize(deserializer).map(Some)
    }
}
