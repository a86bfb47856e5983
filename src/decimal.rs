//! JSON numbers by their digits. As `f64`, `4.9999999999999999999999` is 5.

/// A number of JSON (RFC 8259 section 6), verbatim.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DecimalText<'t> {
    pub(crate) is_negative: bool,
    /// The digits before and behind the point.
    whole: &'t str,
    fraction: &'t str,
    /// The power of ten, at most as large as an `i64`: no text has so many digits that a larger one would differ.
    exponent: i64,
}

impl<'t> DecimalText<'t> {
    /// Reads `text`, which must be a number of JSON.
    pub(crate) fn of(text: &'t str) -> Self {
        let (is_negative, text) = text.strip_prefix('-').map_or((false, text), |text| (true, text));
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let bound = if exponent.starts_with('-') { i64::MIN } else { i64::MAX };
        Self { is_negative, whole, fraction, exponent: exponent.parse().unwrap_or(bound) }
    }

    fn digits(&self) -> impl DoubleEndedIterator<Item = u8> {
        self.whole.bytes().chain(self.fraction.bytes())
    }

    /// How many digits are before the point once it is where the exponent moves it.
    fn places(&self) -> i64 {
        i64::try_from(self.whole.len()).unwrap_or(i64::MAX).saturating_add(self.exponent)
    }

    /// Whether it is an integer (JSON Schema 2020-12, section 6.1.1): `5`, `5.0` and `5e1` are.
    pub(crate) fn is_integer(&self) -> bool {
        let zeros = self.digits().rev().take_while(|digit| *digit == b'0').count();
        let significant = (self.whole.len() + self.fraction.len()).saturating_sub(zeros);
        significant == 0 || i64::try_from(significant).is_ok_and(|significant| significant <= self.places())
    }

    /// How many digits it has when it is written out, without an exponent.
    pub(crate) fn written_out(&self) -> usize {
        let digits = self.whole.len() + self.fraction.len();
        digits.saturating_add(usize::try_from(self.exponent.unsigned_abs()).unwrap_or(usize::MAX))
    }

    /// The sign, the digits without zeros at either end, and the power of ten of the point in front of them: the same for equal
    /// numbers.
    pub(crate) fn normal_form(&self) -> (bool, Vec<u8>, i64) {
        let leading = self.digits().take_while(|digit| *digit == b'0').count();
        let mut digits: Vec<u8> = self.digits().skip(leading).collect();
        digits.truncate(digits.iter().rposition(|digit| *digit != b'0').map_or(0, |last| last + 1));
        if digits.is_empty() {
            // zero has no sign
            return (false, digits, 0);
        }
        (self.is_negative, digits, self.places().saturating_sub(i64::try_from(leading).unwrap_or(i64::MAX)))
    }

    /// What is before the point, without the sign; `None` if it does not fit.
    pub(crate) fn whole_part(&self) -> Option<u64> {
        let places = usize::try_from(self.places()).unwrap_or_default();
        let mut value = 0_u64;
        for digit in self.digits().take(places) {
            value = value.checked_mul(10)?.checked_add(u64::from(digit.wrapping_sub(b'0')))?;
        }
        // a number other than 0 outgrows its type after a few zeros
        for _ in self.whole.len() + self.fraction.len()..places {
            if value == 0 {
                break;
            }
            value = value.checked_mul(10)?;
        }
        Some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::DecimalText;

    #[test]
    fn an_integer_is_decided_by_the_digits() {
        for text in [
            "0",
            "-0",
            "0.0",
            "0e-9",
            "5",
            "-5.00",
            "1e2",
            "1.0",
            "1.50e1",
            "150e-1",
            "100e-2",
            "1e400",
            "1E+2",
            "0.5e1",
            "18446744073709551617",
            "0e99999999999999999999",
            "1e99999999999999999999",
        ] {
            assert!(DecimalText::of(text).is_integer(), "{text}");
        }
        for text in [
            "4.9999999999999999999999",
            "0.1",
            "1.5e0",
            "1e-1",
            "15e-1",
            "101e-2",
            "9007199254740993.5",
            "1e-400",
            "1e-99999999999999999999",
            "0.00000000000000000000000000000000000000000000001",
        ] {
            assert!(!DecimalText::of(text).is_integer(), "{text}");
        }
    }

    #[test]
    fn the_whole_part_is_exact() {
        for (text, expected) in [
            ("0", Some(0)),
            ("-12.75", Some(12)),
            ("0.0012e3", Some(1)),
            ("12e-1", Some(1)),
            ("12e-5", Some(0)),
            ("9007199254740993.0", Some(9_007_199_254_740_993)),
            ("9.007199254740993e15", Some(9_007_199_254_740_993)),
            ("18446744073709551615", Some(u64::MAX)),
            ("18446744073709551616", None),
            ("1e19", Some(10_000_000_000_000_000_000)),
            ("1e20", None),
            ("0e99999999999999999999", Some(0)),
            ("1e99999999999999999999", None),
        ] {
            assert_eq!(DecimalText::of(text).whole_part(), expected, "{text}");
        }
    }
}
