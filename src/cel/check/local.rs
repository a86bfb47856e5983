//! A name that a macro or `cel.bind` brings into scope.

use crate::cel::activation::Value;
use crate::cel::types::Type;

/// A name in scope.
pub(super) struct Local<'c> {
    pub(super) name: Box<str>,
    pub(super) r#type: Type<'c>,
    /// Its value, if that does not depend on the request.
    pub(super) constant: Option<Value<'static>>,
    /// Whether it has a value for each element of a list.
    pub(super) is_loop: bool,
}
