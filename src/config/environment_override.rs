//! The environment by which requests are judged in place of that of their credential.

use crate::contract::credential::Environment;

/// An environment that replaces that of the credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EnvironmentOverride {
    /// The environment that policies see.
    pub environment: Environment,
    /// Whether it may be less strict than that of the credential.
    pub force: bool,
}

impl EnvironmentOverride {
    /// The environment that policies see for a credential of the environment `read`: the stricter of the two, unless forced.
    #[must_use]
    pub fn over(self, read: Environment) -> Environment {
        // `Environment` is ordered by strictness: production is the greatest
        if self.force { self.environment } else { self.environment.max(read) }
    }
}

#[cfg(test)]
mod tests {
    use super::EnvironmentOverride;
    use crate::contract::credential::Environment::{Development, Production};

    #[test]
    fn an_override_only_makes_it_stricter_unless_forced() {
        let over = |environment, force, read| EnvironmentOverride { environment, force }.over(read);
        assert_eq!(over(Production, false, Development), Production);
        assert_eq!(over(Development, false, Production), Production);
        assert_eq!(over(Development, true, Production), Development);
    }
}
