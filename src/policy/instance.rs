//! The name and labels of a gateway, by which the policies of a central bundle distinguish gateways.

use std::collections::BTreeMap;
use std::sync::Arc;

/// The name and labels of a gateway, by its configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Instance {
    /// `instance.name` of the configuration; `None` if it is not set.
    pub name: Option<Arc<str>>,
    /// `instance.labels` of the configuration, by name.
    pub labels: BTreeMap<Arc<str>, Arc<str>>,
    /// `environment.name` of the configuration, such as `staging`: where it runs, whatever the credential of a request.
    pub environment: Option<Arc<str>>,
}

impl Instance {
    /// A gateway whose configuration does not name it.
    pub const UNNAMED: Self = Self { name: None, labels: BTreeMap::new(), environment: None };
}
