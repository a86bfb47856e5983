//! What the host declares about the structure of a value.

use super::kind::Kinds;
use std::fmt;

/// The declared structure of a value, such as an object of a request body. Read while expressions are compiled only.
pub(crate) trait ValueSchema: fmt::Debug {
    /// The types that the value may have.
    fn kinds(&self) -> Kinds;
    /// The schema of the member called `name`; `None` if it is not declared.
    fn member(&self, name: &str) -> Option<&dyn ValueSchema>;
    /// The declared names. Without any, a member may have every name.
    fn names(&self) -> Vec<&str>;
    /// The schema of the elements of a list; `None` if it is not declared.
    fn elements(&self) -> Option<&dyn ValueSchema>;
}
