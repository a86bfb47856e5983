//! Which parts of a body a rule reads.

use crate::contract::diff::overlaps;
use std::collections::BTreeSet;

/// The parts of a body that expressions read, as JSON Pointers; the empty one is the whole body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reads(pub(super) BTreeSet<String>);

impl Reads {
    /// Whether any of it is, holds or is in the field at `pointer`.
    pub fn touch(&self, pointer: &str) -> bool {
        self.0.iter().any(|read| overlaps(read, pointer))
    }

    /// The fields of the body that are read; none where that is nothing, or whatever a request decides on.
    pub(super) fn fields(&self) -> Option<BTreeSet<&str>> {
        let fields = self.0.iter().map(|pointer| pointer.split('/').nth(1));
        fields.collect::<Option<BTreeSet<_>>>().filter(|fields| !fields.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::Reads;
    use crate::contract::Contract;
    use crate::manifest;
    use crate::policy::{Policy, RequestPolicy, compile};
    use std::path::Path;

    fn policy(variable: &str, condition: &str, validation: &str) -> Policy {
        let text = format!(
            "apiVersion: portcullis/v1\nkind: RequestPolicy\nmetadata: {{ name: rule }}\nspec:\n  match: {{ operations: [UpdateUser] }}\n  variables: [{{ name: v, expression: '{variable}' }}]\n  matchConditions: [{{ name: c, expression: '{condition}' }}]\n  params: {{ key: username }}\n  validations: [{{ expression: '{validation}', message: m }}]\n  actions: [Deny]\n"
        );
        let manifest = manifest::read::<RequestPolicy>(Path::new("a.yaml"), &text).expect("a policy").remove(0);
        compile(&manifest, &Contract::built_in("2026-05-12").expect("a contract")).expect("a sound policy")
    }

    fn pointers(reads: &Reads) -> Vec<&str> {
        reads.0.iter().map(String::as_str).collect()
    }

    #[test]
    fn what_expressions_read_is_known_through_variables_and_functions() {
        let policy = policy(
            "body.public_metadata.role",
            "has(body.locale) && request.method == \"PATCH\"",
            "variables.v != \"admin\" || json.size(body[\"private_metadata\"]) < 9 || body.backup_codes.exists(code, code == body.first_name)",
        );
        let [validation] = policy.validations.as_slice() else { panic!("one validation") };
        let of_validation = ["/backup_codes", "/first_name", "/private_metadata", "/public_metadata/role"];
        assert_eq!(pointers(&validation.reads), of_validation);
        assert!(policy.reads.touch("/locale") && !validation.reads.touch("/locale"));
    }

    #[test]
    fn what_is_read_touches_what_is_around_and_in_it() {
        let policy = policy(
            "1",
            "true == request.path.startsWith(\"/\")",
            "body.public_metadata.role != 1 && body.username != \"a\"",
        );
        for (pointer, expected) in [
            ("/public_metadata", true),
            ("/public_metadata/role", true),
            ("/public_metadata/role/name", true),
            ("/public_metadata/other", false),
            ("/public", false),
            ("/path", false),
            ("", true),
        ] {
            assert_eq!(policy.reads.touch(pointer), expected, "{pointer}");
        }
        let fields: Vec<&str> = policy.reads.fields().expect("fields").into_iter().collect();
        assert_eq!(fields, ["public_metadata", "username"]);
        assert_eq!(Reads::default().fields(), None);
        assert_eq!(Reads([String::new()].into()).fields(), None);
    }
}
