//! Serde for enums that logs and metrics name by `as_str`: written by that name, and read by looking the name up.

// not derived: the derive would be a second list of the names, which could drift from the one that metrics and logs use

use crate::contract::credential::KeyClass;
use crate::judge::ShadowDecision;
use crate::outcome::Outcome;
use crate::policy::Action;
use crate::reason::Reason;
use serde::Serializer;
use serde::de::{Deserialize, Deserializer, Error};

/// An enum whose variants have names.
pub(super) trait EnumName: Copy + 'static {
    /// Every variant.
    const ALL: &'static [Self];
    /// The name of the variant.
    fn name(self) -> &'static str;
}

macro_rules! enum_name {
    ($($enum:ty),*) => {
        $(impl EnumName for $enum {
            const ALL: &'static [Self] = &Self::ALL;

            fn name(self) -> &'static str {
                self.as_str()
            }
        })*
    };
}

enum_name!(Action, KeyClass, Outcome, Reason, ShadowDecision);

pub(super) fn serialize<E: EnumName, S: Serializer>(variant: &E, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(variant.name())
}

pub(super) fn deserialize<'de, E: EnumName, D: Deserializer<'de>>(deserializer: D) -> Result<E, D::Error> {
    let text = super::EntryText::deserialize(deserializer)?;
    let variant = E::ALL.iter().find(|variant| variant.name() == &*text);
    // the text is not repeated: the line may not be ours, and then holds anything
    variant.copied().ok_or_else(|| D::Error::custom("a name that this version does not know"))
}

/// The same for a name that may be absent.
pub(super) mod optional {
    use super::EnumName;
    use serde::Serializer;
    use serde::de::Deserializer;

    #[expect(clippy::ref_option, reason = "serde calls it so")]
    pub(in super::super) fn serialize<E: EnumName, S: Serializer>(
        variant: &Option<E>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match variant {
            Some(variant) => super::serialize(variant, serializer),
            None => serializer.serialize_none(),
        }
    }

    pub(in super::super) fn deserialize<'de, E: EnumName, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<E>, D::Error> {
        super::deserialize(deserializer).map(Some)
    }
}
