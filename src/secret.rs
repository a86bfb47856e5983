//! Secrets: values that must never be written anywhere.

use std::fmt;
use zeroize::Zeroize;

/// A secret value. `Debug` and `Display` mask it, and its memory is zeroed when it is dropped.
///
/// ```
/// use portcullis::secret::Secret;
///
/// let key = Secret::new(String::from("the value"));
/// assert_eq!(format!("{key} {key:?}"), "[redacted] [redacted]");
/// assert_eq!(key.expose(), "the value");
/// ```
#[derive(Clone)]
pub struct Secret<T: Zeroize>(T);

impl<T: Zeroize> Secret<T> {
    /// Wraps `value`.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The value itself. A method and not `Deref`, so that a review finds every use of it.
    pub const fn expose(&self) -> &T {
        &self.0
    }
}

// Masked and not left out: a configuration derives `Debug`, and its logs should show that a secret is set.
impl<T: Zeroize> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

impl<T: Zeroize> fmt::Display for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

impl<T: Zeroize> Drop for Secret<T> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}
