//! `cel.ext.encoders`: Base64, with the alphabet of RFC 4648, section 4.

use super::arguments::Arguments;
use crate::cel::activation::{Container, Evaluated, Value};
use crate::cel::budget::Budget;
use crate::cel::error::EvaluationError;
use crate::cel::kind::Kinds;
use crate::cel::signature::Signature;
use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// Writes padding, and reads a text with it or without.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A function of bytes, or of a text that stands for some.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cel) enum EncoderFunction {
    Decode,
    Encode,
}

pub(in crate::cel) const SIGNATURES: [Signature<EncoderFunction>; 2] = [
    Signature::plain("base64.decode", &[Kinds::STRING], Kinds::BYTES, EncoderFunction::Decode),
    Signature::plain("base64.encode", &[Kinds::BYTES], Kinds::STRING, EncoderFunction::Encode),
];

impl EncoderFunction {
    /// What the function gives for `arguments`, of which each is known.
    pub(in crate::cel) fn call<'a, C: Container<'a>>(
        self,
        arguments: &[Value<'a, C>],
        budget: &mut Budget,
    ) -> Evaluated<'a, C> {
        let arguments = Arguments(arguments);
        match (self, arguments.get(0)?) {
            (Self::Encode, Value::Bytes(bytes)) => {
                // what is made is a third longer than what is read
                budget.bytes(3 * bytes.len())?;
                Ok(Value::Text(BASE64.encode(bytes).into()))
            }
            (Self::Encode, _) => Err(EvaluationError::NoSuchOverload.into()),
            (Self::Decode, _) => {
                let text = arguments.text(0)?;
                budget.bytes(2 * text.len())?;
                let bytes = BASE64.decode(text).map_err(|_| EvaluationError::NotConvertible)?;
                Ok(Value::Bytes(bytes.into()))
            }
        }
    }
}
