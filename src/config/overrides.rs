//! Flags and environment variables that override the configuration file.

use std::borrow::Cow;

/// The overrides, each `None` if it is absent.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// One address, in place of all listeners of the file.
    pub listen: Option<Override>,
    /// A URL, or `embedded`, in place of `upstream.url`.
    pub upstream: Option<Override>,
    /// An address, or `off`, in place of `admin.listen`.
    pub admin_listen: Option<Override>,
}

/// A value and its origin.
#[derive(Clone, Debug)]
pub struct Override {
    /// The flag or variable, such as `--listen` or `PORTCULLIS_LISTEN`; errors name it instead of a file.
    pub origin: Cow<'static, str>,
    /// The verbatim value.
    pub value: String,
}
