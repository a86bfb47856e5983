//! What flags and the environment say in place of the configuration file.

use std::borrow::Cow;

/// What flags and the environment say in place of the configuration file.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    /// In place of `listen`.
    pub listen: Option<Override>,
    /// In place of `upstream.url`.
    pub upstream: Option<Override>,
    /// In place of `admin.listen`.
    pub admin_listen: Option<Override>,
}

/// A value and where it was given.
#[derive(Clone, Debug)]
pub struct Override {
    /// The flag or variable, such as `--listen` or `PORTCULLIS_LISTEN`; errors name it in place of a file.
    pub origin: Cow<'static, str>,
    /// What was given.
    pub value: String,
}
